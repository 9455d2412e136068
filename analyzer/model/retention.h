/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why blocks are alive, and what hangs off each thing that keeps some alive.
 *
 * Roots are put together into groups (a variable, a thread's stack, ...) and sites into places
 * (a line of source), both by the caller.  What a group or a block alone keeps alive is what it
 * dominates in the graph: every way from outside the heap leads through it.
 *
 *     reached = shared + sum of groups[].alone
 *     sum of places[].reachable + places[].possible = reached = sum of ways[].sum
 *
 * Time is O(edges * log blocks).  Memory while it is made: 40 bytes a block, 56 a group, 4 a root
 * and 4 an edge; what stays is O(places + groups + ways).  An empty block counts as one byte.
 */
#ifndef VMTRACE_MODEL_RETENTION_H
#define VMTRACE_MODEL_RETENTION_H

#include "model/reach_graph.h"

#define RETENTION_NONE UINT32_MAX

struct retention_input {
    const struct reach_graph *graph;
    const uint32_t *root_groups; /* of each root; below group_count */
    size_t group_count;
    const uint32_t *site_places; /* of each site; below place_count, which is below 1 << 31 */
    size_t place_count;
};

struct retention_sum {
    uint64_t bytes, blocks;
};

struct retention_group {
    struct retention_sum alone;   /* nothing else keeps these alive */
    struct retention_sum nearest; /* the shortest ways to these begin here */
};

struct retention_place {
    struct retention_sum reachable, possible; /* its blocks, by how they are reached */
    struct retention_sum retained; /* they, and what nothing else keeps alive than one of them */
    uint32_t way; /* by which most of its bytes are reached; RETENTION_NONE: none */
};

/* A shortest way from outside the heap to blocks of one place, over blocks of other places.  What
 * points to blocks of its own place, or of one further up, is the same way: a list is one step.
 * Where there are more than 131,072 ways, further blocks count with the first to their place. */
struct retention_way {
    uint32_t parent; /* the step before; always of a lower number; RETENTION_NONE: the
                        pointer is outside the heap */
    uint32_t group;  /* that it begins at */
    uint32_t depth;  /* steps, this one among them */
    uint32_t place;
    uint32_t root;            /* the pointer that the way to the first such block begins with */
    uint32_t offset;          /* of the pointer to it in the block before; UINT32_MAX: not known */
    bool possible;            /* reached only over a pointer into the middle of a block */
    struct retention_sum sum; /* blocks of the place that are reached so */
};

struct retention {
    struct retention_group *groups; /* as many as the input has */
    struct retention_place *places; /* likewise */
    struct retention_way *ways;
    size_t way_count;
    struct retention_sum reached, shared; /* shared: that several groups keep alive */
};

/* False when out of memory, also where the graph has 2^32 vertices or more. */
bool retention_init(struct retention *retention, const struct retention_input *input);
void retention_release(struct retention *retention);

#endif
