/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of the sampled blocks that are live.
 *
 * Lock-free: an address is added by the thread that was given the block and removed by the one that
 * is about to release it, so nobody looks for it in between.  Buckets of one cache line; where one
 * is full, the address goes into a table four times as large.  So nothing ever moves, no place
 * is ever "deleted", and a look-up is one line per table there is: one or two for the thousands
 * of blocks of a usual interval, up to eight for the millions of a small one.
 *
 * In front of it stands a filter of counters, one per hashed 256 bytes of addresses.  Nearly every
 * release is of a block that was not sampled and finds a 0 there: one load.
 */
#ifndef VMTRACE_SAMPLE_TABLE_H
#define VMTRACE_SAMPLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAMPLE_FILTER_PLACES = 1 << 16 };

/* Sampled live blocks per place; one that reaches UINT8_MAX stays there. */
extern uint8_t sample_filter[SAMPLE_FILTER_PLACES] __attribute__((visibility("hidden")));

/* Blocks that lie together share a place, and their neighbours have the next ones: what a program
 * works on at a time, a few MiB, has its places in a few cache lines.  Large, page-aligned blocks
 * share few places, which only makes their own releases slower. */
static inline uint32_t sample_filter_place(uint64_t address)
{
    return (uint16_t)(address >> 8);
}

/* False: the block at `address` was certainly not added. */
static inline bool sample_table_may_hold(uint64_t address)
{
    return sample_filter[sample_filter_place(address)] != 0;
}

/* Has the filter say that it may hold what lies in [address, address + size). */
void sample_table_mark(uint64_t address, uint64_t size);

/* Adds an address that is not 0 and not there.  False: no memory. */
bool sample_table_add(uint64_t address);

/* Removes it; false if it is not there. */
bool sample_table_remove(uint64_t address);

/* The memory that was mapped for it, until `visit` returns false. */
bool sample_table_visit(bool (*visit)(void *context, const void *start, size_t bytes),
                        void *context);

#endif
