/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mapping_list.h"

#include "unit_main.h"

static struct mapping_list list;

static void add(uint64_t start, uint64_t end)
{
    struct mapping mapping = {.start = start, .end = end};
    ck_assert(mapping_list_add(&list, &mapping));
}

START_TEST(mapping_list_stays_sorted_by_falling_address)
{
    add(50, 60);
    add(10, 20);
    add(90, 95);
    add(60, 70);
    for (size_t i = 1; i < list.count; i++)
        ck_assert_uint_ge(list.mappings[i - 1].start, list.mappings[i].end);
    ck_assert_uint_eq(list.count, 4);
    mapping_list_release(&list);
}
END_TEST

START_TEST(mapping_list_overlap_excludes_neighbours)
{
    size_t first, last;
    add(10, 20);
    add(20, 30);
    add(30, 40);
    last = mapping_list_overlapping(&list, 20, 30, &first);
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(last, 2);
    last = mapping_list_overlapping(&list, 19, 31, &first);
    ck_assert_uint_eq(first, 0);
    ck_assert_uint_eq(last, 3);
    last = mapping_list_overlapping(&list, 40, 100, &first);
    ck_assert_uint_eq(first, last);
    last = mapping_list_overlapping(&list, 0, 10, &first);
    ck_assert_uint_eq(first, last);
    mapping_list_release(&list);
}
END_TEST

UNIT_MAIN("mapping_list", mapping_list_stays_sorted_by_falling_address,
          mapping_list_overlap_excludes_neighbours)
