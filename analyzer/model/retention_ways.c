/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breadth first from the roots: at first over pointers to the starts of blocks alone, which
 * finds what is reachable, then over those into the middle as well, which finds what is
 * possibly lost.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/huge_array.h"
#include "base/vector.h"
#include "model/retention_parts.h"

enum {
    WAYS_MOST = 1 << 17, /* beyond them, only the first way to each place */
    WAYS_FOLDED = 32,    /* so many steps back a place is known again */
    WAYS_FETCHED = 16,   /* of a block's targets */
    /* How many blocks ahead of the one that is looked into that is fetched. */
    FIRST_AHEAD = 32,
    EDGES_AHEAD = 24,
    WAYS_AHEAD = 16,
    BLOCKS_AHEAD = 8,
};

#define WAY_POSSIBLE (UINT32_C(1) << 31) /* in a key: beside the place */

struct way_search {
    struct retention *retention;
    const struct retention_input *input;
    uint32_t *queue, *ways; /* of blocks: found so far, in order; its way, or RETENTION_NONE */
    size_t found, way_capacity;
    struct hash_map steps; /* way before + 1 and place, or group and place -> way */
    bool possible;
};

/* Where a pointer was found. */
struct way_origin {
    uint32_t way; /* of the block that holds it, or RETENTION_NONE */
    uint32_t root, group;
    const uint32_t *edge; /* the pointer, if it is in a block */
};

/* The way itself, or one further up, if it is of this place. */
static uint32_t way_fold(const struct way_search *search, uint32_t way, uint32_t place)
{
    const struct retention_way *ways = search->retention->ways;
    for (unsigned i = 0; i < WAYS_FOLDED && way != RETENTION_NONE; i++) {
        if (ways[way].possible != search->possible)
            return RETENTION_NONE;
        if (ways[way].place == place)
            return way;
        way = ways[way].parent;
    }
    return RETENTION_NONE;
}

static uint32_t way_new(struct way_search *search, const struct way_origin *origin, uint32_t place)
{
    struct retention *retention = search->retention;
    const struct reach_graph *graph = search->input->graph;
    const struct retention_way *before =
        origin->way == RETENTION_NONE ? NULL : &retention->ways[origin->way];
    struct retention_way way = {
        .parent = origin->way,
        .group = before ? before->group : origin->group,
        .depth = before ? before->depth + 1 : 1,
        .root = before ? before->root : origin->root,
        .place = place,
        .offset = UINT32_MAX,
        .possible = search->possible,
    };
    if (origin->edge && graph->offsets)
        way.offset = graph->offsets[origin->edge - graph->edges];
    if (retention->way_count == search->way_capacity &&
        !vector_grow(&retention->ways, &search->way_capacity, sizeof(way)))
        return RETENTION_NONE;
    retention->ways[retention->way_count] = way;
    return (uint32_t)retention->way_count++;
}

/* The way of a block that such a pointer leads to; RETENTION_NONE when out of memory. */
static uint32_t way_step(struct way_search *search, const struct way_origin *origin, uint32_t block)
{
    uint32_t place = search->input->site_places[search->input->graph->blocks[block].site];
    uint32_t way = way_fold(search, origin->way, place);
    if (way != RETENTION_NONE)
        return way;
    uint64_t before = origin->way == RETENTION_NONE
                          ? (uint64_t)origin->group << 32 | UINT64_C(1) << 63
                          : (uint64_t)origin->way << 32;
    uint64_t key = before | (search->possible ? WAY_POSSIBLE : 0) | place;
    way = hash_map_get(&search->steps, key);
    if (way != HASH_MAP_NONE)
        return way;
    uint32_t *first = &search->retention->places[place].way;
    if (search->retention->way_count >= WAYS_MOST && *first != RETENTION_NONE)
        return *first;
    way = way_new(search, origin, place);
    if (*first == RETENTION_NONE)
        *first = way;
    return way != RETENTION_NONE && hash_map_put(&search->steps, key, way) ? way : RETENTION_NONE;
}

static bool way_visit(struct way_search *search, const struct way_origin *origin, uint32_t target)
{
    uint32_t block = target & ~REACH_INTERIOR;
    if (search->ways[block] != RETENTION_NONE)
        return true;
    uint32_t way = way_step(search, origin, block);
    if (way == RETENTION_NONE)
        return false;
    const struct reach_block *found = &search->input->graph->blocks[block];
    struct retention_place *place =
        &search->retention->places[search->input->site_places[found->site]];
    struct retention *retention = search->retention;
    retention_add(search->possible ? &place->possible : &place->reachable, found);
    retention_add(&retention->ways[way].sum, found);
    retention_add(&retention->groups[retention->ways[way].group].nearest, found);
    retention_add(&retention->reached, found);
    search->ways[block] = way;
    search->queue[search->found++] = block;
    return true;
}

