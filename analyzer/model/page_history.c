/* SPDX-License-Identifier: Apache-2.0 */
#include "model/page_history.h"

#include <stdlib.h>

#include "base/hash_map.h"

#define PAGE_HISTORY_FIRST_BITS 8

void page_history_release(struct page_history *history)
{
    free(history->places);
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

static bool page_history_widen(struct page_history *history)
{
    unsigned bits = history->places ? history->bits + 1 : PAGE_HISTORY_FIRST_BITS;
    struct page_history wider = {calloc((size_t)1 << bits, sizeof(*wider.places)), history->count,
                                 bits};
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

struct page_entry *page_history_touch(struct page_history *history, uint64_t page, bool *fresh)
{
    if ((!history->places || history->count + 1 > ((size_t)3 << history->bits) / 4) &&
        !page_history_widen(history))
        return NULL;
    struct page_entry *entry = page_locate(history, page + 1);
    *fresh = entry->key == 0;
    if (*fresh) {
        *entry = (struct page_entry){.key = page + 1, .giver = PAGE_KEPT};
        history->count++;
    }
    return entry;
}

struct page_entry *page_history_find(const struct page_history *history, uint64_t page)
{
    if (!history->places)
        return NULL;
    struct page_entry *entry = page_locate(history, page + 1);
    return entry->key ? entry : NULL;
}

void page_history_give_back(struct page_history *history, uint64_t first, uint64_t end,
                            uint32_t giver)
{
    size_t places = history->places ? (size_t)1 << history->bits : 0;
    if (end - first < places) {
        for (uint64_t page = first; page < end; page++) {
            struct page_entry *entry = page_history_find(history, page);
            if (entry)
                entry->giver = giver;
        }
        return;
    }
    for (size_t i = 0; i < places; i++) {
        if (history->places[i].key && history->places[i].key - 1 - first < end - first)
            history->places[i].giver = giver;
    }
}
