/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "model/reach_index.h"

#include "unit_main.h"

enum { BLOCKS = 3000 };

static uint64_t state = 1;

static uint64_t draw(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (state >> 33) % below;
}

/* Blocks of a byte to `largest`, and gaps between them of none to `gap`. */
static void make_blocks(struct reach_block *blocks, size_t count, uint64_t largest, uint64_t gap)
{
    uint64_t at = 0x5000;
    for (size_t i = 0; i < count; i++) {
        uint64_t start = at + draw(gap + 1);
        at = start + 1 + draw(largest);
        blocks[i] = (struct reach_block){.start = start, .end = at};
    }
}

static size_t find_plainly(const struct reach_block *blocks, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++)
        if (blocks[i].start <= address && address < blocks[i].end)
            return i;
    return REACH_NO_BLOCK;
}

/* check writes a file at each ck_assert: one for all. */
static void expect_same(const struct reach_block *blocks, size_t count)
{
    struct reach_index index;
    size_t wrong = 0;
    ck_assert(reach_index_init(&index, blocks, count));
    for (size_t i = 0; i < count; i++) {
        const uint64_t addresses[] = {
            blocks[i].start - 1, blocks[i].start, (blocks[i].start + blocks[i].end) / 2,
            blocks[i].end - 1,   blocks[i].end,   blocks[i].end + 0x1000};
        for (size_t j = 0; j < sizeof(addresses) / sizeof(*addresses); j++) {
            reach_index_prefetch(&index, addresses[j]);
            wrong +=
                reach_index_find(&index, addresses[j]) != find_plainly(blocks, count, addresses[j]);
        }
    }
    reach_index_release(&index);
    ck_assert_uint_eq(wrong, 0);
}

START_TEST(reach_index_blocks_of_all_sizes_are_found)
{
    static const struct {
        uint64_t largest, gap;
    } shapes[] = {{1, 0}, {48, 16}, {48, 40000}, {600, 3}, {20000, 0}, {300000, 9000}};
    struct reach_block *blocks = malloc(BLOCKS * sizeof(*blocks));
    ck_assert_ptr_nonnull(blocks);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        make_blocks(blocks, BLOCKS, shapes[i].largest, shapes[i].gap);
        expect_same(blocks, BLOCKS);
    }
    free(blocks);
}
END_TEST

/* Where in its page an address stands says little then. */
START_TEST(reach_index_unevenly_filled_pages_are_found)
{
    struct reach_block blocks[256];
    for (size_t i = 0; i < 255; i++)
        blocks[i] = (struct reach_block){.start = 0x7000 + i, .end = 0x7001 + i};
    blocks[255] = (struct reach_block){.start = 0x7f00, .end = 0x30000};
    expect_same(blocks, 256);
    expect_same(blocks, 1);
}
END_TEST

START_TEST(reach_index_ends_of_the_address_space_are_looked_up)
{
    const struct reach_block block = {.start = 1, .end = UINT64_MAX};
    struct reach_index index;
    ck_assert(reach_index_init(&index, &block, 1));
    ck_assert_uint_eq(reach_index_find(&index, 0), REACH_NO_BLOCK);
    ck_assert_uint_eq(reach_index_find(&index, UINT64_MAX - 1), 0);
    ck_assert_uint_eq(reach_index_find(&index, UINT64_MAX), REACH_NO_BLOCK);
    reach_index_release(&index);
}
END_TEST

START_TEST(reach_index_of_no_blocks_finds_none)
{
    struct reach_index index;
    ck_assert(reach_index_init(&index, NULL, 0));
    reach_index_prefetch(&index, 0x1000);
    ck_assert_uint_eq(reach_index_find(&index, 0x1000), REACH_NO_BLOCK);
    reach_index_release(&index);
}
END_TEST

UNIT_MAIN("reach_index", reach_index_blocks_of_all_sizes_are_found,
          reach_index_unevenly_filled_pages_are_found,
          reach_index_ends_of_the_address_space_are_looked_up, reach_index_of_no_blocks_finds_none)
