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

/* In the order of the table they come from, which would crowd a smaller one. */
START_TEST(block_table_takes_over_another_one)
{
    struct block_table from = {0}, to = {0};
    size_t position = 0;
    for (uint64_t i = 1; i <= 10000; i++) {
        struct live_block block = {.address = i * 48, .size = i};
        ck_assert(block_table_put(&from, &block));
    }
    ck_assert(block_table_put(&to, &(struct live_block){.address = 8, .size = 7}));
    ck_assert(block_table_reserve(&to, from.count + 1));
    const struct live_block *places = to.places;
    for (const struct live_block *block; (block = block_table_next(&from, &position));)
        ck_assert(block_table_put(&to, block));
    ck_assert_ptr_eq(to.places, places);
    ck_assert_uint_eq(to.count, 10001);
    ck_assert_uint_eq(block_table_find(&to, 8)->size, 7);
    for (uint64_t i = 1; i <= 10000; i++)
        ck_assert_uint_eq(block_table_find(&to, i * 48)->size, i);
    ck_assert(block_table_reserve(&to, 1));
    ck_assert_ptr_eq(to.places, places);
    block_table_release(&from);
    block_table_release(&to);
}
END_TEST

UNIT_MAIN("block_table", block_table_random_use_agrees_with_an_array,
          block_table_largest_size_is_kept, block_table_takes_over_another_one)
