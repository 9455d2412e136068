/* SPDX-License-Identifier: Apache-2.0 */
#include "model/page_history.h"

#include "unit_main.h"

#define U(value) ((uint64_t)(value))

static struct page_history pages;

static void touch(uint64_t page, bool expect_fresh)
{
    bool fresh;
    struct page_entry *entry = page_history_touch(&pages, page, &fresh);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(fresh, expect_fresh);
}

static uint32_t giver(uint64_t page)
{
    const struct page_entry *entry = page_history_find(&pages, page);
    ck_assert_ptr_nonnull(entry);
    return entry->giver;
}

START_TEST(page_history_remembers_every_page)
{
    pages = (struct page_history){0};
    ck_assert_ptr_null(page_history_find(&pages, 0));
    for (uint64_t i = 0; i < 20000; i++)
        touch(i * i, true);
    for (uint64_t i = 0; i < 20000; i++)
        touch(i * i, false);
    ck_assert_ptr_null(page_history_find(&pages, 3));
    ck_assert_uint_eq(pages.count, 20000);
    page_history_release(&pages);
}
END_TEST

/* A range that is smaller than the table is looked up, a larger one walked over. */
START_TEST(page_history_giving_back_hits_the_range_only)
{
    pages = (struct page_history){0};
    for (uint64_t i = 0; i < 1000; i++)
        touch(i, true);
    page_history_give_back(&pages, 10, 20, 7);
    page_history_give_back(&pages, 500, U(1) << 50, 8);
    page_history_give_back(&pages, 2000, 3000, 9);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(giver(i), i >= 500 ? 8 : i >= 10 && i < 20 ? 7 : PAGE_KEPT);
    page_history_release(&pages);
}
END_TEST

UNIT_MAIN("page_history", page_history_remembers_every_page,
          page_history_giving_back_hits_the_range_only)
