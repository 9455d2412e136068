/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block_order.h"

#include "model_fixture.h"
#include "unit_main.h"

static void put(struct block_table *table, uint64_t address, uint64_t size, uint32_t site)
{
    const struct live_block block = {
        .address = address, .size = size & BLOCK_MAX_SIZE, .site = site};
    ck_assert(block_table_put(table, &block));
}

START_TEST(block_order_many_blocks_are_sorted)
{
    struct heap_model heap = {0};
    struct block_table *table = &heap.blocks;
    struct block_order order;
    uint64_t state = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t address = (state >> 17) & ~U(15);
        if (address && !block_table_find(table, address))
            put(table, address, 16, i);
    }
    ck_assert(block_order_init(&order, &heap));
    ck_assert_uint_eq(order.count, table->count);
    for (size_t i = 1; i < order.count; i++)
        ck_assert_uint_ge(order.blocks[i].start, order.blocks[i - 1].end);
    for (size_t i = 0; i < order.count; i += 97) {
        ck_assert_uint_eq(block_order_find(&order, order.blocks[i].start), i);
        ck_assert_uint_eq(block_order_find(&order, order.blocks[i].end), i + 1);
        ck_assert_uint_eq(block_table_find(table, order.blocks[i].start)->site,
                          order.blocks[i].site);
    }
    block_order_release(&order);
    block_table_release(table);
}
END_TEST

START_TEST(block_order_overlapping_blocks_are_cut)
{
    struct heap_model heap = {0};
    struct block_table *table = &heap.blocks;
    struct block_order order;
    put(table, 100, 50, 1);
    put(table, 120, 10, 2); /* within the first */
    put(table, 140, 20, 3); /* half of it */
    put(table, 200, 0, 4);
    ck_assert(block_order_init(&order, &heap));
    ck_assert_uint_eq(order.count, 2);
    ck_assert_uint_eq(order.blocks[0].end, 150);
    ck_assert_uint_eq(order.blocks[1].start, 150);
    ck_assert_uint_eq(order.blocks[1].end, 160);
    block_order_release(&order);
    block_table_release(table);
}
END_TEST

UNIT_MAIN("block_order", block_order_many_blocks_are_sorted, block_order_overlapping_blocks_are_cut)
