/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks by address: 24 bytes each in an open-addressing table that is at most three
 * quarters full (32 to 64 bytes a block).  Addresses are never 0.
 */
#ifndef VMTRACE_MODEL_BLOCK_TABLE_H
#define VMTRACE_MODEL_BLOCK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than any address space: a size above it cannot have been handed out. */
#define BLOCK_MAX_SIZE ((UINT64_C(1) << 48) - 1)

struct live_block {
    uint64_t address;
    uint64_t size : 48;
    uint64_t stream : 16; /* low bits of the stream that allocated it */
    uint32_t site;        /* in the site table */
    uint32_t era;         /* when: see model/era_table.h */
};

/* All zero is an empty table. */
struct block_table {
    struct live_block *places;
    size_t count;
    unsigned bits; /* 1 << bits places; meaningless without places */
};

void block_table_release(struct block_table *table);

/* Room for `count` blocks in all: what is taken over from another table, in its order, would else
 * crowd at the beginning of each smaller one.  False when out of memory. */
bool block_table_reserve(struct block_table *table, size_t count);

/* The block that begins at `address`, or NULL.  Valid until the next put or take. */
struct live_block *block_table_find(const struct block_table *table, uint64_t address);

/* Adds a block whose address is not in the table.  False when out of memory. */
bool block_table_put(struct block_table *table, const struct live_block *block);

/* Removes the block at `address` and copies it to *block; false if there is none. */
bool block_table_take(struct block_table *table, uint64_t address, struct live_block *block);

/* All blocks in no order: *position starts at 0; NULL at the end. */
const struct live_block *block_table_next(const struct block_table *table, size_t *position);

#endif
