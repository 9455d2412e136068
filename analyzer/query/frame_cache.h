/* SPDX-License-Identifier: Apache-2.0 */
/*
 * (module, address) -> the frames that stand there, resolved once.
 *
 * With a symbolizer one address may be several frames (inlined functions, innermost first);
 * without one it is one frame that has a module and an offset only.  All strings and frames
 * are in the report's arena.
 */
#ifndef VMTRACE_QUERY_FRAME_CACHE_H
#define VMTRACE_QUERY_FRAME_CACHE_H

#include "base/arena.h"
#include "base/hash_map.h"
#include "model/module_table.h"
#include "query/report.h"
#include "symbol/symbolizer.h"

struct cached_frames {
    uint64_t address;
    uint32_t module; /* index, or MODULE_NONE */
    uint32_t count;  /* >= 1 */
    const struct report_frame *frames;
};

struct frame_module {
    struct symbol_module symbol;
    const char *path; /* NULL: not looked at yet */
    bool system;      /* libc, ld.so, the tracer...: not the program's own code */
};

struct frame_cache {
    struct arena *arena;
    const struct module_table *table;
    struct symbolizer *symbolizer; /* or NULL */
    struct frame_module *modules;  /* as many as the table has */
    struct cached_frames *entries;
    size_t count, capacity;
    struct hash_map by_address; /* mixed with the module */
    struct hash_map strings;    /* the symbolizer's string -> index of our copy */
    const char **copies;
    size_t copy_count, copy_capacity;
    uint32_t frame_count; /* of all entries; frames are numbered as they come */
};

/* The symbolizer is borrowed and may be NULL. */
bool frame_cache_init(struct frame_cache *cache, struct arena *arena,
                      const struct module_table *table, struct symbolizer *symbolizer);
void frame_cache_release(struct frame_cache *cache);

/* The frames at `address`, which is looked up as it is.  NULL when out of memory; else good
 * until the next call (what .frames points at stays). */
const struct cached_frames *frame_cache_get(struct frame_cache *cache, uint32_t module,
                                            uint64_t address);

/* A module as the symbolizer knows it, and its path in the arena.  NULL when out of memory. */
const struct symbol_module *frame_cache_module(struct frame_cache *cache, uint32_t module,
                                               const char **path);

/* All frames by number, in the arena.  NULL when out of memory. */
const struct report_frame *const *frame_cache_table(const struct frame_cache *cache);

#endif
