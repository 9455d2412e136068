/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cohorts: blocks of one stream that were allocated by the same call at the same stack with the
 * same size.
 *
 * Programs allocate and release by cohort, so a compact trace tells an allocation by the number of
 * its cohort, and a release by that and a rank among the cohort's live blocks.  Blocks stand in
 * the order of their allocation; the rank is counted from either end, or from where the release
 * before took a block out (lists are freed from one end to the other, arrays too).
 *
 * Numbers of cohorts without live blocks are taken over by new ones when there are very many, so
 * that memory is bounded by COHORT_FEW and the live blocks.
 */
#ifndef VMTRACE_COMPACT_COHORT_TABLE_H
#define VMTRACE_COMPACT_COHORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "compact/span_table.h"

#define COHORT_NONE UINT32_MAX
#define COHORT_FEW (UINT32_C(1) << 20)

/* Ranks: from the youngest block, from the oldest, from the gap toward the younger ones and
 * toward the older ones, in turn; each at a distance below COHORT_REACH. */
#define COHORT_REACH 16
#define COHORT_RANKS (4 * COHORT_REACH)

struct cohort_key {
    uint64_t size;   /* that was asked for */
    uint32_t stream; /* index in the reader */
    uint32_t node;   /* the stream's number of the stack */
    uint8_t kind, subkind, alignment_log2;
};

struct cohort {
    struct cohort_key key;
    uint32_t blocks; /* head of the list of live ones, oldest first */
    uint32_t gap;    /* the block behind the one removed last, or `blocks` */
    uint32_t chain;  /* next one in the same bucket; only in an indexed table */
};

struct cohort_table {
    struct cohort *cohorts;
    size_t capacity;
    uint32_t count;
    uint32_t hand;     /* where the search for a number to take over goes on */
    uint32_t *buckets; /* of an indexed table: 1 << bits heads of chains */
    unsigned bits;
    bool indexed;
};

/* An indexed table can be searched by key. */
void cohort_table_init(struct cohort_table *table, bool indexed);
void cohort_table_release(struct cohort_table *table);

/* The cohort, or COHORT_NONE. */
uint32_t cohort_find(const struct cohort_table *table, const struct cohort_key *key);

/* A new cohort; COHORT_NONE when out of memory.  Needs room for one span. */
uint32_t cohort_add(struct cohort_table *table, struct span_table *spans,
                    const struct cohort_key *key);

/* Adds a live block (as the youngest), and removes one from the cohort that it is in, if any. */
void cohort_append(struct cohort_table *table, struct span_table *spans, uint32_t cohort,
                   uint32_t block);
void cohort_remove(struct cohort_table *table, struct span_table *spans, uint32_t block);

/* The rank of a block of a cohort; COHORT_RANKS if it has none. */
unsigned cohort_rank(const struct cohort_table *table, const struct span_table *spans,
                     uint32_t block);

/* The block of this rank, or SPAN_NONE. */
uint32_t cohort_ranked(const struct cohort_table *table, const struct span_table *spans,
                       uint32_t cohort, unsigned rank);

#endif
