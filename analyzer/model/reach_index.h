/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which block an address lies in, for millions of look-ups at random.
 *
 * Blocks are known by the pages they begin in, and where in its page an address stands says about
 * which of them it is: for blocks of one size that is a cache miss or two, not one for each
 * halving of all blocks.  Several look-ups that go on at once wait for memory only once:
 *
 *     reach_index_prefetch    of each, as early as possible
 *     reach_index_guess       of each, then
 *     reach_index_settle      of each
 *
 * reach_index_find is all three for one.
 */
#ifndef VMTRACE_MODEL_REACH_INDEX_H
#define VMTRACE_MODEL_REACH_INDEX_H

#include "base/hash_map.h"
#include "model/reach_graph.h"

#define REACH_NO_BLOCK SIZE_MAX

struct reach_index {
    const struct reach_block *blocks; /* by address; the caller's */
    size_t count;
    struct hash_map pages; /* in which blocks begin -> index in `first` */
    uint32_t *first;       /* of each such page, by address, its first block; then `count` */
    size_t page_count, capacity;
};

/* Of fewer than REACH_MOST_BLOCKS blocks.  False when out of memory; release it in any case. */
bool reach_index_init(struct reach_index *index, const struct reach_block *blocks, size_t count);
void reach_index_release(struct reach_index *index);

void reach_index_prefetch(const struct reach_index *index, uint64_t address);

/* A block near which `address` lies; REACH_NO_BLOCK: it lies in none. */
size_t reach_index_guess(const struct reach_index *index, uint64_t address);

/* The block that `address` lies in, or REACH_NO_BLOCK. */
size_t reach_index_settle(const struct reach_index *index, uint64_t address, size_t guess);
size_t reach_index_find(const struct reach_index *index, uint64_t address);

#endif
