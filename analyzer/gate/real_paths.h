/* SPDX-License-Identifier: Apache-2.0 */
/* What paths are without symbolic links.  Each is looked up once: thousands of frames name the same
 * few files. */
#ifndef VMTRACE_GATE_REAL_PATHS_H
#define VMTRACE_GATE_REAL_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/hash_map.h"

struct real_path;

struct real_paths { /* zeros at first */
    struct arena *arena;
    struct real_path *list;
    size_t count, capacity;
    struct hash_map index; /* hash of a path -> its place in the list */
};

void real_paths_release(struct real_paths *paths);

/* NULL: nothing is there, or there is no memory.  The result is the table's. */
const char *real_paths_find(struct real_paths *paths, const char *path);

#endif
