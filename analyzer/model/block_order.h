/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live blocks of one moment by rising address, for a sweep over the address space.
 *
 * Blocks of a damaged trace may overlap; what lies below an earlier block's end is cut off, so
 * that no byte belongs to two of them.
 */
#ifndef VMTRACE_MODEL_BLOCK_ORDER_H
#define VMTRACE_MODEL_BLOCK_ORDER_H

#include "model/heap_model.h"

struct ordered_block {
    uint64_t start, end; /* start < end */
    uint32_t site;
    float weight; /* how many bytes each of its bytes stands for: 1 unless sampled */
};

struct block_order {
    struct ordered_block *blocks;
    size_t count;
};

/* Those that a realloc is moving are live, too.  Empty blocks are left out.  False when out of
 * memory. */
bool block_order_init(struct block_order *order, const struct heap_model *heap);

/* The same with empty blocks, as if they had one byte. */
bool block_order_init_all(struct block_order *order, const struct heap_model *heap);
void block_order_release(struct block_order *order);

/* Index of the first block that ends behind `address`. */
size_t block_order_find(const struct block_order *order, uint64_t address);

#endif
