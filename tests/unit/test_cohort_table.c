/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/cohort_table.h"

#include "unit_main.h"

static struct span_table spans;
static struct cohort_table cohorts;

static void setup(bool indexed)
{
    spans = (struct span_table){0};
    cohort_table_init(&cohorts, indexed);
}

static void finish(void)
{
    cohort_table_release(&cohorts);
    span_table_release(&spans);
}

static uint32_t add_cohort(uint64_t size, uint32_t node)
{
    const struct cohort_key key = {.size = size, .node = node, .kind = 1};
    ck_assert(span_table_reserve(&spans, 1));
    return cohort_add(&cohorts, &spans, &key);
}

static uint32_t add_block(uint32_t cohort, uint64_t address)
{
    ck_assert(span_table_reserve(&spans, 1));
    uint32_t block = span_new(&spans, address, 32);
    cohort_append(&cohorts, &spans, cohort, block);
    return block;
}

START_TEST(cohort_table_keys_are_told_apart)
{
    setup(true);
    const struct cohort_key base = {64, 1, 2, 3, 4, 5};
    struct cohort_key keys[7];
    for (unsigned i = 0; i < 7; i++)
        keys[i] = base;
    keys[1].size = 65;
    keys[2].stream = 0;
    keys[3].node = 3;
    keys[4].kind = 1;
    keys[5].subkind = 0;
    keys[6].alignment_log2 = 6;
    ck_assert_uint_eq(cohort_find(&cohorts, &base), COHORT_NONE);
    for (uint32_t i = 0; i < 7; i++) {
        ck_assert(span_table_reserve(&spans, 1));
        ck_assert_uint_eq(cohort_find(&cohorts, &keys[i]), COHORT_NONE);
        ck_assert_uint_eq(cohort_add(&cohorts, &spans, &keys[i]), i);
    }
    for (uint32_t i = 0; i < 7; i++)
        ck_assert_uint_eq(cohort_find(&cohorts, &keys[i]), i);
    finish();
}
END_TEST

START_TEST(cohort_table_many_are_found)
{
    setup(true);
    for (uint32_t i = 0; i < 50000; i++)
        ck_assert_uint_eq(add_cohort(i % 100, i / 100), i);
    for (uint32_t i = 0; i < 50000; i++) {
        const struct cohort_key key = {.size = i % 100, .node = i / 100, .kind = 1};
        ck_assert_uint_eq(cohort_find(&cohorts, &key), i);
    }
    finish();
}
END_TEST

START_TEST(cohort_rank_counts_from_ends_and_gap)
{
    uint32_t block[10];
    setup(false);
    uint32_t cohort = add_cohort(8, 2);
    for (uint32_t i = 0; i < 10; i++)
        block[i] = add_block(cohort, 0x1000 + 32 * i);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[9]), 0);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[0]), 1);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[8]), 4);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[1]), 5);
    cohort_remove(&cohorts, &spans, block[4]);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[5]), 2);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[3]), 3);
    cohort_remove(&cohorts, &spans, block[5]);
    ck_assert_uint_eq(cohort_rank(&cohorts, &spans, block[6]), 2);
    finish();
}
END_TEST

/* Whatever is removed, in whatever order: the rank leads back to the block. */
START_TEST(cohort_rank_leads_back)
{
    enum { COUNT = 300 };
    uint32_t block[COUNT], left = COUNT, random = 1;
    unsigned without = 0;
    setup(false);
    uint32_t cohort = add_cohort(8, 2);
    for (uint32_t i = 0; i < COUNT; i++)
        block[i] = add_block(cohort, 0x1000 + 32 * i);
    while (left) {
        random = random * 1664525u + 1013904223u;
        uint32_t i = (random >> 8) % left;
        unsigned rank = cohort_rank(&cohorts, &spans, block[i]);
        if (rank < COHORT_RANKS)
            ck_assert_uint_eq(cohort_ranked(&cohorts, &spans, cohort, rank), block[i]);
        else
            without++;
        cohort_remove(&cohorts, &spans, block[i]);
        block[i] = block[--left];
    }
    ck_assert_uint_gt(without, 0);
    for (unsigned rank = 0; rank < COHORT_RANKS; rank++)
        ck_assert_uint_eq(cohort_ranked(&cohorts, &spans, cohort, rank), SPAN_NONE);
    finish();
}
END_TEST

/* Numbers are taken over when there are very many, but never one with live blocks. */
START_TEST(cohort_table_is_bounded)
{
    setup(true);
    uint32_t first = add_cohort(1, 1);
    add_block(first, 0x1000);
    for (uint32_t i = 0; i < COHORT_FEW + 1000; i++) {
        uint32_t cohort = add_cohort(2, i);
        ck_assert_uint_ne(cohort, COHORT_NONE);
        ck_assert_uint_ne(cohort, first);
    }
    ck_assert_uint_eq(cohorts.count, COHORT_FEW);
    const struct cohort_key gone = {.size = 2, .node = 0, .kind = 1},
                            last = {.size = 2, .node = COHORT_FEW + 999, .kind = 1};
    ck_assert_uint_eq(cohort_find(&cohorts, &gone), COHORT_NONE);
    ck_assert_uint_ne(cohort_find(&cohorts, &last), COHORT_NONE);
    finish();
}
END_TEST

UNIT_MAIN("cohort_table", cohort_table_keys_are_told_apart, cohort_table_many_are_found,
          cohort_rank_counts_from_ends_and_gap, cohort_rank_leads_back, cohort_table_is_bounded)
