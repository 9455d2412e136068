/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/span_table.h"

#include <string.h>

#include "unit_main.h"

static struct span_table table;

static void setup(void)
{
    table = (struct span_table){0};
    ck_assert(span_table_reserve(&table, 16));
}

static uint32_t add(uint64_t address)
{
    ck_assert(span_table_reserve(&table, 1));
    return span_new(&table, address, 32);
}

START_TEST(span_table_empty_finds_nothing)
{
    struct span_table empty = {0};
    ck_assert_uint_eq(span_find(&empty, 0x1000), SPAN_NONE);
    setup();
    ck_assert_uint_eq(span_find(&table, 0x1000), SPAN_NONE);
    ck_assert_uint_eq(span_find(&table, 0), SPAN_NONE);
    span_table_release(&table);
}
END_TEST

/* Addresses of all sorts of distances; half of each is dropped again. */
START_TEST(span_table_many_are_found_until_dropped)
{
    enum { COUNT = 40000 };
    static const uint64_t strides[] = {16, 32, 48, 4096, 65536, UINT64_C(1) << 33};
    for (unsigned s = 0; s < sizeof(strides) / sizeof(strides[0]); s++) {
        setup();
        for (uint64_t i = 0; i < COUNT; i++)
            add(0x10000 + i * strides[s]);
        for (uint64_t i = 0; i < COUNT; i += 2)
            span_drop(&table, span_find(&table, 0x10000 + i * strides[s]));
        for (uint64_t i = 0; i < COUNT; i++) {
            uint32_t number = span_find(&table, 0x10000 + i * strides[s]);
            ck_assert_int_eq(number != SPAN_NONE, i % 2);
            if (number != SPAN_NONE)
                ck_assert_uint_eq(span_at(&table, number)->address, 0x10000 + i * strides[s]);
        }
        ck_assert_uint_eq(table.used, COUNT / 2);
        span_table_release(&table);
    }
}
END_TEST

/* Only the upper half of the address tells them apart. */
START_TEST(span_table_equal_lower_halves_are_different)
{
    setup();
    uint32_t one = add(UINT64_C(0x10) << 36 | 0x1000), two = add(UINT64_C(0x20) << 36 | 0x1000);
    ck_assert_uint_eq(span_find(&table, UINT64_C(0x10) << 36 | 0x1000), one);
    ck_assert_uint_eq(span_find(&table, UINT64_C(0x20) << 36 | 0x1000), two);
    ck_assert_uint_eq(span_find(&table, UINT64_C(0x30) << 36 | 0x1000), SPAN_NONE);
    span_table_release(&table);
}
END_TEST

START_TEST(span_table_numbers_are_used_again)
{
    setup();
    for (uint64_t i = 1; i < 100000; i++) {
        uint32_t number = add(i * 16);
        span_drop(&table, number);
    }
    ck_assert_uint_lt(table.count, 16);
    ck_assert_uint_eq(table.used, 0);
    span_table_release(&table);
}
END_TEST

START_TEST(span_table_lists_keep_their_order)
{
    setup();
    uint32_t head = span_lists_new(&table, 2), a = add(0x100), b = add(0x200), c = add(0x300);
    ck_assert(span_list_empty(&table, head) && span_list_empty(&table, head + 1));
    span_insert(&table, a, head);
    span_insert(&table, b, head);
    span_insert(&table, c, b);
    ck_assert_uint_eq(span_first(&table, head), a);
    ck_assert_uint_eq(span_first(&table, a), c);
    ck_assert_uint_eq(span_last(&table, head), b);
    span_unlink(&table, c);
    span_unlink(&table, c);
    ck_assert_uint_eq(span_first(&table, a), b);
    ck_assert_uint_eq(span_last(&table, b), a);
    span_unlink(&table, a);
    span_unlink(&table, b);
    ck_assert(span_list_empty(&table, head));
    span_table_release(&table);
}
END_TEST

UNIT_MAIN("span_table", span_table_empty_finds_nothing, span_table_many_are_found_until_dropped,
          span_table_equal_lower_halves_are_different, span_table_numbers_are_used_again,
          span_table_lists_keep_their_order)
