/* SPDX-License-Identifier: Apache-2.0 */
#include "model/owner_index.h"

#include <string.h>

#include "unit_main.h"

/* The block that `address` points into, found by looking at all of them. */
static const struct live_block *walk(const struct block_table *table, uint64_t address)
{
    size_t position = 0;
    for (const struct live_block *block; (block = block_table_next(table, &position));) {
        if (address - block->address < block->size)
            return block;
    }
    return NULL;
}

#define U(value) ((uint64_t)(value))

static struct owner_index owners;
static struct block_table live;
static struct freed_history freed;

static void setup(void)
{
    owners = (struct owner_index){0};
    live = (struct block_table){0};
    freed = (struct freed_history){0};
}

static void finish(void)
{
    owner_index_release(&owners);
    block_table_release(&live);
    freed_history_release(&freed);
}

static void put(uint64_t address, uint64_t size, uint32_t site)
{
    struct live_block block = {.address = address, .site = site};
    block.size = size & BLOCK_MAX_SIZE;
    ck_assert(block_table_put(&live, &block));
    ck_assert(owner_index_put(&owners, &block));
}

static void drop(uint64_t address, uint64_t ticks)
{
    struct live_block block;
    ck_assert(block_table_take(&live, address, &block));
    struct freed_block gone = {
        .address = address, .size = block.size, .site = block.site, .ticks = ticks};
    ck_assert(freed_history_push(&freed, &gone));
}

static void expect(uint64_t address, uint32_t site)
{
    struct owner_block block;
    bool found = owner_index_live(&owners, &live, address, &block);
    ck_assert_msg(found == (site != 0), "0x%lx", (unsigned long)address);
    if (found)
        ck_assert_uint_eq(block.site, site);
}

START_TEST(owner_index_edges_of_each_size_class)
{
    setup();
    uint64_t at = 0x10000;
    uint32_t site = 0;
    for (uint64_t size = 1; size < U(1) << 40; size = size * 2 + (site & 1)) {
        put(at, size, ++site);
        at = (at + size + 31) & ~U(15);
    }
    put(U(1) << 47, BLOCK_MAX_SIZE, ++site);
    at = 0x10000;
    site = 0;
    for (uint64_t size = 1; size < U(1) << 40; size = size * 2 + (site & 1)) {
        expect(at, ++site);
        expect(at + size / 2, site);
        expect(at + size - 1, site);
        expect(at + size, 0);
        at = (at + size + 31) & ~U(15);
    }
    expect((U(1) << 47) + 12345, site + 1);
    expect(UINT64_MAX, 0);
    expect(0, 0);
    finish();
}
END_TEST

/* Against a walk over all blocks, in a heap that changes. */
START_TEST(owner_index_agrees_with_a_walk)
{
    enum { PLACES = 512, SPACING = 0x8000 };
    static uint64_t sizes[PLACES];
    uint64_t random = 42;
    setup();
    memset(sizes, 0, sizeof(sizes));
    for (unsigned i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned place = (unsigned)(random >> 33) % PLACES;
        uint64_t base = 0x7f0000000000 + (uint64_t)place * SPACING;
        if (sizes[place]) {
            drop(base + 8 * (sizes[place] % 2), i);
            sizes[place] = 0;
        } else {
            sizes[place] = 1 + (random >> 45) % ((i & 1) ? 300 : SPACING - 16);
            put(base + 8 * (sizes[place] % 2), sizes[place], place + 1);
        }
        uint64_t address = 0x7f0000000000 + (random >> 20) % (PLACES * (uint64_t)SPACING);
        const struct live_block *walked = walk(&live, address);
        expect(address, walked ? walked->site : 0);
    }
    finish();
}
END_TEST

START_TEST(owner_index_births_go_on)
{
    struct owner_block block;
    setup();
    put(0x10000, 8192, 1);
    ck_assert(owner_index_live(&owners, &live, 0x11000, &block));
    uint32_t first = block.birth;
    drop(0x10000, 5);
    put(0x10000, 8192, 2); /* the same place */
    ck_assert(owner_index_live(&owners, &live, 0x11000, &block));
    ck_assert_uint_gt(block.birth, first);
    ck_assert_uint_eq(block.site, 2);
    put(0x20000, 100, 3);
    ck_assert(owner_index_live(&owners, &live, 0x20010, &block));
    ck_assert_uint_eq(block.birth, 0);
    finish();
}
END_TEST

START_TEST(owner_index_released_lately_is_found)
{
    struct owner_block block;
    setup();
    put(0x10000, 8192, 1);
    put(0x20000, 100, 2);
    drop(0x10000, 50);
    drop(0x20000, 60);
    expect(0x11000, 0);
    ck_assert(owner_index_freed(&owners, &freed, 0x11000, 50, &block));
    ck_assert_uint_eq(block.site, 1);
    ck_assert(!owner_index_freed(&owners, &freed, 0x11000, 51, &block));
    ck_assert(owner_index_freed(&owners, &freed, 0x20063, 60, &block));
    ck_assert_uint_eq(block.site, 2);
    ck_assert(!owner_index_freed(&owners, &freed, 0x20064, 60, &block));
    finish();
}
END_TEST

UNIT_MAIN("owner_index", owner_index_edges_of_each_size_class, owner_index_agrees_with_a_walk,
          owner_index_births_go_on, owner_index_released_lately_is_found)
