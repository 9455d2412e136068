/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which block an address points into.
 *
 * Blocks of OWNER_LARGE bytes or more are remembered by size class and place: one of 2^k to
 * 2^(k+1) - 1 bytes under (k, start >> k).  Blocks that are live do not overlap, so a key has at
 * most one, and what covers an address starts at most two places before it: three look-ups for each
 * class that ever had a block.  Smaller ones are found by stepping back from the address through
 * the table of live blocks.
 *
 * Nothing is removed: the caller knows by the start what is live.  Memory grows with the
 * addresses that were in use.
 */
#ifndef VMTRACE_MODEL_OWNER_INDEX_H
#define VMTRACE_MODEL_OWNER_INDEX_H

#include "model/block_table.h"
#include "model/freed_history.h"

#define OWNER_LARGE 4096u
#define OWNER_CLASSES 48 /* of sizes below 2^48 */

/* All zero is an empty index. */
struct owner_index {
    struct block_table places; /* address: the key; size: low k bits of the start; era: birth */
    uint64_t starts;           /* all starts of blocks, or-ed: how they are aligned */
    uint64_t classes;          /* bit k: there was a block of that class */
    uint32_t moment; /* goes on with each large block; others that count moments advance it, too */
};

struct owner_block {
    uint64_t start, size;
    uint32_t site;
    uint32_t birth; /* moment; 0 for small ones */
};

void owner_index_release(struct owner_index *index);

bool owner_index_put_large(struct owner_index *index, const struct live_block *block);

/* A block became live.  False when out of memory. */
static inline bool owner_index_put(struct owner_index *index, const struct live_block *block)
{
    index->starts |= block->address;
    return block->size < OWNER_LARGE || owner_index_put_large(index, block);
}

/* The live block that covers `address`; false if none does. */
bool owner_index_live(const struct owner_index *index, const struct block_table *live,
                      uint64_t address, struct owner_block *block);

/* The same among those released at `ticks` or later. */
bool owner_index_freed(const struct owner_index *index, const struct freed_history *freed,
                       uint64_t address, uint64_t ticks, struct owner_block *block);

#endif
