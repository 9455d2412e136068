/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which folder posix_spawn executes a relative path: the file actions may change it
 * (posix_spawn_file_actions_addchdir_np).  Read from glibc's own form of them, since only the child
 * carries them out.
 */
#ifndef VMTRACE_SPAWN_FOLDER_H
#define VMTRACE_SPAWN_FOLDER_H

#include "text.h"

#include <spawn.h>

enum { SPAWN_FOLDER_PATH = 1024 };

struct spawn_folder {
    int base; /* as openat(2) takes it */
    struct text text;
    char path[SPAWN_FOLDER_PATH];
};

/* The file that `path` will be, or NULL if that cannot be told; lies in `folder` or is `path`. */
const char *spawn_folder_find(struct spawn_folder *folder,
                              const posix_spawn_file_actions_t *actions, const char *path);

#endif
