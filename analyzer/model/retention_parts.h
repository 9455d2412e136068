/* SPDX-License-Identifier: Apache-2.0 */
/* Inside retention: its parts, and what they share. */
#ifndef VMTRACE_MODEL_RETENTION_PARTS_H
#define VMTRACE_MODEL_RETENTION_PARTS_H

#include "model/retention.h"

/* A list of targets, with REACH_INTERIOR. */
struct retention_targets {
    const uint32_t *next, *end;
};

static inline struct retention_targets retention_block_targets(const struct reach_graph *graph,
                                                               uint32_t block)
{
    uint64_t first = graph->first[block], end = graph->first[block + 1];
    if (first == end) /* `edges` may be NULL */
        return (struct retention_targets){NULL, NULL};
    return (struct retention_targets){graph->edges + first, graph->edges + end};
}

static inline void retention_add(struct retention_sum *sum, const struct reach_block *block)
{
    sum->bytes += block->end - block->start;
    sum->blocks++;
}

/* retention_dominate.c: groups[].alone, places[].retained, shared. */
bool retention_dominate(struct retention *retention, const struct retention_input *input);

/* Vertices, blocks and behind them groups, that are numbered from 1 so that each has a higher
 * number than the one that dominates it; 0 is outside of all. */
struct retention_tree {
    const struct retention_input *input;
    uint32_t count;
    uint32_t *vertex;     /* by number; is used up */
    const uint32_t *idom; /* by number: that of the immediate dominator */
};

/* retention_tell.c: what retention_dominate says, of that tree. */
bool retention_tell(struct retention *retention, const struct retention_tree *tree);

/* retention_ways.c: ways, groups[].nearest, places[].reachable, .possible and .way, reached. */
bool retention_find_ways(struct retention *retention, const struct retention_input *input);

#endif
