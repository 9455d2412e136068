/* SPDX-License-Identifier: Apache-2.0 */
#include "model/era_table.h"

#include "unit_main.h"

START_TEST(era_table_new_era_after_the_quantum)
{
    struct era_table table;
    ck_assert(era_table_init(&table, 1000, 10));
    ck_assert_uint_eq(era_table_at(&table, 5), 0);
    ck_assert_uint_eq(era_table_at(&table, 1010), 0);
    ck_assert_uint_eq(era_table_at(&table, 1011), 1);
    ck_assert_uint_eq(table.eras[1].ticks, 1011);
    ck_assert(era_table_begin(&table, 1012));
    ck_assert_uint_eq(era_table_at(&table, 1013), 2);
    era_table_release(&table);
}
END_TEST

START_TEST(era_table_long_run_has_few_eras)
{
    struct era_table table;
    ck_assert(era_table_init(&table, 0, 1));
    for (uint64_t ticks = 0; ticks < 10000000; ticks += 2)
        era_table_at(&table, ticks);
    ck_assert_uint_lt(table.count, 16384 * 10);
    ck_assert_uint_gt(table.count, 16384);
    era_table_release(&table);
}
END_TEST

UNIT_MAIN("era_table", era_table_new_era_after_the_quantum, era_table_long_run_has_few_eras)
