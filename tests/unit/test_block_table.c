/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block_table.h"

#include "unit_main.h"

#define ADDRESSES 4000

/* Against an array of flags: what is put is found until it is taken. */
START_TEST(block_table_random_use_agrees_with_an_array)
{
    static bool there[ADDRESSES];
    struct block_table table = {0};
    size_t count = 0;
    uint64_t random = 1;
    for (size_t i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        size_t place = (size_t)(random >> 33) % ADDRESSES;
        struct live_block block = {.address = (place + 1) * 16, .size = place, .site = 7};
        struct live_block taken;
        ck_assert_int_eq(block_table_find(&table, block.address) != NULL, there[place]);
        if (there[place]) {
            ck_assert(block_table_take(&table, block.address, &taken));
            ck_assert_uint_eq(taken.size, place);
            count--;
        } else {
            ck_assert(!block_table_take(&table, block.address, &taken));
            ck_assert(block_table_put(&table, &block));
            count++;
        }
        there[place] = !there[place];
        ck_assert_uint_eq(table.count, count);
    }
    size_t position = 0, seen = 0;
    for (const struct live_block *block; (block = block_table_next(&table, &position)); seen++)
        ck_assert(there[block->address / 16 - 1]);
    ck_assert_uint_eq(seen, count);
    block_table_release(&table);
}
END_TEST

START_TEST(block_table_largest_size_is_kept)
{
    struct block_table table = {0};
    struct live_block block = {.address = UINT64_MAX, .size = BLOCK_MAX_SIZE, .stream = 65535};
    ck_assert(block_table_put(&table, &block));
    ck_assert_uint_eq(block_table_find(&table, UINT64_MAX)->size, BLOCK_MAX_SIZE);
    ck_assert_uint_eq(block_table_find(&table, UINT64_MAX)->stream, 65535);
    ck_assert_ptr_null(block_table_find(&table, 0));
    block_table_release(&table);
}
END_TEST

START_TEST(block_table_covering_block_is_found)
{
    struct block_table table = {0};
    struct live_block block = {.address = 0x1000, .size = 40};
    struct live_block empty = {.address = 0x2000, .size = 0};
    block_table_put(&table, &block);
    block_table_put(&table, &empty);
    ck_assert_uint_eq(block_table_covering(&table, 0x1027)->address, 0x1000);
    ck_assert_ptr_null(block_table_covering(&table, 0x1028));
    ck_assert_ptr_null(block_table_covering(&table, 0xfff));
    ck_assert_ptr_null(block_table_covering(&table, 0x2000));
    block_table_release(&table);
}
END_TEST

UNIT_MAIN("block_table", block_table_random_use_agrees_with_an_array,
          block_table_largest_size_is_kept, block_table_covering_block_is_found)
