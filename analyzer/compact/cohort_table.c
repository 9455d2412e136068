/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/cohort_table.h"

#include <stdlib.h>

#include "base/vector.h"

#define COHORT_FIRST_BITS 8
/* Numbers looked at for one to take over, for each new cohort. */
#define COHORT_PATIENCE 16

void cohort_table_init(struct cohort_table *table, bool indexed)
{
    *table = (struct cohort_table){.indexed = indexed};
}

void cohort_table_release(struct cohort_table *table)
{
    free(table->cohorts);
    free(table->buckets);
    *table = (struct cohort_table){0};
}

/* ---- index ---- */

static uint32_t cohort_bucket(const struct cohort_table *table, const struct cohort_key *key)
{
    uint64_t hash = key->size + ((uint64_t)key->node << 32 | key->stream);
    hash ^= (uint64_t)key->kind << 56 | (uint64_t)key->subkind << 48 | key->alignment_log2;
    hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> (64 - table->bits));
}

static bool cohort_same(const struct cohort_key *a, const struct cohort_key *b)
{
    return a->size == b->size && a->stream == b->stream && a->node == b->node &&
           a->kind == b->kind && a->subkind == b->subkind && a->alignment_log2 == b->alignment_log2;
}

uint32_t cohort_find(const struct cohort_table *table, const struct cohort_key *key)
{
    if (!table->buckets)
        return COHORT_NONE;
    uint32_t cohort = table->buckets[cohort_bucket(table, key)];
    while (cohort != COHORT_NONE && !cohort_same(&table->cohorts[cohort].key, key))
        cohort = table->cohorts[cohort].chain;
    return cohort;
}

static void cohort_link(struct cohort_table *table, uint32_t cohort)
{
    uint32_t *bucket = &table->buckets[cohort_bucket(table, &table->cohorts[cohort].key)];
    table->cohorts[cohort].chain = *bucket;
    *bucket = cohort;
}

static void cohort_unlink(struct cohort_table *table, uint32_t cohort)
{
    uint32_t *link = &table->buckets[cohort_bucket(table, &table->cohorts[cohort].key)];
    while (*link != cohort)
        link = &table->cohorts[*link].chain;
    *link = table->cohorts[cohort].chain;
}

/* Room in the index for one more, at a load of at most 1. */
static bool cohort_index_reserve(struct cohort_table *table)
{
    if (!table->indexed || (table->buckets && table->count < UINT32_C(1) << table->bits))
        return true;
    unsigned bits = table->buckets ? table->bits + 1 : COHORT_FIRST_BITS;
    uint32_t *buckets = malloc(sizeof(*buckets) << bits);
    if (!buckets)
        return false;
    free(table->buckets);
    table->buckets = buckets;
    table->bits = bits;
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        buckets[i] = COHORT_NONE;
    for (uint32_t i = 0; i < table->count; i++)
        cohort_link(table, i);
    return true;
}

/* ---- cohorts ---- */

/* A number whose cohort has no live blocks, or COHORT_NONE. */
static uint32_t cohort_reuse(struct cohort_table *table, const struct span_table *spans)
{
    if (table->count < COHORT_FEW)
        return COHORT_NONE;
    for (unsigned i = 0; i < COHORT_PATIENCE; i++) {
        uint32_t cohort = table->hand < table->count ? table->hand : 0;
        table->hand = cohort + 1;
        if (span_list_empty(spans, table->cohorts[cohort].blocks))
            return cohort;
    }
    return COHORT_NONE;
}

uint32_t cohort_add(struct cohort_table *table, struct span_table *spans,
                    const struct cohort_key *key)
{
    uint32_t cohort = cohort_reuse(table, spans);
    if (cohort == COHORT_NONE) {
        if (table->count == COHORT_NONE || !cohort_index_reserve(table) ||
            (table->count == table->capacity &&
             !vector_grow(&table->cohorts, &table->capacity, sizeof(*table->cohorts))))
            return COHORT_NONE;
        cohort = table->count++;
        table->cohorts[cohort].blocks = span_lists_new(spans, 1);
    } else if (table->indexed) {
        cohort_unlink(table, cohort);
    }
    table->cohorts[cohort].key = *key;
    table->cohorts[cohort].gap = table->cohorts[cohort].blocks;
    if (table->indexed)
        cohort_link(table, cohort);
    return cohort;
}

void cohort_append(struct cohort_table *table, struct span_table *spans, uint32_t cohort,
                   uint32_t block)
{
    span_insert(spans, block, table->cohorts[cohort].blocks);
    span_at(spans, block)->cohort = cohort;
}

void cohort_remove(struct cohort_table *table, struct span_table *spans, uint32_t block)
{
    struct span *span = span_at(spans, block);
    if (span->cohort == COHORT_NONE || span->next == SPAN_NONE)
        return;
    table->cohorts[span->cohort].gap = span->next;
    span_unlink(spans, block);
}

/* ---- ranks ---- */

/* Four places that start at the ends and at the gap. */
struct cohort_walk {
    uint32_t at[4];
};

static struct cohort_walk cohort_walk_begin(const struct span_table *spans,
                                            const struct cohort *cohort)
{
    return (struct cohort_walk){{span_last(spans, cohort->blocks),
                                 span_first(spans, cohort->blocks), cohort->gap,
                                 span_last(spans, cohort->gap)}};
}

static void cohort_walk_step(struct cohort_walk *walk, const struct span_table *spans)
{
    walk->at[0] = span_last(spans, walk->at[0]);
    walk->at[1] = span_first(spans, walk->at[1]);
    walk->at[2] = span_first(spans, walk->at[2]);
    walk->at[3] = span_last(spans, walk->at[3]);
}

unsigned cohort_rank(const struct cohort_table *table, const struct span_table *spans,
                     uint32_t block)
{
    const struct cohort *cohort = &table->cohorts[span_at(spans, block)->cohort];
    struct cohort_walk walk = cohort_walk_begin(spans, cohort);
    for (unsigned distance = 0; distance < COHORT_REACH; distance++) {
        for (unsigned way = 0; way < 4; way++)
            if (walk.at[way] == block)
                return 4 * distance + way;
        cohort_walk_step(&walk, spans);
    }
    return COHORT_RANKS;
}

uint32_t cohort_ranked(const struct cohort_table *table, const struct span_table *spans,
                       uint32_t cohort, unsigned rank)
{
    struct cohort_walk walk = cohort_walk_begin(spans, &table->cohorts[cohort]);
    for (unsigned distance = rank / 4; distance > 0; distance--)
        cohort_walk_step(&walk, spans);
    uint32_t block = walk.at[rank % 4];
    return block == table->cohorts[cohort].blocks ? SPAN_NONE : block;
}
