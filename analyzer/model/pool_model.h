/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of the program's own allocators, as it announced them through vmtrace.h.
 *
 * Each pool has its own blocks (two pools may hand out the same address); pools of one name
 * are counted together.  None of it is in the heap's totals: the blocks usually lie in heap
 * blocks or mappings.  A resize counts as one allocation and one free.
 */
#ifndef VMTRACE_MODEL_POOL_MODEL_H
#define VMTRACE_MODEL_POOL_MODEL_H

#include "base/arena.h"
#include "base/hash_map.h"
#include "decode/event.h"
#include "model/block_table.h"
#include "model/era_table.h"
#include "model/site_table.h"

#define POOL_NAMES_MAX ((size_t)4096) /* further names are counted as one */

struct pool_name {
    const char *name;
    uint64_t allocations, frees, bytes_allocated;
    uint64_t live_bytes, live_blocks, peak_bytes;
};

struct pool {
    struct block_table blocks;
    uint32_t name; /* index */
    uint64_t number;
};

struct pool_model {
    struct site_table *sites;
    struct stack_tree *stacks;
    struct era_table *eras;
    struct arena *arena;
    struct pool *pools;
    size_t count, capacity;
    struct hash_map by_number;
    struct pool_name *names;
    size_t name_count, name_capacity;
    struct hash_map by_name; /* hash of the name -> index of the first such name */
    uint64_t unknown;        /* releases and resizes of blocks that were never announced */
};

void pool_model_init(struct pool_model *model, struct site_table *sites, struct stack_tree *stacks,
                     struct era_table *eras, struct arena *arena);
void pool_model_release(struct pool_model *model);

/* A pool of before the fork, which had `count` live blocks then. */
bool pool_model_inherit(struct pool_model *model, uint64_t number, const char *name, size_t count);
/* A block of it, but for its site, whose kind tells the pool's name here.  In no sums but those of
 * its site.  False when out of memory. */
bool pool_model_inherit_block(struct pool_model *model, uint64_t number, uint32_t node,
                              const struct live_block *block);

/* Takes in the POOL records.  False when out of memory. */
bool pool_model_apply(struct pool_model *model, const struct event *event, uint32_t node,
                      uint32_t stream);

#endif
