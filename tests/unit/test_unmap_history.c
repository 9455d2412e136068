/* SPDX-License-Identifier: Apache-2.0 */
#include "model/unmap_history.h"

#include "unit_main.h"

START_TEST(unmap_history_newest_piece_counts)
{
    struct unmap_history history = {0};
    ck_assert_ptr_null(unmap_history_covering(&history, 0x1000));
    ck_assert(unmap_history_push(&history, &(struct unmapped_piece){0x1000, 0x3000, 1, 10}));
    ck_assert(unmap_history_push(&history, &(struct unmapped_piece){0x2000, 0x4000, 2, 20}));
    ck_assert_uint_eq(unmap_history_covering(&history, 0x1fff)->site, 1);
    ck_assert_uint_eq(unmap_history_covering(&history, 0x2000)->site, 2);
    ck_assert_uint_eq(unmap_history_covering(&history, 0x3fff)->node, 20);
    ck_assert_ptr_null(unmap_history_covering(&history, 0x4000));
    ck_assert_ptr_null(unmap_history_covering(&history, 0xfff));
    unmap_history_release(&history);
}
END_TEST

START_TEST(unmap_history_forgets_the_oldest)
{
    struct unmap_history history = {0};
    for (uint64_t i = 0; i <= UNMAP_HISTORY_SIZE; i++) {
        struct unmapped_piece piece = {i << 12, (i + 1) << 12, (uint32_t)i, 0};
        ck_assert(unmap_history_push(&history, &piece));
    }
    ck_assert_ptr_null(unmap_history_covering(&history, 0));
    ck_assert_uint_eq(unmap_history_covering(&history, 0x1000)->site, 1);
    ck_assert_uint_eq(unmap_history_covering(&history, (uint64_t)UNMAP_HISTORY_SIZE << 12)->site,
                      UNMAP_HISTORY_SIZE);
    unmap_history_release(&history);
}
END_TEST

UNIT_MAIN("unmap_history", unmap_history_newest_piece_counts, unmap_history_forgets_the_oldest)
