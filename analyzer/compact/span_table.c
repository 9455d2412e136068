/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/span_table.h"

#include <stdlib.h>

#include "base/vector.h"

#define SPAN_FIRST_BITS 10
#define SPAN_MAX (UINT32_C(1) << 31)

void span_table_release(struct span_table *table)
{
    free(table->spans);
    free(table->places);
    *table = (struct span_table){0};
}

static uint32_t span_mask(const struct span_table *table)
{
    return (UINT32_C(1) << table->bits) - 1;
}

/* Pages are spread by Fibonacci hashing (Knuth, TAOCP 3, 6.4); what lies on one page stays
 * together, which makes the table three times as fast: programs go through their heap in order. */
static uint32_t span_home(const struct span_table *table, uint64_t address)
{
    uint64_t page = (address >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - table->bits);
    return (uint32_t)(page + (address >> 5 & 127)) & span_mask(table);
}

/* A place's content.  Half of the address is enough to see nearly all that are not meant without
 * looking at the span. */
static uint64_t span_entry(uint64_t address, uint32_t number)
{
    return address >> 4 << 32 | number;
}

static uint32_t span_number(uint64_t entry)
{
    return (uint32_t)entry;
}

/* Where `address` stands, or the empty place where it would. */
static uint32_t span_locate(const struct span_table *table, uint64_t address)
{
    uint32_t place = span_home(table, address);
    uint64_t wanted = (uint32_t)(address >> 4), entry;
    while ((entry = table->places[place]) != 0 &&
           (entry >> 32 != wanted || table->spans[span_number(entry)].address != address))
        place = (place + 1) & span_mask(table);
    return place;
}

uint32_t span_find(const struct span_table *table, uint64_t address)
{
    return table->places ? span_number(table->places[span_locate(table, address)]) : SPAN_NONE;
}

static bool span_table_widen(struct span_table *table, unsigned bits)
{
    uint64_t *places = calloc((size_t)1 << bits, sizeof(*places));
    if (!places)
        return false;
    uint64_t *old = table->places;
    size_t old_count = old ? (size_t)1 << table->bits : 0;
    table->places = places;
    table->bits = bits;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i])
            places[span_locate(table, table->spans[span_number(old[i])].address)] = old[i];
    }
    free(old);
    return true;
}

bool span_table_reserve(struct span_table *table, uint32_t count)
{
    size_t wanted = (size_t)table->count + count + 1;
    if (wanted > SPAN_MAX)
        return false;
    if (wanted > table->capacity && !vector_reserve(&table->spans, &table->capacity,
                                                    wanted + wanted / 2, sizeof(*table->spans)))
        return false;
    if (table->count == 0)
        table->spans[table->count++] = (struct span){0};
    unsigned bits = table->places ? table->bits : SPAN_FIRST_BITS;
    while ((uint64_t)table->used + count > (UINT64_C(5) << bits) / 8)
        bits++;
    return (table->places && bits == table->bits) || span_table_widen(table, bits);
}

uint32_t span_lists_new(struct span_table *table, uint32_t count)
{
    uint32_t first = table->count;
    for (; table->count < first + count; table->count++)
        table->spans[table->count] = (struct span){.next = table->count,
                                                   .prev = table->count,
                                                   .smaller = table->count,
                                                   .larger = table->count,
                                                   .state = SPAN_HEAD};
    return first;
}

static uint32_t span_take(struct span_table *table)
{
    uint32_t number = table->unused;
    if (number == SPAN_NONE)
        return table->count++;
    table->unused = table->spans[number].next;
    return number;
}

uint32_t span_new(struct span_table *table, uint64_t address, uint64_t size)
{
    uint32_t number = span_take(table), place = span_locate(table, address);
    table->spans[number] =
        (struct span){.address = address, .size = size, .cohort = UINT32_MAX, .state = SPAN_LIVE};
    if (!table->places[place])
        table->used++;
    table->places[place] = span_entry(address, number);
    return number;
}

/* Later spans of the run move back over the hole (Knuth, TAOCP 3, 6.4, algorithm R). */
void span_drop(struct span_table *table, uint32_t number)
{
    uint32_t mask = span_mask(table), hole = span_locate(table, table->spans[number].address);
    for (uint32_t place = (hole + 1) & mask; table->places[place]; place = (place + 1) & mask) {
        uint32_t home = span_home(table, table->spans[span_number(table->places[place])].address);
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            table->places[hole] = table->places[place];
            hole = place;
        }
    }
    table->places[hole] = 0;
    table->used--;
    table->spans[number] = (struct span){.next = table->unused, .cohort = UINT32_MAX};
    table->unused = number;
}
