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

static void give_back(uint64_t first, uint64_t end, uint32_t giver, uint32_t moment)
{
    ck_assert(page_history_give_back(&pages, first, end, giver, moment));
}

/* A small range is looked up, a larger one remembered. */
START_TEST(page_history_giving_back_hits_the_range_only)
{
    pages = (struct page_history){0};
    for (uint64_t i = 0; i < 1000; i++)
        touch(i, true);
    give_back(10, 20, 7, 1);
    give_back(500, U(1) << 50, 8, 2);
    give_back(2000, 3000, 9, 3);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(giver(i), i >= 500 ? 8 : i >= 10 && i < 20 ? 7 : PAGE_KEPT);
    page_history_release(&pages);
}
END_TEST

START_TEST(page_history_the_last_to_give_back_counts)
{
    const uint64_t far = U(1) << 40;
    pages = (struct page_history){0};
    for (uint64_t i = 0; i < 400; i++)
        touch(i, true);
    give_back(0, far, 7, 1);
    give_back(100, far, 8, 2); /* over a part of it */
    give_back(200, 300, 9, 3);
    for (uint64_t i = 0; i < 400; i++)
        ck_assert_uint_eq(giver(i), i < 100 ? 7 : i < 200 || i >= 300 ? 8 : 9);
    bool fresh;
    struct page_entry *entry = page_history_touch(&pages, 50, &fresh);
    entry->giver = PAGE_KEPT;
    entry->moment = 4;
    ck_assert_uint_eq(giver(50), PAGE_KEPT);
    page_history_release(&pages);
}
END_TEST

/* More large ranges than are kept; of the oldest ones nothing is lost. */
START_TEST(page_history_many_large_ranges)
{
    const uint64_t size = 2 * PAGE_RANGE_LEAST, count = 3 * PAGE_RANGES;
    pages = (struct page_history){0};
    for (uint64_t i = 0; i <= count; i++)
        touch(i * size + 5, true);
    for (uint64_t i = 0; i < count; i++)
        give_back(i * size, (i + 1) * size, (uint32_t)i, (uint32_t)i);
    ck_assert_uint_le(pages.range_count, PAGE_RANGES + 2);
    for (uint64_t i = 0; i < count; i++)
        ck_assert_uint_eq(giver(i * size + 5), i);
    ck_assert_uint_eq(giver(count * size + 5), PAGE_KEPT);
    page_history_release(&pages);
}
END_TEST

START_TEST(page_history_pages_that_moved_away_are_new)
{
    pages = (struct page_history){0};
    touch(5, true);
    touch(9, true);
    give_back(0, 7, PAGE_FORGOTTEN, 1);
    ck_assert_ptr_null(page_history_find(&pages, 5));
    give_back(0, U(1) << 40, 3, 2);
    touch(5, true);
    touch(9, false);
    ck_assert_uint_eq(pages.count, 2);
    page_history_release(&pages);
}
END_TEST

UNIT_MAIN("page_history", page_history_remembers_every_page,
          page_history_giving_back_hits_the_range_only, page_history_the_last_to_give_back_counts,
          page_history_many_large_ranges, page_history_pages_that_moved_away_are_new)
