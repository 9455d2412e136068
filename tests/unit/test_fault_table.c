/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fault_table.h"

#include "unit_main.h"

static struct fault_table table;

static uint32_t target(enum fault_owner owner, uint32_t id, uint64_t page)
{
    const struct fault_target wanted = {.owner = owner, .id = id, .page = page};
    return fault_table_target(&table, &wanted);
}

START_TEST(fault_table_targets_and_pairs_are_found_again)
{
    table = (struct fault_table){0};
    uint32_t block = target(FAULT_OWNER_BLOCK, 3, 0);
    ck_assert_uint_eq(target(FAULT_OWNER_BLOCK, 3, 0), block);
    ck_assert_uint_ne(target(FAULT_OWNER_MAPPING, 3, 0), block);
    ck_assert_uint_ne(target(FAULT_OWNER_BLOCK, 4, 0), block);
    uint32_t page = target(FAULT_OWNER_MODULE, 1, 9);
    ck_assert_uint_ne(target(FAULT_OWNER_MODULE, 1, 10), page);
    ck_assert_uint_eq(target(FAULT_OWNER_MODULE, 1, 9), page);
    uint32_t pair = fault_table_pair(&table, 7, block);
    ck_assert_uint_ne(fault_table_pair(&table, 8, block), pair);
    ck_assert_uint_ne(fault_table_pair(&table, 7, page), pair);
    ck_assert_uint_eq(fault_table_pair(&table, 7, block), pair);
    ck_assert_uint_eq(table.pairs[pair].code, 7);
    ck_assert_uint_eq(table.pairs[pair].target, block);
    ck_assert_uint_eq(table.pair_count, 3);
    fault_table_release(&table);
}
END_TEST

UNIT_MAIN("fault_table", fault_table_targets_and_pairs_are_found_again)
