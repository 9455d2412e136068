/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/heap_plain.h"

#define PLAIN_QUANTUM 16
#define PLAIN_LINEAR 128 /* to here classes are a quantum apart, then four to each doubling */

/* The size class, HEAP_CACHES for large requests, and its size (as in jemalloc). */
static unsigned plain_class(uint64_t size, uint64_t *rounded)
{
    if (size <= PLAIN_LINEAR) {
        unsigned class = size ? (unsigned)(size - 1) / PLAIN_QUANTUM : 0;
        *rounded = (class + 1) * PLAIN_QUANTUM;
        return class;
    }
    unsigned log = 63 - (unsigned)__builtin_clzll(size - 1); /* 2^log < size <= 2^(log + 1) */
    unsigned quarter = (unsigned)((size - 1) >> (log - 2)) & 3;
    unsigned class = PLAIN_LINEAR / PLAIN_QUANTUM + 4 * (log - 7) + quarter;
    *rounded = (UINT64_C(5) + quarter) << (log - 2);
    return class < HEAP_CACHES ? class : HEAP_CACHES;
}

uint64_t plain_allocate(struct heap_guess *heap, struct heap_lane *lane, uint64_t size,
                        uint32_t *number)
{
    uint64_t rounded;
    unsigned class = plain_class(size, &rounded);
    *number = SPAN_NONE;
    if (class == HEAP_CACHES)
        return 0;
    uint32_t head = lane->caches + class;
    if (span_list_empty(&heap->spans, head))
        return lane->carved[class] ? lane->carved[class] + rounded : 0;
    *number = span_first(&heap->spans, head);
    heap_span_detach(heap, *number);
    return span_at(&heap->spans, *number)->address;
}

void plain_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    struct span *span = span_at(&heap->spans, number);
    uint64_t rounded;
    unsigned class = plain_class(span->size, &rounded);
    if (class == HEAP_CACHES) {
        span_drop(&heap->spans, number);
        return;
    }
    span->state = SPAN_CACHED;
    span->cohort = COHORT_NONE;
    span_insert(&heap->spans, number, span_first(&heap->spans, lane->caches + class));
}

void plain_take_back(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    struct span *span = span_at(&heap->spans, number);
    if (span->doubted) {
        span_drop(&heap->spans, number);
    } else {
        span->doubted = true;
        plain_free(heap, lane, number);
    }
}

uint32_t plain_claim(struct heap_guess *heap, struct heap_lane *lane, uint64_t address,
                     uint64_t size)
{
    uint64_t rounded;
    unsigned class = plain_class(size, &rounded);
    uint32_t number = span_find(&heap->spans, address);
    if (number == SPAN_NONE && class < HEAP_CACHES)
        lane->carved[class] = address;
    return heap_span_new(heap, address, size);
}
