/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lives as long as the symbolizer: an arena for frames, names and index nodes, and the
 * readable forms of linker names.
 */
#ifndef VMTRACE_NAME_POOL_H
#define VMTRACE_NAME_POOL_H

#include "base/arena.h"
#include "base/hash_map.h"

struct name_pool {
    struct arena *arena;
    struct hash_map index;   /* address of a linker name -> place in `readable` */
    struct hash_map mangled; /* address of a readable form -> place in `linker` */
    const char **readable, **linker;
    size_t count, room, linker_room;
};

/* -1 only when out of memory. */
int name_pool_init(struct name_pool *pool);
void name_pool_release(struct name_pool *pool);

/* The readable form of a linker name: demangled where it is mangled, without a symbol version,
 * `name` itself where there is nothing to change.  Remembered by address: `name` must stay
 * where it is.  NULL only when out of memory. */
const char *name_pool_readable(struct name_pool *pool, const char *name);

/* The linker name that name_pool_readable made `readable` of; NULL if it is none of its texts. */
const char *name_pool_linker(const struct name_pool *pool, const char *readable);

#endif
