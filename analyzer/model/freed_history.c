/* SPDX-License-Identifier: Apache-2.0 */
#include "model/freed_history.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/hash_map.h"

#define FREED_HISTORY_FIRST_BITS 10

void freed_history_release(struct freed_history *history)
{
    free(history->ring);
    free(history->heads);
    *history = (struct freed_history){0};
}

static struct freed_block *freed_history_at(const struct freed_history *history, uint64_t serial)
{
    return &history->ring[serial & ((UINT64_C(1) << history->bits) - 1)];
}

/* Whether the release is still in the ring. */
static bool freed_history_holds(const struct freed_history *history, uint64_t serial)
{
    return serial != 0 && history->serial - serial < UINT64_C(1) << history->bits;
}

static void freed_history_add(struct freed_history *history, const struct freed_block *block)
{
    uint64_t *head = &history->heads[hash_map_place(block->address, history->bits)];
    uint64_t previous = *head;
    uint64_t serial = history->serial + 1;
    /* An address that comes again and again takes one place in its chain. */
    if (freed_history_holds(history, previous)) {
        const struct freed_block *older = freed_history_at(history, previous);
        if (older->address == block->address)
            previous = older->previous;
    }
    history->serial = serial;
    struct freed_block *place = freed_history_at(history, serial);
    *place = *block;
    place->serial = serial;
    place->previous = previous;
    *head = serial;
}

/* A ring that never went round holds serials 1 to its size: they come again in order. */
static bool freed_history_widen(struct freed_history *history)
{
    unsigned bits = history->ring ? history->bits + 1 : FREED_HISTORY_FIRST_BITS;
    struct freed_history wider = {
        .ring = calloc((size_t)1 << bits, sizeof(*wider.ring)),
        .heads = calloc((size_t)1 << bits, sizeof(*wider.heads)),
        .bits = bits,
    };
    if (!wider.ring || !wider.heads) {
        freed_history_release(&wider);
        return false;
    }
    for (uint64_t serial = 1; serial <= history->serial; serial++)
        freed_history_add(&wider, freed_history_at(history, serial));
    freed_history_release(history);
    *history = wider;
    return true;
}

bool freed_history_push(struct freed_history *history, const struct freed_block *block)
{
    bool full = !history->ring || history->serial == UINT64_C(1) << history->bits;
    if (full && (!history->ring || 1u << history->bits < FREED_HISTORY_SIZE) &&
        !freed_history_widen(history))
        return false;
    freed_history_add(history, block);
    return true;
}

const struct freed_block *freed_history_find(const struct freed_history *history, uint64_t address)
{
    if (!history->ring)
        return NULL;
    uint64_t serial = history->heads[hash_map_place(address, history->bits)];
    while (freed_history_holds(history, serial)) {
        const struct freed_block *block = freed_history_at(history, serial);
        if (block->address == address)
            return block;
        serial = block->previous;
    }
    return NULL;
}

const struct freed_block *freed_history_next(const struct freed_history *history, size_t *position)
{
    uint64_t serial = history->serial - *position;
    if (!history->ring || *position >= history->serial || !freed_history_holds(history, serial))
        return NULL;
    ++*position;
    return freed_history_at(history, serial);
}
