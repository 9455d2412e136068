/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/interval_table.h"

#include <stdlib.h>
#include <string.h>

void interval_table_init(struct interval_table *table)
{
    memset(table, 0, sizeof(*table));
}

void interval_table_release(struct interval_table *table)
{
    free(table->intervals);
    interval_table_init(table);
}

int interval_table_add(struct interval_table *table, uint64_t start, uint64_t end,
                       const void *value, uint32_t rank, bool open)
{
    if (start >= end)
        return 0;
    if (table->count == table->room) {
        size_t room = table->room ? table->room * 2 : 64;
        struct interval *grown = reallocarray(table->intervals, room, sizeof(*grown));
        if (!grown)
            return -1;
        table->intervals = grown;
        table->room = room;
    }
    table->intervals[table->count++] =
        (struct interval){.start = start, .end = end, .value = value, .rank = rank, .open = open};
    return 0;
}

/* The last two keys only make the order independent of the sorting method. */
static int compare_intervals(const void *left, const void *right)
{
    const struct interval *a = left, *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return (uintptr_t)a->value < (uintptr_t)b->value ? -1 : a->value != b->value;
}

void interval_table_sort(struct interval_table *table)
{
    uint64_t next_start = UINT64_MAX, this_start = UINT64_MAX, reach = 0;

    if (table->count == 0)
        return;
    qsort(table->intervals, table->count, sizeof(*table->intervals), compare_intervals);
    for (size_t i = table->count; i-- > 0;) {
        struct interval *interval = &table->intervals[i];
        if (interval->start != this_start) {
            next_start = this_start;
            this_start = interval->start;
        }
        if (interval->open && interval->end > next_start)
            interval->end = next_start;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->intervals[i].end > reach)
            reach = table->intervals[i].end;
        table->intervals[i].reach = reach;
    }
}

/* How many ranges start at or below `address`. */
static size_t count_starts(const struct interval_table *table, uint64_t address)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->intervals[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct interval *interval_table_nearest(const struct interval_table *table, uint64_t address)
{
    for (size_t i = count_starts(table, address); i-- > 0;) {
        const struct interval *interval = &table->intervals[i];
        if (interval->reach <= address)
            break;
        if (interval->end > address)
            return interval;
    }
    return NULL;
}

const struct interval *interval_table_highest(const struct interval_table *table, uint64_t address)
{
    const struct interval *best = NULL;

    for (size_t i = count_starts(table, address); i-- > 0;) {
        const struct interval *interval = &table->intervals[i];
        if (interval->reach <= address)
            break;
        if (interval->end > address && (!best || interval->rank > best->rank))
            best = interval;
    }
    return best;
}
