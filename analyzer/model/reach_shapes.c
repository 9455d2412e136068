/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_shapes.h"

#include <stdlib.h>

#include "base/vector.h"

#define WORD UINT64_C(8)

void reach_shapes_release(struct reach_shapes *shapes)
{
    free(shapes->tables);
    free(shapes->inner);
    *shapes = (struct reach_shapes){0};
}

bool reach_shapes_note(struct reach_shapes *shapes, const struct reach_inner *pointer,
                       bool interior)
{
    shapes->last = *pointer;
    shapes->has_last = true;
    if (!interior || pointer->address % WORD)
        return true;
    if (shapes->inner_count == shapes->inner_capacity &&
        !vector_grow(&shapes->inner, &shapes->inner_capacity, sizeof(*shapes->inner)))
        return false;
    shapes->inner[shapes->inner_count++] = *pointer;
    return true;
}

bool reach_shapes_table(struct reach_shapes *shapes, uint64_t location)
{
    if (shapes->table_count == shapes->table_capacity &&
        !vector_grow(&shapes->tables, &shapes->table_capacity, sizeof(*shapes->tables)))
        return false;
    shapes->tables[shapes->table_count++] = location;
    return true;
}

static uint32_t *shape_target(struct reach_graph *graph, const struct reach_inner *pointer)
{
    return pointer->root ? &graph->roots[pointer->index].target : &graph->edges[pointer->index];
}

/* The length of an array whose elements are behind it (operator new[]'s cookie), the length in
 * bytes of what is behind it, or the head of a string whose text is (libstdc++'s before C++11:
 * length, capacity, count of references). */
void reach_shapes_before(const struct reach_shapes *shapes, struct reach_graph *graph,
                         uint64_t value)
{
    if (!shapes->has_last)
        return;
    uint32_t *target = shape_target(graph, &shapes->last);
    const struct reach_block *block = &graph->blocks[*target & ~REACH_INTERIOR];
    uint64_t number = value >> 1, size = block->end - block->start;
    uint64_t offset = shapes->last.address - block->start;
    bool explained;
    if (value & 1)
        explained = offset == 3 * WORD && size > 3 * WORD && number == size - 3 * WORD - 1;
    else
        explained = offset == WORD && number > 0 && (size - WORD) % number == 0;
    if (explained)
        *target &= ~REACH_INTERIOR;
}

static bool shapes_has_table(const struct reach_shapes *shapes, uint64_t location)
{
    size_t low = 0, high = shapes->table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shapes->tables[middle] < location)
            low = middle + 1;
        else
            high = middle;
    }
    return low < shapes->table_count && shapes->tables[low] == location;
}

/* An object of several base classes that have virtual functions: its block and the place that is
 * pointed to begin with the address of a table. */
void reach_shapes_explain(const struct reach_shapes *shapes, struct reach_graph *graph)
{
    for (size_t i = 0; shapes->table_count && i < shapes->inner_count; i++) {
        uint32_t *target = shape_target(graph, &shapes->inner[i]);
        const struct reach_block *block = &graph->blocks[*target & ~REACH_INTERIOR];
        if (shapes_has_table(shapes, shapes->inner[i].address) &&
            shapes_has_table(shapes, block->start))
            *target &= ~REACH_INTERIOR;
    }
}
