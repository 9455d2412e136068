/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ranges, each with something at it; which one covers an address?
 *
 * Use: interval_table_add as often as wanted, interval_table_sort once, then the look-ups.
 * Ranges may overlap and nest.  Invariant after sorting: starts ascend, and among equal starts
 * ranks do; reach[i] = max(end[0..i]).
 */
#ifndef VMTRACE_INTERVAL_TABLE_H
#define VMTRACE_INTERVAL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    uint64_t start, end; /* [start, end) */
    uint64_t reach;
    const void *value; /* the caller's */
    uint32_t rank;     /* the higher wins among ranges with one start */
    bool open;         /* of unknown size: ends where the next range starts, at `end` latest */
};

struct interval_table {
    struct interval *intervals;
    size_t count, room;
};

void interval_table_init(struct interval_table *table);
void interval_table_release(struct interval_table *table);

/* -1 when out of memory.  Empty ranges are left out. */
int interval_table_add(struct interval_table *table, uint64_t start, uint64_t end,
                       const void *value, uint32_t rank, bool open);
void interval_table_sort(struct interval_table *table);

/* The covering range that starts nearest below `address`; NULL if none does. */
const struct interval *interval_table_nearest(const struct interval_table *table, uint64_t address);
/* The covering range of the highest rank. */
const struct interval *interval_table_highest(const struct interval_table *table, uint64_t address);

#endif