/* What such a root says about why something is alive comes before what others say: a variable has
 * a name, a slot of a stack may be left over. */
static const enum reach_root_kind way_kinds[] = {
    REACH_ROOT_DATA,  REACH_ROOT_TLS,      REACH_ROOT_MAPPING, REACH_ROOT_LOADER,
    REACH_ROOT_STACK, REACH_ROOT_REGISTER, REACH_ROOT_OTHER,
};
_Static_assert(sizeof(way_kinds) / sizeof(*way_kinds) == REACH_ROOT_KINDS, "each kind once");

static bool way_begin(struct way_search *search)
{
    const struct reach_graph *graph = search->input->graph;
    uint32_t interior = search->possible ? REACH_INTERIOR : 0;
    bool good = true;
    for (size_t kind = 0; kind < REACH_ROOT_KINDS; kind++) {
        for (size_t i = 0; good && i < graph->root_count; i++) {
            const struct reach_root *root = &graph->roots[i];
            const struct way_origin origin = {
                .way = RETENTION_NONE, .root = (uint32_t)i, .group = search->input->root_groups[i]};
            if (root->kind == way_kinds[kind] && (root->target & REACH_INTERIOR) == interior)
                good = way_visit(search, &origin, root->target);
        }
    }
    return good;
}

/* Of the block that comes to be looked into as number `at`: the ways of its targets or, when they
 * are there, the blocks of those not found yet. */
static void way_prefetch_targets(const struct way_search *search, size_t at, bool blocks)
{
    const struct reach_graph *graph = search->input->graph;
    if (at >= search->found)
        return;
    struct retention_targets targets = retention_block_targets(graph, search->queue[at]);
    for (int i = 0; i < WAYS_FETCHED && targets.next < targets.end; i++, targets.next++) {
        uint32_t target = *targets.next & ~REACH_INTERIOR;
        if (!blocks)
            __builtin_prefetch(&search->ways[target], 1);
        else if (search->ways[target] == RETENTION_NONE)
            __builtin_prefetch(&graph->blocks[target]);
    }
}

static void way_prefetch(const struct way_search *search, size_t at)
{
    const struct reach_graph *graph = search->input->graph;
    if (at + FIRST_AHEAD < search->found)
        __builtin_prefetch(&graph->first[search->queue[at + FIRST_AHEAD]]);
    if (at + EDGES_AHEAD < search->found)
        __builtin_prefetch(retention_block_targets(graph, search->queue[at + EDGES_AHEAD]).next);
    way_prefetch_targets(search, at + WAYS_AHEAD, false);
    way_prefetch_targets(search, at + BLOCKS_AHEAD, true);
}

/* Follows the pointers in all blocks found; from the first `known` those to starts have been
 * followed before. */
static bool way_follow(struct way_search *search, size_t known)
{
    bool good = true;
    for (size_t i = 0; good && i < search->found; i++) {
        uint32_t block = search->queue[i];
        struct way_origin origin = {.way = search->ways[block]};
        struct retention_targets targets = retention_block_targets(search->input->graph, block);
        way_prefetch(search, i);
        for (; good && targets.next < targets.end; targets.next++) {
            bool interior = *targets.next & REACH_INTERIOR;
            origin.edge = targets.next;
            if (search->possible ? interior || i >= known : !interior)
                good = way_visit(search, &origin, *targets.next);
        }
    }
    return good;
}

static void way_choose(struct retention *retention)
{
    for (uint32_t i = 0; i < retention->way_count; i++) {
        struct retention_place *place = &retention->places[retention->ways[i].place];
        if (retention->ways[i].sum.bytes > retention->ways[place->way].sum.bytes)
            place->way = i;
    }
}

bool retention_find_ways(struct retention *retention, const struct retention_input *input)
{
    size_t blocks = input->graph->block_count;
    struct way_search search = {
        .retention = retention,
        .input = input,
        .queue = huge_array(blocks + 1, sizeof(*search.queue)),
        .ways = huge_array(blocks + 1, sizeof(*search.ways)),
    };
    bool good = search.queue && search.ways && input->graph->root_count < RETENTION_NONE;
    if (good) {
        memset(search.ways, 0xff, blocks * sizeof(*search.ways));
        good = way_begin(&search) && way_follow(&search, 0);
        size_t reachable = search.found;
        search.possible = true;
        good = good && way_begin(&search) && way_follow(&search, reachable);
        way_choose(retention);
    }
    hash_map_release(&search.steps);
    free(search.queue);
    free(search.ways);
    return good;
}
