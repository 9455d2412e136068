/* SPDX-License-Identifier: Apache-2.0 */
#include "model/page_history.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/vector.h"

#define PAGE_HISTORY_FIRST_BITS 8

void page_history_release(struct page_history *history)
{
    free(history->places);
    free(history->ranges);
    *history = (struct page_history){0};
}

/* The page's place, or the empty one where it belongs. */
static struct page_entry *page_locate(const struct page_history *history, uint64_t key)
{
    size_t mask = ((size_t)1 << history->bits) - 1;
    size_t place = hash_map_place(key, history->bits);
    while (history->places[place].key != key && history->places[place].key != 0)
        place = (place + 1) & mask;
    return &history->places[place];
}

static bool page_history_widen(struct page_history *history, unsigned bits)
{
    struct page_history wider = *history;
    wider.places = calloc((size_t)1 << bits, sizeof(*wider.places));
    wider.bits = bits;
    if (!wider.places)
        return false;
    for (size_t i = 0; history->places && i < (size_t)1 << history->bits; i++) {
        if (history->places[i].key)
            *page_locate(&wider, history->places[i].key) = history->places[i];
    }
    free(history->places);
    *history = wider;
    return true;
}

bool page_history_reserve(struct page_history *history, size_t count)
{
    unsigned bits = history->places ? history->bits : PAGE_HISTORY_FIRST_BITS;
    while (count > ((size_t)3 << bits) / 4)
        bits++;
    return (history->places && bits == history->bits) || page_history_widen(history, bits);
}

/* Index of the first range that ends behind the page. */
static size_t page_range_find(const struct page_history *history, uint64_t page)
{
    size_t low = 0, high = history->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->ranges[middle].end <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Tells the entry what a large range that covers it knows. */
static void page_resolve(const struct page_history *history, struct page_entry *entry)
{
    size_t index = page_range_find(history, entry->key - 1);
    if (index == history->range_count)
        return;
    const struct page_range *range = &history->ranges[index];
    if (range->first > entry->key - 1 || entry->moment > range->moment)
        return;
    if (entry->giver != PAGE_FORGOTTEN)
        entry->giver = range->giver;
}

struct page_entry *page_history_touch(struct page_history *history, uint64_t page, bool *fresh)
{
    if (!page_history_reserve(history, history->count + 1))
        return NULL;
    struct page_entry *entry = page_locate(history, page + 1);
    *fresh = entry->key == 0;
    history->count += *fresh;
    if (!*fresh)
        page_resolve(history, entry);
    if (*fresh || entry->giver == PAGE_FORGOTTEN) {
        *entry = (struct page_entry){.giver = PAGE_KEPT};
        entry->key = page + 1;
        *fresh = true;
    }
    return entry;
}

struct page_entry *page_history_find(const struct page_history *history, uint64_t page)
{
    if (!history->places)
        return NULL;
    struct page_entry *entry = page_locate(history, page + 1);
    if (!entry->key)
        return NULL;
    page_resolve(history, entry);
    return entry->giver == PAGE_FORGOTTEN ? NULL : entry;
}

static void page_ranges_take_in(struct page_history *history)
{
    for (size_t i = 0; i < (size_t)1 << history->bits; i++) {
        if (history->places[i].key)
            page_resolve(history, &history->places[i]);
    }
    history->range_count = 0;
}

/* The new range wins over what is there: of that the parts on either side are left. */
static bool page_range_put(struct page_history *history, const struct page_range *range)
{
    struct page_range parts[3];
    size_t count = 0, first = page_range_find(history, range->first), last = first;
    while (last < history->range_count && history->ranges[last].first < range->end)
        last++;
    if (first < last && history->ranges[first].first < range->first) {
        parts[count] = history->ranges[first];
        parts[count++].end = range->first;
    }
    parts[count++] = *range;
    if (first < last && history->ranges[last - 1].end > range->end) {
        parts[count] = history->ranges[last - 1];
        parts[count++].first = range->end;
    }
    while (history->range_count + 2 >= history->range_capacity) {
        if (!vector_grow(&history->ranges, &history->range_capacity, sizeof(*history->ranges)))
            return false;
    }
    memmove(history->ranges + first + count, history->ranges + last,
            (history->range_count - last) * sizeof(*history->ranges));
    memcpy(history->ranges + first, parts, count * sizeof(*parts));
    history->range_count += count - (last - first);
    return true;
}

bool page_history_give_back(struct page_history *history, uint64_t first, uint64_t end,
                            uint32_t giver, uint32_t moment)
{
    if (history->count == 0)
        return true;
    if (end - first > PAGE_RANGE_LEAST) {
        if (history->range_count >= PAGE_RANGES)
            page_ranges_take_in(history);
        return page_range_put(history, &(struct page_range){first, end, moment, giver});
    }
    for (uint64_t page = first; page < end; page++) {
        struct page_entry *entry = page_history_find(history, page);
        if (!entry)
            continue;
        entry->giver = giver;
        entry->moment = moment;
    }
    return true;
}

bool page_history_inherit(struct page_history *history, uint64_t page, uint32_t giver)
{
    bool fresh;
    struct page_entry *entry = page_history_touch(history, page, &fresh);
    if (!entry)
        return false;
    entry->giver = giver;
    return true;
}

const struct page_entry *page_history_next(const struct page_history *history, size_t *position)
{
    while (history->places && *position < (size_t)1 << history->bits) {
        struct page_entry *entry = &history->places[(*position)++];
        if (!entry->key)
            continue;
        page_resolve(history, entry);
        if (entry->giver != PAGE_FORGOTTEN)
            return entry;
    }
    return NULL;
}
