/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder that the traces of one check are in, and where there is a tmpfs to be used, the one
 * on it that their first chunks are in while the program runs (reader/first_chunk.h): making and
 * removing a file there costs a fraction of what it does on a disk.
 */
#ifndef VMTRACE_DRIVER_FOLDER_H
#define VMTRACE_DRIVER_FOLDER_H

#include <limits.h>
#include <stdbool.h>

struct driver_folder {
    char path[PATH_MAX];
    char first[64]; /* on the tmpfs; "" if there is none */
    int lock;       /* open on it and locked, if there is one: it is in use */
};

/* Makes it below `above`, for whomever root's program may become, too.  `on_tmpfs`: the first
 * chunks may be on one.  Exits with a message when it cannot be made. */
void driver_folder_make(struct driver_folder *folder, const char *above, bool on_tmpfs);

/* No other user may write there any more. */
void driver_folder_close(const struct driver_folder *folder);

bool driver_folder_is_empty(const struct driver_folder *folder);

/* Puts traces together that are in two files, and removes what is empty then.  True: traces are
 * left in folder->path. */
bool driver_folder_settle(const struct driver_folder *folder);

#endif
