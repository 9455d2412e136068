/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's node numbers -> nodes of the process' stack tree.
 *
 * Numbers whose definition was lost have no entry; they stand for STACK_LOST.  The map is a few
 * runs of consecutive numbers, one more for each gap, so that a wrong number in a damaged
 * file costs nothing.
 */
#ifndef VMTRACE_MODEL_NODE_MAP_H
#define VMTRACE_MODEL_NODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/stack_tree.h"

struct node_run {
    uint32_t first, count; /* numbers */
    size_t offset;         /* of number `first` in nodes */
};

/* All zero is an empty map. */
struct node_map {
    uint32_t *nodes;
    size_t count, capacity;
    struct node_run *runs; /* by number */
    size_t run_count, run_capacity;
};

void node_map_release(struct node_map *map);

/* Forgets everything. */
void node_map_clear(struct node_map *map);

/* Adds `number`, which must lie behind all that are there (else it is not added, which only
 * damaged files ask for).  False when out of memory. */
bool node_map_add(struct node_map *map, uint32_t number, uint32_t node);

/* The map's answer for a number outside its last run. */
uint32_t node_map_search(const struct node_map *map, uint32_t number);

static inline uint32_t node_map_get(const struct node_map *map, uint32_t number)
{
    if (map->run_count) {
        const struct node_run *run = &map->runs[map->run_count - 1];
        if (number - run->first < run->count)
            return map->nodes[run->offset + (number - run->first)];
    }
    return node_map_search(map, number);
}

#endif
