/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_TABLE_FIRST_BITS 4
/* From here on (6 MiB) the table is whole huge pages: look-ups hit it at random. */
#define BLOCK_TABLE_HUGE_BITS 18
#define HUGE_PAGE ((size_t)2 << 20)

_Static_assert(sizeof(struct live_block) == 24, "millions of them");

void block_table_release(struct block_table *table)
{
    free(table->places);
    *table = (struct block_table){0};
}

static size_t block_home(const struct block_table *table, uint64_t address)
{
    return (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> (64 - table->bits));
}

/* Where `address` stands, or the empty place where it would. */
static size_t block_locate(const struct block_table *table, uint64_t address)
{
    size_t mask = ((size_t)1 << table->bits) - 1;
    size_t place = block_home(table, address);
    while (table->places[place].address != address && table->places[place].address != 0)
        place = (place + 1) & mask;
    return place;
}

struct live_block *block_table_find(const struct block_table *table, uint64_t address)
{
    if (!table->places || address == 0)
        return NULL;
    struct live_block *block = &table->places[block_locate(table, address)];
    return block->address ? block : NULL;
}

static struct live_block *block_table_allocate(unsigned bits)
{
    size_t bytes = sizeof(struct live_block) << bits;
    if (bits < BLOCK_TABLE_HUGE_BITS)
        return calloc(1, bytes);
    struct live_block *places = aligned_alloc(HUGE_PAGE, bytes);
    if (!places)
        return NULL;
    madvise(places, bytes, MADV_HUGEPAGE); /* only faster: refusal does not matter */
    return memset(places, 0, bytes);
}

static bool block_table_widen(struct block_table *table, unsigned bits)
{
    struct block_table wider = {block_table_allocate(bits), table->count, bits};
    if (!wider.places)
        return false;
    size_t position = 0;
    for (const struct live_block *block; (block = block_table_next(table, &position));)
        wider.places[block_locate(&wider, block->address)] = *block;
    free(table->places);
    *table = wider;
    return true;
}

static bool block_table_holds(unsigned bits, size_t count)
{
    return count <= ((size_t)3 << bits) / 4;
}

bool block_table_reserve(struct block_table *table, size_t count)
{
    unsigned bits = table->places ? table->bits : BLOCK_TABLE_FIRST_BITS;
    while (!block_table_holds(bits, count))
        bits++;
    return (table->places && bits == table->bits) || block_table_widen(table, bits);
}

bool block_table_put(struct block_table *table, const struct live_block *block)
{
    if (!block_table_reserve(table, table->count + 1))
        return false;
    table->places[block_locate(table, block->address)] = *block;
    table->count++;
    return true;
}

/* Moves later blocks of the run back over the hole, so that no place is ever "deleted"
 * (Knuth, TAOCP 3, 6.4, algorithm R). */
static void block_table_close(struct block_table *table, size_t hole)
{
    size_t mask = ((size_t)1 << table->bits) - 1;
    for (size_t place = (hole + 1) & mask; table->places[place].address;
         place = (place + 1) & mask) {
        size_t home = block_home(table, table->places[place].address);
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            table->places[hole] = table->places[place];
            hole = place;
        }
    }
    table->places[hole].address = 0;
}

bool block_table_take(struct block_table *table, uint64_t address, struct live_block *block)
{
    const struct live_block *found = block_table_find(table, address);
    if (!found)
        return false;
    *block = *found;
    block_table_close(table, (size_t)(found - table->places));
    table->count--;
    return true;
}

const struct live_block *block_table_next(const struct block_table *table, size_t *position)
{
    size_t places = table->places ? (size_t)1 << table->bits : 0;
    while (*position < places) {
        const struct live_block *block = &table->places[(*position)++];
        if (block->address)
            return block;
    }
    return NULL;
}
