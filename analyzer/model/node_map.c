/* SPDX-License-Identifier: Apache-2.0 */
#include "model/node_map.h"

#include <stdlib.h>

#include <vmtrace/trace_format.h>

#include "base/vector.h"

void node_map_release(struct node_map *map)
{
    free(map->nodes);
    free(map->runs);
    *map = (struct node_map){0};
}

void node_map_clear(struct node_map *map)
{
    map->count = map->run_count = 0;
}

bool node_map_add(struct node_map *map, uint32_t number, uint32_t node)
{
    struct node_run *last = map->run_count ? &map->runs[map->run_count - 1] : NULL;
    if (last && number < last->first + last->count)
        return true;
    if (map->count == map->capacity &&
        !vector_grow(&map->nodes, &map->capacity, sizeof(*map->nodes)))
        return false;
    if (!last || number != last->first + last->count) {
        if (map->run_count == map->run_capacity &&
            !vector_grow(&map->runs, &map->run_capacity, sizeof(*map->runs)))
            return false;
        last = &map->runs[map->run_count++];
        *last = (struct node_run){number, 0, map->count};
    }
    map->nodes[map->count++] = node;
    last->count++;
    return true;
}

uint32_t node_map_search(const struct node_map *map, uint32_t number)
{
    if (number == VMT_NODE_EMPTY)
        return STACK_EMPTY;
    if (number == VMT_NODE_CUT)
        return STACK_CUT;
    size_t low = 0, high = map->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct node_run *run = &map->runs[middle];
        if (number - run->first < run->count)
            return map->nodes[run->offset + (number - run->first)];
        if (run->first <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return STACK_LOST;
}
