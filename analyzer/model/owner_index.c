/* SPDX-License-Identifier: Apache-2.0 */
#include "model/owner_index.h"

#include <stddef.h>

#define OWNER_CLASS_SHIFT 58 /* starts >> 12 and up lie below */

/* Looks up the block that begins at `start`. */
typedef bool owner_look(const void *table, uint64_t start, uint64_t ticks,
                        struct owner_block *block);

void owner_index_release(struct owner_index *index)
{
    block_table_release(&index->places);
}

static uint64_t owner_key(unsigned class, uint64_t place)
{
    return (uint64_t) class << OWNER_CLASS_SHIFT | place;
}

bool owner_index_put_large(struct owner_index *index, const struct live_block *block)
{
    unsigned class = 63 - (unsigned)__builtin_clzll(block->size);
    uint64_t key = owner_key(class, block->address >> class);
    struct live_block *known = block_table_find(&index->places, key);
    struct live_block entry = {.address = key,
                               .size = block->address & ((UINT64_C(1) << class) - 1),
                               .era = ++index->moment};
    index->classes |= UINT64_C(1) << class;
    if (!known)
        return block_table_put(&index->places, &entry);
    *known = entry;
    return true;
}

static bool owner_look_live(const void *table, uint64_t start, uint64_t ticks,
                            struct owner_block *block)
{
    (void)ticks;
    const struct live_block *live = block_table_find(table, start);
    if (live)
        *block = (struct owner_block){.start = start, .size = live->size, .site = live->site};
    return live != NULL;
}

static bool owner_look_freed(const void *table, uint64_t start, uint64_t ticks,
                             struct owner_block *block)
{
    const struct freed_block *freed = freed_history_find(table, start);
    if (!freed || freed->ticks < ticks)
        return false;
    *block = (struct owner_block){.start = start, .size = freed->size, .site = freed->site};
    return true;
}

static bool owner_find_large(const struct owner_index *index, owner_look *look, const void *table,
                             uint64_t address, uint64_t ticks, struct owner_block *block)
{
    for (uint64_t classes = index->classes; classes; classes &= classes - 1) {
        unsigned class = (unsigned)__builtin_ctzll(classes);
        uint64_t place = address >> class;
        for (unsigned back = 0; back < 3 && back <= place; back++) {
            uint64_t key = owner_key(class, place - back);
            const struct live_block *entry = block_table_find(&index->places, key);
            if (!entry || !look(table, (place - back) << class | entry->size, ticks, block) ||
                address - block->start >= block->size)
                continue;
            block->birth = entry->era;
            return true;
        }
    }
    return false;
}

/* Where the blocks of a program begin at odd addresses only its large ones are found. */
static bool owner_find_small(const struct owner_index *index, owner_look *look, const void *table,
                             uint64_t address, uint64_t ticks, struct owner_block *block)
{
    uint64_t step = index->starts & 15 ? 8 : 16;
    uint64_t start = address & ~(step - 1);
    for (; start && address - start < OWNER_LARGE; start -= step) {
        if (look(table, start, ticks, block))
            return address - start < block->size;
    }
    return false;
}

bool owner_index_live(const struct owner_index *index, const struct block_table *live,
                      uint64_t address, struct owner_block *block)
{
    *block = (struct owner_block){0};
    return owner_find_large(index, owner_look_live, live, address, 0, block) ||
           owner_find_small(index, owner_look_live, live, address, 0, block);
}

bool owner_index_freed(const struct owner_index *index, const struct freed_history *freed,
                       uint64_t address, uint64_t ticks, struct owner_block *block)
{
    *block = (struct owner_block){0};
    return owner_find_large(index, owner_look_freed, freed, address, ticks, block) ||
           owner_find_small(index, owner_look_freed, freed, address, ticks, block);
}
