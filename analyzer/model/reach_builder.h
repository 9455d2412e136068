/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a graph of the pointers of a scan, as they come.
 *
 *     reach_builder_init      the blocks that live, by address
 *     reach_builder_places    before the first pointer: where roots are
 *     reach_builder_register, reach_builder_pointers
 *     reach_builder_finish    hands the graph over
 *
 * Pointers come by rising location, so what they stand in is found by going along; what they
 * point to is looked up, many at once.  Memory: 32 bytes a block, 8 an edge, 24 a root, 24 a page
 * in which blocks begin, and 16 for each pointer into the middle of a block until it is known
 * whether that is the part of an object that a second base class begins at.
 */
#ifndef VMTRACE_MODEL_REACH_BUILDER_H
#define VMTRACE_MODEL_REACH_BUILDER_H

#include "decode/event.h"
#include "model/lsan_model.h"
#include "model/pool_model.h"
#include "model/reach_graph.h"
#include "model/reach_index.h"
#include "model/reach_places.h"
#include "model/reach_shapes.h"
#include "model/reach_spans.h"

struct reach_builder {
    struct reach_graph graph;
    size_t edge_capacity, offset_capacity, root_capacity;
    struct reach_index index;
    uint64_t *pooled; /* addresses of the pools' blocks, sorted */
    size_t pooled_count;
    struct reach_places places;
    struct reach_spans spans;
    struct reach_shapes shapes;
    const bool *loader_sites; /* by site; the caller's */
    uint8_t *ignored;         /* by block, a bit each: roots; or NULL */
    uint32_t left_out;        /* 1 << enum reach_root_kind: not taken in */
    uint64_t address_bits;    /* of a pointer, that count */

    /* The first that end, or (of loaders) begin, behind the current location. */
    size_t next_block, next_loader, next_place;
    size_t linked;                 /* graph.first is filled in up to here */
    uint64_t location;             /* the last one */
    uint64_t start;                /* of the last pointer in libc's data to where a block begins */
    uint64_t chunk, chunk_address; /* of the last one to what is no block, or to a chunk of the
                                      allocator's, and where that is */
    uint64_t pointers;             /* seen */
    bool disordered;               /* locations fell */
};

/* Of these functions, those that return bool return false only when out of memory. */

/* `order` has fewer than REACH_MOST_BLOCKS blocks.  Release it in any case. */
bool reach_builder_init(struct reach_builder *builder, const struct block_order *order,
                        const struct pool_model *pools);
void reach_builder_release(struct reach_builder *builder);

/* Before the places: blocks and regions that the program asked to count as roots. */
bool reach_builder_except(struct reach_builder *builder, const struct lsan_model *lsan);

bool reach_builder_places(struct reach_builder *builder, const struct reach_moment *moment);

bool reach_builder_register(struct reach_builder *builder, uint32_t tid, uint64_t value);

/* A POINTERS record; a malformed rest is left out. */
bool reach_builder_pointers(struct reach_builder *builder, const struct event_cold *cold);

/* *graph is the caller's afterwards. */
bool reach_builder_finish(struct reach_builder *builder, struct reach_graph *graph);

#endif
