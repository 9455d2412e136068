/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_class.h"

#include <stdlib.h>

#include "base/huge_array.h"

/* How many blocks ahead of the one that is looked into its fields are fetched: pointers lead
 * anywhere, and each would be waited for. */
enum { EDGES_AHEAD = 8, FIRST_AHEAD = 16, TARGETS_FETCHED = 16 };

/* Blocks that were reached and not yet looked into, first come, first served.  One that waits is
 * not put there again, so a ring has room for all. */
struct waiting {
    const struct reach_graph *graph;
    struct reach_classes *result;
    uint32_t *blocks;
    size_t next, count;
    uint8_t *pending; /* a bit for each block */
};

void reach_classes_release(struct reach_classes *result)
{
    free(result->classes);
    free(result->leaders);
    *result = (struct reach_classes){0};
}

static uint32_t *waiting_at(const struct waiting *waiting, size_t ahead)
{
    size_t at = waiting->next + ahead, room = waiting->graph->block_count;
    return &waiting->blocks[at < room ? at : at - room];
}

static void waiting_push(struct waiting *waiting, uint32_t block)
{
    uint8_t bit = (uint8_t)(1u << (block & 7));
    if (waiting->pending[block >> 3] & bit)
        return;
    waiting->pending[block >> 3] |= bit;
    *waiting_at(waiting, waiting->count++) = block;
}

static void waiting_fetch(const struct waiting *waiting)
{
    const struct reach_graph *graph = waiting->graph;
    if (graph->edge_count == 0)
        return;
    if (waiting->count > FIRST_AHEAD)
        __builtin_prefetch(&graph->first[*waiting_at(waiting, FIRST_AHEAD)]);
    if (waiting->count > EDGES_AHEAD)
        __builtin_prefetch(&graph->edges[graph->first[*waiting_at(waiting, EDGES_AHEAD)]]);
    if (waiting->count <= EDGES_AHEAD / 2)
        return;
    uint32_t soon = *waiting_at(waiting, EDGES_AHEAD / 2);
    uint64_t edge = graph->first[soon], end = graph->first[soon + 1];
    for (int i = 0; i < TARGETS_FETCHED && edge < end; i++, edge++)
        __builtin_prefetch(&waiting->result->classes[graph->edges[edge] & ~REACH_INTERIOR], 1);
}

static uint32_t waiting_pop(struct waiting *waiting)
{
    waiting_fetch(waiting);
    uint32_t block = *waiting_at(waiting, 0);
    waiting->next = waiting->next + 1 < waiting->graph->block_count ? waiting->next + 1 : 0;
    waiting->count--;
    waiting->pending[block >> 3] &= (uint8_t) ~(1u << (block & 7));
    return block;
}

/* `certain`: what leads to it is itself reachable, or a root. */
static void class_reach(struct waiting *waiting, uint32_t target, bool certain)
{
    uint32_t block = target & ~REACH_INTERIOR;
    uint8_t *class = &waiting->result->classes[block];
    if (*class == REACH_REACHABLE)
        return;
    if (certain && !(target & REACH_INTERIOR))
        *class = REACH_REACHABLE;
    else if (*class == REACH_DEFINITE)
        *class = REACH_POSSIBLE;
    else
        return;
    waiting_push(waiting, block);
}

static void class_reach_all(struct waiting *waiting)
{
    const struct reach_graph *graph = waiting->graph;
    for (size_t i = 0; i < graph->root_count; i++)
        class_reach(waiting, graph->roots[i].target, true);
    while (waiting->count) {
        uint32_t block = waiting_pop(waiting);
        bool certain = waiting->result->classes[block] == REACH_REACHABLE;
        for (uint64_t edge = graph->first[block]; edge < graph->first[block + 1]; edge++)
            class_reach(waiting, graph->edges[edge], certain);
    }
}

/* All that hangs on `leader`, also what was a leader before. */
static void class_gather(struct waiting *waiting, uint32_t leader)
{
    const struct reach_graph *graph = waiting->graph;
    struct reach_classes *result = waiting->result;
    waiting_push(waiting, leader);
    while (waiting->count) {
        uint32_t block = waiting_pop(waiting);
        for (uint64_t edge = graph->first[block]; edge < graph->first[block + 1]; edge++) {
            uint32_t target = graph->edges[edge] & ~REACH_INTERIOR;
            if (result->classes[target] != REACH_DEFINITE || target == leader)
                continue;
            result->classes[target] = REACH_INDIRECT;
            result->leaders[target] = leader;
            waiting_push(waiting, target);
        }
    }
}

/* A leader that became indirect has one itself: the chain's end is who leads now. */
static void class_settle_leaders(struct reach_classes *result, size_t count)
{
    uint32_t *leaders = result->leaders;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t leader = i, next;
        while (leaders[leader] != leader)
            leader = leaders[leader];
        for (uint32_t at = i; at != leader; at = next) {
            next = leaders[at];
            leaders[at] = leader;
        }
    }
}

bool reach_classes_init(struct reach_classes *result, const struct reach_graph *graph)
{
    size_t count = graph->block_count;
    struct waiting waiting = {.graph = graph, .result = result};
    *result = (struct reach_classes){
        .classes = calloc(count + 1, sizeof(*result->classes)),
        .leaders = huge_array(count + 1, sizeof(*result->leaders)),
    };
    waiting.blocks = huge_array(count + 1, sizeof(*waiting.blocks));
    waiting.pending = calloc(count / 8 + 1, 1);
    bool good = result->classes && result->leaders && waiting.blocks && waiting.pending;
    for (uint32_t i = 0; good && i < count; i++)
        result->leaders[i] = i;
    if (good) {
        class_reach_all(&waiting);
        for (uint32_t i = 0; i < count; i++)
            if (result->classes[i] == REACH_DEFINITE)
                class_gather(&waiting, i);
        class_settle_leaders(result, count);
    } else {
        reach_classes_release(result);
    }
    free(waiting.blocks);
    free(waiting.pending);
    return good;
}
