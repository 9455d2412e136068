/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which block points to which at the moment of a scan, and which are pointed to from outside the
 * heap.
 *
 * Blocks are numbered by rising address.  Edges are sorted by the block that holds the pointer;
 * there may be several between the same two blocks, and from a block to itself.  Owned by whoever
 * filled it in (reach_graph_release).
 */
#ifndef VMTRACE_MODEL_REACH_GRAPH_H
#define VMTRACE_MODEL_REACH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a target: the pointer leads into the middle of the block, and no known shape of a block
 * explains that.  What remains of the target is the number of a block. */
#define REACH_INTERIOR (UINT32_C(1) << 31)
#define REACH_MOST_BLOCKS REACH_INTERIOR

struct reach_block {
    uint64_t start, end; /* end > start: an empty block counts as one byte */
    uint32_t site;
};

enum reach_root_kind {
    REACH_ROOT_DATA,     /* writable data of a module */
    REACH_ROOT_STACK,    /* a thread's stack */
    REACH_ROOT_REGISTER, /* a thread's register; location is 0 */
    REACH_ROOT_TLS,      /* thread-local storage, as far as it is known */
    REACH_ROOT_MAPPING,  /* a mapping of the program's */
    REACH_ROOT_LOADER,   /* in a block that the dynamic loader allocated: such blocks are roots */
    REACH_ROOT_OTHER,
    REACH_ROOT_KINDS,
};

struct reach_root {
    uint64_t location; /* of the pointer */
    uint32_t target;   /* block, with REACH_INTERIOR */
    uint32_t tid;      /* of STACK, REGISTER, TLS: whose; else 0 */
    uint8_t kind;      /* enum reach_root_kind */
};

struct reach_graph {
    struct reach_block *blocks;
    size_t block_count;
    uint64_t *first; /* block_count + 1: the edges of block b are edges[first[b] .. first[b+1]-1] */
    uint32_t *edges; /* targets */
    uint32_t *offsets; /* of each edge: of the pointer in its block; UINT32_MAX: that or more */
    size_t edge_count;
    struct reach_root *roots; /* by rising location */
    size_t root_count;
};

void reach_graph_release(struct reach_graph *graph);

#endif
