/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_index.h"

#include <stdlib.h>

#include "base/vector.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)

static bool index_add_page(struct reach_index *index, uint32_t block)
{
    if (index->page_count + 1 >= index->capacity &&
        !vector_grow(&index->first, &index->capacity, sizeof(*index->first)))
        return false;
    uint64_t page = index->blocks[block].start >> PAGE_SHIFT;
    if (!hash_map_put(&index->pages, page, (uint32_t)index->page_count))
        return false;
    index->first[index->page_count++] = block;
    return true;
}

bool reach_index_init(struct reach_index *index, const struct reach_block *blocks, size_t count)
{
    *index = (struct reach_index){.blocks = blocks, .count = count};
    for (size_t i = 0; i < count; i++)
        if (i == 0 || blocks[i].start >> PAGE_SHIFT != blocks[i - 1].start >> PAGE_SHIFT)
            if (!index_add_page(index, (uint32_t)i))
                return false;
    if (count)
        index->first[index->page_count] = (uint32_t)count;
    return true;
}

void reach_index_release(struct reach_index *index)
{
    hash_map_release(&index->pages);
    free(index->first);
    *index = (struct reach_index){0};
}

void reach_index_prefetch(const struct reach_index *index, uint64_t address)
{
    if (index->count)
        __builtin_prefetch(
            &index->pages.entries[hash_map_place(address >> PAGE_SHIFT, index->pages.bits)]);
}

/* The last of the blocks from `low` up to, without it, `high` that begins at `address` or below;
 * that at `low` does. */
static size_t index_halve(const struct reach_index *index, uint64_t address, size_t low,
                          size_t high)
{
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (index->blocks[middle].start <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t reach_index_guess(const struct reach_index *index, uint64_t address)
{
    if (index->count == 0 || address < index->blocks[0].start ||
        address >= index->blocks[index->count - 1].end)
        return REACH_NO_BLOCK;
    uint32_t page = hash_map_get(&index->pages, address >> PAGE_SHIFT);
    if (page == HASH_MAP_NONE)
        return index_halve(index, address, 0, index->count);
    size_t first = index->first[page], blocks = index->first[page + 1] - first;
    size_t guess = first + (blocks * (size_t)(address % PAGE_SIZE) >> PAGE_SHIFT);
    __builtin_prefetch(&index->blocks[guess]);
    __builtin_prefetch((const char *)&index->blocks[guess + 1] - 1);
    return guess;
}

/* From the guess on in steps that double, then back by halves. */
size_t reach_index_settle(const struct reach_index *index, uint64_t address, size_t guess)
{
    const struct reach_block *blocks = index->blocks;
    if (guess == REACH_NO_BLOCK)
        return REACH_NO_BLOCK;
    size_t low = guess, high = guess, step = 1;
    if (blocks[guess].start <= address) {
        for (high = low + step; high < index->count && blocks[high].start <= address; step *= 2) {
            low = high;
            high = low + step;
        }
        high = high < index->count ? high : index->count;
    } else {
        /* The first block begins below any address that there is a guess for. */
        for (low = high - step; blocks[low].start > address; step *= 2) {
            high = low;
            low = high > step ? high - step : 0;
        }
    }
    low = index_halve(index, address, low, high);
    return address < blocks[low].end ? low : REACH_NO_BLOCK;
}

size_t reach_index_find(const struct reach_index *index, uint64_t address)
{
    return reach_index_settle(index, address, reach_index_guess(index, address));
}
