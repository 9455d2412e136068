/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "model/sample_weight.h"

#define RADIX_BITS 8
#define RADIX ((size_t)1 << RADIX_BITS)

void block_order_release(struct block_order *order)
{
    free(order->blocks);
    *order = (struct block_order){0};
}

static float block_weight(uint64_t interval, uint64_t size)
{
    if (interval == 0 || size == 0)
        return 1;
    struct sample_weight weight = sample_weigh(interval, size);
    return (float)((double)weight.bytes / (double)SAMPLE_SCALE / (double)size);
}

/* One pass of a least-significant-digit radix sort (Knuth, TAOCP 3, 5.2.5). */
static void block_order_pass(const struct ordered_block *from, struct ordered_block *to,
                             size_t count, unsigned shift)
{
    size_t places[RADIX] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++)
        places[from[i].start >> shift & (RADIX - 1)]++;
    for (size_t i = 0; i < RADIX; i++) {
        size_t here = places[i];
        places[i] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[from[i].start >> shift & (RADIX - 1)]++] = from[i];
}

/* Addresses have few digits that differ: a heap of 1 GiB has four. */
static bool block_order_sort(struct block_order *order)
{
    uint64_t differing = 0;
    for (size_t i = 1; i < order->count; i++)
        differing |= order->blocks[i].start ^ order->blocks[0].start;
    if (differing == 0)
        return true;
    struct ordered_block *other = malloc(order->count * sizeof(*other));
    if (!other)
        return false;
    for (unsigned shift = 0; shift < 64; shift += RADIX_BITS) {
        if ((differing >> shift & (RADIX - 1)) == 0)
            continue;
        block_order_pass(order->blocks, other, order->count, shift);
        struct ordered_block *sorted = other;
        other = order->blocks;
        order->blocks = sorted;
    }
    free(other);
    return true;
}

static void block_order_cut(struct block_order *order)
{
    size_t kept = 0;
    uint64_t behind = 0;
    for (size_t i = 0; i < order->count; i++) {
        struct ordered_block block = order->blocks[i];
        if (block.start < behind)
            block.start = behind;
        if (block.start >= block.end)
            continue;
        behind = block.end;
        order->blocks[kept++] = block;
    }
    order->count = kept;
}

static bool block_order_add(struct block_order *order, size_t *capacity, uint64_t interval,
                            const struct live_block *block, bool empty)
{
    uint64_t end, size = block->size;
    if (size == 0)
        size = empty;
    if (size == 0 || __builtin_add_overflow(block->address, size, &end))
        return true;
    if (order->count == *capacity && !vector_grow(&order->blocks, capacity, sizeof(*order->blocks)))
        return false;
    order->blocks[order->count++] = (struct ordered_block){block->address, end, block->site,
                                                           block_weight(interval, block->size)};
    return true;
}

static bool block_order_fill(struct block_order *order, const struct heap_model *heap, bool empty)
{
    size_t capacity = heap->blocks.count + 1, position = 0, stream = 0;
    *order = (struct block_order){.blocks = malloc(capacity * sizeof(*order->blocks))};
    const struct live_block *block;
    bool good = order->blocks != NULL;
    while (good && (block = block_table_next(&heap->blocks, &position)))
        good = block_order_add(order, &capacity, heap->sample_interval, block, empty);
    while (good && (block = heap_model_moving(heap, &stream)))
        good = block_order_add(order, &capacity, heap->sample_interval, block, empty);
    if (!good || !block_order_sort(order)) {
        block_order_release(order);
        return false;
    }
    block_order_cut(order);
    return true;
}

bool block_order_init(struct block_order *order, const struct heap_model *heap)
{
    return block_order_fill(order, heap, false);
}

bool block_order_init_all(struct block_order *order, const struct heap_model *heap)
{
    return block_order_fill(order, heap, true);
}

size_t block_order_find(const struct block_order *order, uint64_t address)
{
    size_t low = 0, high = order->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order->blocks[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
