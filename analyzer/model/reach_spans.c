/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_spans.h"

#include <stdlib.h>

#include "base/vector.h"

#define WORD UINT64_C(8)

void reach_spans_release(struct reach_spans *spans)
{
    free(spans->spans);
    *spans = (struct reach_spans){0};
}

bool reach_spans_add(struct reach_spans *spans, uint64_t start, uint64_t end, uint32_t kind,
                     uint32_t tid)
{
    if (spans->count == spans->capacity &&
        !vector_grow(&spans->spans, &spans->capacity, sizeof(*spans->spans)))
        return false;
    spans->spans[spans->count++] = (struct reach_span){start, end, tid, kind};
    return true;
}

static int compare_spans(const void *left, const void *right)
{
    const struct reach_span *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

bool reach_spans_stacks(struct reach_spans *spans, const struct reach_moment *moment,
                        const struct reach_index *index)
{
    const struct residency_model *residency = moment->residency;
    for (size_t i = 0; i < residency->stack_count; i++) {
        const struct stack_range *stack = &residency->stacks[i];
        size_t behind = block_order_find(moment->order, stack->low);
        if (behind < index->count && index->blocks[behind].start < stack->high &&
            reach_moment_lives(moment, stack->tid) &&
            !reach_spans_add(spans, stack->low, stack->high, REACH_ROOT_STACK, stack->tid))
            return false;
    }
    for (size_t i = 0; i < moment->thread_count; i++) {
        uint64_t pointer = moment->threads[i].stack_pointer & ~(WORD - 1);
        size_t block = reach_index_find(index, pointer);
        if (block != REACH_NO_BLOCK && !reach_spans_add(spans, pointer, index->blocks[block].end,
                                                        REACH_ROOT_STACK, moment->threads[i].tid))
            return false;
    }
    if (spans->count)
        qsort(spans->spans, spans->count, sizeof(*spans->spans), compare_spans);
    return true;
}

const struct reach_span *reach_spans_at(struct reach_spans *spans, uint64_t location)
{
    while (spans->next < spans->count && spans->spans[spans->next].end <= location)
        spans->next++;
    if (spans->next == spans->count || spans->spans[spans->next].start > location)
        return NULL;
    return &spans->spans[spans->next];
}
