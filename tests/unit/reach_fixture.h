/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of blocks made by hand: blocks, then the edges block by block, then roots, then
 * fixture_finish.  Each block is at 0x10000 more than the one before it. */
#ifndef VMTRACE_TESTS_REACH_FIXTURE_H
#define VMTRACE_TESTS_REACH_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "base/vector.h"
#include "model/reach_graph.h"

/* check writes a file at each ck_assert. */
#define fixture_need(condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("out of memory");                                                         \
    } while (0)

struct reach_fixture {
    struct reach_graph graph;
    size_t block_room, edge_room, root_room;
};

static inline uint32_t fixture_block(struct reach_fixture *fixture, uint32_t site, uint64_t size)
{
    struct reach_graph *graph = &fixture->graph;
    fixture_need(graph->block_count < fixture->block_room ||
                 vector_grow(&graph->blocks, &fixture->block_room, sizeof(*graph->blocks)));
    uint32_t number = (uint32_t)graph->block_count++;
    uint64_t start = ((uint64_t)number + 1) << 16;
    graph->blocks[number] = (struct reach_block){.start = start, .end = start + size, .site = site};
    return number;
}

/* Sources by rising number, after the last block. */
static inline void fixture_edge(struct reach_fixture *fixture, uint32_t from, uint32_t target)
{
    struct reach_graph *graph = &fixture->graph;
    if (!graph->first)
        graph->first = calloc(graph->block_count + 1, sizeof(*graph->first));
    fixture_need(graph->first);
    fixture_need(graph->edge_count < fixture->edge_room ||
                 vector_grow(&graph->edges, &fixture->edge_room, sizeof(*graph->edges)));
    graph->edges[graph->edge_count++] = target;
    graph->first[from + 1] = graph->edge_count;
}

static inline void fixture_root(struct reach_fixture *fixture, enum reach_root_kind kind,
                                uint64_t location, uint32_t target)
{
    struct reach_graph *graph = &fixture->graph;
    fixture_need(graph->root_count < fixture->root_room ||
                 vector_grow(&graph->roots, &fixture->root_room, sizeof(*graph->roots)));
    graph->roots[graph->root_count++] = (struct reach_root){
        .location = location, .target = target, .kind = (uint8_t)kind, .tid = 0};
}

static inline struct reach_graph *fixture_finish(struct reach_fixture *fixture)
{
    struct reach_graph *graph = &fixture->graph;
    if (!graph->first)
        graph->first = calloc(graph->block_count + 1, sizeof(*graph->first));
    fixture_need(graph->first);
    for (size_t i = 1; i <= graph->block_count; i++)
        if (graph->first[i] < graph->first[i - 1])
            graph->first[i] = graph->first[i - 1];
    return graph;
}

static inline void fixture_release(struct reach_fixture *fixture)
{
    free(fixture->graph.blocks);
    free(fixture->graph.first);
    free(fixture->graph.edges);
    free(fixture->graph.roots);
}

#endif
