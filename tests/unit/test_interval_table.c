/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "symbol/interval_table.h"

static struct interval_table table;

static void setup(void)
{
    interval_table_init(&table);
}

static void teardown(void)
{
    interval_table_release(&table);
}

static void add(uint64_t start, uint64_t end, const char *value, uint32_t rank)
{
    ck_assert_int_eq(interval_table_add(&table, start, end, value, rank, false), 0);
}

static const char *nearest(uint64_t address)
{
    const struct interval *found = interval_table_nearest(&table, address);
    return found ? found->value : NULL;
}

static const char *highest(uint64_t address)
{
    const struct interval *found = interval_table_highest(&table, address);
    return found ? found->value : NULL;
}

START_TEST(interval_table_empty_finds_nothing)
{
    interval_table_sort(&table);
    ck_assert_ptr_null(nearest(0));
    ck_assert_ptr_null(highest(UINT64_MAX));
}
END_TEST

START_TEST(interval_table_bounds_are_half_open)
{
    add(200, 210, "b", 0);
    add(100, 110, "a", 0);
    add(150, 150, "empty", 0);
    add(UINT64_MAX - 1, UINT64_MAX, "last", 0);
    interval_table_sort(&table);
    ck_assert_ptr_null(nearest(99));
    ck_assert_pstr_eq(nearest(100), "a");
    ck_assert_pstr_eq(nearest(109), "a");
    ck_assert_ptr_null(nearest(110));
    ck_assert_ptr_null(nearest(150));
    ck_assert_pstr_eq(nearest(209), "b");
    ck_assert_pstr_eq(nearest(UINT64_MAX - 1), "last");
    ck_assert_ptr_null(nearest(UINT64_MAX));
}
END_TEST

START_TEST(interval_table_nested_ranges_give_the_inner_one)
{
    add(100, 200, "outer", 9);
    add(120, 130, "inner", 0);
    add(140, 150, "other", 0);
    interval_table_sort(&table);
    ck_assert_pstr_eq(nearest(125), "inner");
    ck_assert_pstr_eq(nearest(135), "outer");
    ck_assert_pstr_eq(nearest(199), "outer");
    ck_assert_pstr_eq(highest(125), "outer");
}
END_TEST

START_TEST(interval_table_equal_starts_go_by_rank)
{
    add(100, 110, "high", 5);
    add(100, 120, "low", 1);
    interval_table_sort(&table);
    ck_assert_pstr_eq(nearest(105), "high");
    ck_assert_pstr_eq(nearest(115), "low");
}
END_TEST

START_TEST(interval_table_open_range_ends_at_the_next_start)
{
    ck_assert_int_eq(interval_table_add(&table, 100, 1000, "open", 0, true), 0);
    ck_assert_int_eq(interval_table_add(&table, 100, 1000, "alias", 1, true), 0);
    add(300, 310, "next", 0);
    ck_assert_int_eq(interval_table_add(&table, 900, 1000, "last", 0, true), 0);
    interval_table_sort(&table);
    ck_assert_pstr_eq(nearest(299), "alias");
    ck_assert_pstr_eq(nearest(300), "next");
    ck_assert_ptr_null(nearest(310));
    ck_assert_pstr_eq(nearest(999), "last");
    ck_assert_ptr_null(nearest(1000));
}
END_TEST

/* Against a plain search through the list, on ranges that overlap at random. */
START_TEST(interval_table_random_ranges_agree_with_a_plain_search)
{
    static char values[400];
    struct {
        uint64_t start, end;
    } ranges[400];
    unsigned seed = 12345;

    for (size_t i = 0; i < 400; i++) {
        ranges[i].start = (uint64_t)(rand_r(&seed) % 2000) * 512 + i; /* all differ */
        ranges[i].end = ranges[i].start + 1 + (uint64_t)(rand_r(&seed) % 60000);
        add(ranges[i].start, ranges[i].end, &values[i], (uint32_t)(i * 7 % 400));
    }
    interval_table_sort(&table);
    for (uint64_t address = 0; address < 1100000; address += 97) {
        const char *near = NULL, *high = NULL;
        uint64_t best_start = 0, best_rank = 0;
        for (size_t i = 0; i < 400; i++) {
            if (address < ranges[i].start || address >= ranges[i].end)
                continue;
            if (!near || ranges[i].start > best_start) {
                near = &values[i];
                best_start = ranges[i].start;
            }
            if (!high || i * 7 % 400 > best_rank) {
                high = &values[i];
                best_rank = i * 7 % 400;
            }
        }
        ck_assert_ptr_eq(nearest(address), near);
        ck_assert_ptr_eq(highest(address), high);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interval_table");
    TCase *tests = tcase_create("interval_table");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, interval_table_empty_finds_nothing);
    tcase_add_test(tests, interval_table_bounds_are_half_open);
    tcase_add_test(tests, interval_table_nested_ranges_give_the_inner_one);
    tcase_add_test(tests, interval_table_equal_starts_go_by_rank);
    tcase_add_test(tests, interval_table_open_range_ends_at_the_next_start);
    tcase_add_test(tests, interval_table_random_ranges_agree_with_a_plain_search);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
