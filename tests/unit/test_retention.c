/* SPDX-License-Identifier: Apache-2.0 */
#include "model/retention.h"

#include <string.h>

#include "reach_fixture.h"
#include "unit_main.h"

enum { PLACES = 4, MOST = 16 };

static const uint32_t own_places[MOST] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void run(struct retention *retention, const struct reach_graph *graph,
                const uint32_t *root_groups, size_t groups)
{
    const struct retention_input input = {.graph = graph,
                                          .root_groups = root_groups,
                                          .group_count = groups,
                                          .site_places = own_places,
                                          .place_count = MOST};
    ck_assert(retention_init(retention, &input));
}

static void check_sum(struct retention_sum sum, uint64_t bytes, uint64_t blocks)
{
    ck_assert_uint_eq(sum.bytes, bytes);
    ck_assert_uint_eq(sum.blocks, blocks);
}

/* Two variables: one holds a table of two entries, one only points to the second. */
START_TEST(retention_what_two_hold_is_neither_ones)
{
    static const uint32_t groups[] = {0, 1};
    struct reach_fixture fixture = {0};
    struct retention retention;
    for (uint32_t i = 0; i < 4; i++)
        fixture_block(&fixture, i == 0 ? 0 : 1, 100 + i);
    fixture_edge(&fixture, 0, 1);
    fixture_edge(&fixture, 0, 2);
    fixture_edge(&fixture, 2, 3);
    fixture_root(&fixture, REACH_ROOT_DATA, 8, 0);
    fixture_root(&fixture, REACH_ROOT_DATA, 16, 2);
    run(&retention, fixture_finish(&fixture), groups, 2);
    check_sum(retention.groups[0].alone, 201, 2);
    check_sum(retention.groups[1].alone, 0, 0);
    check_sum(retention.shared, 205, 2);
    check_sum(retention.reached, 406, 4);
    check_sum(retention.groups[0].nearest, 201, 2);
    check_sum(retention.groups[1].nearest, 205, 2);
    check_sum(retention.places[0].retained, 201, 2);
    check_sum(retention.places[1].retained, 306, 3);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

/* Blocks of one place that hang on each other count once in what the place retains. */
START_TEST(retention_list_is_one_step_and_counts_once)
{
    static const uint32_t groups[] = {0};
    enum { LENGTH = 1000000 };
    struct reach_fixture fixture = {0};
    struct retention retention;
    fixture_block(&fixture, 0, 8);
    for (uint32_t i = 0; i < LENGTH; i++)
        fixture_block(&fixture, 1, 16);
    for (uint32_t i = 0; i < LENGTH; i++)
        fixture_edge(&fixture, i, i + 1);
    fixture_root(&fixture, REACH_ROOT_STACK, 8, 0);
    run(&retention, fixture_finish(&fixture), groups, 1);
    check_sum(retention.groups[0].alone, 8 + 16 * LENGTH, LENGTH + 1);
    check_sum(retention.places[1].retained, 16 * LENGTH, LENGTH);
    check_sum(retention.places[0].retained, 8 + 16 * LENGTH, LENGTH + 1);
    ck_assert_uint_eq(retention.way_count, 2);
    const struct retention_way *way = &retention.ways[retention.places[1].way];
    check_sum(way->sum, 16 * LENGTH, LENGTH);
    ck_assert_uint_eq(way->parent, retention.places[0].way);
    ck_assert_uint_eq(way->depth, 2);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

START_TEST(retention_way_is_the_shortest_over_starts)
{
    static const uint32_t groups[] = {0, 1, 2};
    uint32_t offsets[] = {0, 8, 24, 32};
    struct reach_fixture fixture = {0};
    struct retention retention;
    for (uint32_t i = 0; i < 5; i++)
        fixture_block(&fixture, i, 10);
    fixture_edge(&fixture, 0, 1);
    fixture_edge(&fixture, 1, 2);
    fixture_edge(&fixture, 3, 2);
    fixture_edge(&fixture, 3, 4 | REACH_INTERIOR);
    fixture.graph.offsets = offsets;
    fixture_root(&fixture, REACH_ROOT_DATA, 8, 0);
    fixture_root(&fixture, REACH_ROOT_DATA, 16, 2 | REACH_INTERIOR);
    fixture_root(&fixture, REACH_ROOT_DATA, 24, 3);
    run(&retention, fixture_finish(&fixture), groups, 3);
    const struct retention_way *way = &retention.ways[retention.places[2].way];
    ck_assert(!way->possible); /* though one step would do over the middle */
    ck_assert_uint_eq(way->group, 2);
    ck_assert_uint_eq(retention.ways[way->parent].place, 3);
    ck_assert_uint_eq(way->offset, 24);
    ck_assert_uint_eq(way->root, 2);
    check_sum(retention.places[2].reachable, 10, 1);
    check_sum(retention.places[2].possible, 0, 0);
    check_sum(retention.places[4].possible, 10, 1);
    ck_assert(retention.ways[retention.places[4].way].possible);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

START_TEST(retention_variable_comes_before_stack)
{
    static const uint32_t groups[] = {0, 1};
    struct reach_fixture fixture = {0};
    struct retention retention;
    fixture_block(&fixture, 0, 10);
    fixture_block(&fixture, 1, 10); /* nobody points to it */
    fixture_root(&fixture, REACH_ROOT_STACK, 8, 0);
    fixture_root(&fixture, REACH_ROOT_DATA, 16, 0);
    run(&retention, fixture_finish(&fixture), groups, 2);
    ck_assert_uint_eq(retention.ways[retention.places[0].way].group, 1);
    ck_assert_uint_eq(retention.places[1].way, RETENTION_NONE);
    check_sum(retention.places[1].retained, 0, 0);
    check_sum(retention.reached, 10, 1);
    check_sum(retention.shared, 10, 1);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

START_TEST(retention_alternating_places_are_one_way_each)
{
    static const uint32_t groups[] = {0};
    struct reach_fixture fixture = {0};
    struct retention retention;
    for (uint32_t i = 0; i < 100; i++)
        fixture_block(&fixture, i % 2, 10);
    for (uint32_t i = 0; i + 1 < 100; i++)
        fixture_edge(&fixture, i, i + 1);
    fixture_root(&fixture, REACH_ROOT_DATA, 8, 0);
    run(&retention, fixture_finish(&fixture), groups, 1);
    ck_assert_uint_eq(retention.way_count, 2);
    check_sum(retention.ways[retention.places[0].way].sum, 500, 50);
    check_sum(retention.ways[retention.places[1].way].sum, 500, 50);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

START_TEST(retention_way_of_most_bytes_is_told)
{
    static const uint32_t groups[] = {0, 1, 1, 1};
    struct reach_fixture fixture = {0};
    struct retention retention;
    for (uint32_t i = 0; i < 4; i++)
        fixture_block(&fixture, 0, 10);
    fixture_root(&fixture, REACH_ROOT_DATA, 8, 0);
    fixture_root(&fixture, REACH_ROOT_STACK, 16, 1);
    fixture_root(&fixture, REACH_ROOT_STACK, 24, 2);
    fixture_root(&fixture, REACH_ROOT_STACK, 32, 3);
    run(&retention, fixture_finish(&fixture), groups, 2);
    const struct retention_way *way = &retention.ways[retention.places[0].way];
    ck_assert_uint_eq(way->group, 1);
    ck_assert_uint_eq(way->root, 1);
    check_sum(way->sum, 30, 3);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

START_TEST(retention_too_many_ways_still_add_up)
{
    enum { COUNT = 140000 };
    struct reach_fixture fixture = {0};
    struct retention retention;
    uint32_t *groups = malloc(COUNT * sizeof(*groups));
    ck_assert_ptr_nonnull(groups);
    for (uint32_t i = 0; i < COUNT; i++) {
        groups[i] = i;
        fixture_block(&fixture, i == COUNT - 1 ? 1 : 0, 10);
        fixture_root(&fixture, REACH_ROOT_DATA, 8 * i, i);
    }
    run(&retention, fixture_finish(&fixture), groups, COUNT);
    uint64_t sum = 0;
    for (size_t i = 0; i < retention.way_count; i++)
        sum += retention.ways[i].sum.bytes;
    ck_assert_uint_eq(sum, 10 * COUNT);
    ck_assert_uint_lt(retention.way_count, COUNT);
    ck_assert_uint_eq(retention.ways[retention.places[1].way].group, COUNT - 1);
    check_sum(retention.groups[COUNT - 1].alone, 10, 1);
    retention_release(&retention);
    fixture_release(&fixture);
    free(groups);
}
END_TEST

START_TEST(retention_of_nothing_is_nothing)
{
    struct reach_fixture fixture = {0};
    struct retention retention;
    run(&retention, fixture_finish(&fixture), NULL, 0);
    check_sum(retention.reached, 0, 0);
    ck_assert_uint_eq(retention.way_count, 0);
    retention_release(&retention);
    fixture_release(&fixture);
}
END_TEST

/* Random graphs against the definition: what cannot be reached any more when a vertex is gone. */
struct random_graph {
    struct reach_fixture fixture;
    uint32_t groups[2 * MOST];
};

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

static void random_graph(struct random_graph *random, uint64_t seed)
{
    uint64_t state = seed;
    struct reach_fixture *fixture = &random->fixture;
    uint32_t blocks = 1 + draw(&state, MOST), roots = draw(&state, 6), most = draw(&state, 4);
    for (uint32_t i = 0; i < blocks; i++)
        fixture_block(fixture, draw(&state, PLACES), 1 + draw(&state, 1000));
    for (uint32_t i = 0; i < blocks; i++)
        for (uint32_t edges = draw(&state, most + 1); edges > 0; edges--)
            fixture_edge(fixture, i, draw(&state, blocks) | (draw(&state, 4) ? 0 : REACH_INTERIOR));
    for (uint32_t i = 0; i < roots; i++) {
        random->groups[i] = draw(&state, 4);
        fixture_root(fixture, (enum reach_root_kind)draw(&state, REACH_ROOT_KINDS), 8 * i,
                     draw(&state, blocks) | (draw(&state, 4) ? 0 : REACH_INTERIOR));
    }
    fixture_finish(fixture);
}

/* Without group `group` and block `block`; marks what is still reached. */
static void mark(const struct random_graph *random, uint32_t group, uint32_t block, bool interior,
                 bool *marked)
{
    const struct reach_graph *graph = &random->fixture.graph;
    memset(marked, 0, MOST * sizeof(*marked));
    for (size_t i = 0; i < graph->root_count; i++) {
        uint32_t target = graph->roots[i].target;
        if (random->groups[i] != group && (interior || !(target & REACH_INTERIOR)))
            marked[target & ~REACH_INTERIOR] = true;
    }
    for (size_t round = 0; round < MOST; round++) {
        for (size_t from = 0; from < graph->block_count; from++) {
            if (!marked[from] || from == block)
                continue;
            for (uint64_t i = graph->first[from]; i < graph->first[from + 1]; i++)
                if (interior || !(graph->edges[i] & REACH_INTERIOR))
                    marked[graph->edges[i] & ~REACH_INTERIOR] = true;
        }
    }
    if (block < MOST)
        marked[block] = false;
}

static struct retention_sum sum_without(const struct random_graph *random, const bool *before,
                                        const bool *after)
{
    struct retention_sum sum = {0, 0};
    for (size_t i = 0; i < random->fixture.graph.block_count; i++) {
        const struct reach_block *block = &random->fixture.graph.blocks[i];
        if (before[i] && !after[i]) {
            sum.bytes += block->end - block->start;
            sum.blocks++;
        }
    }
    return sum;
}

static void check_groups(const struct random_graph *random, const struct retention *retention)
{
    bool all[MOST], without[MOST];
    uint64_t bytes = retention->shared.bytes;
    mark(random, RETENTION_NONE, RETENTION_NONE, true, all);
    for (uint32_t group = 0; group < 4; group++) {
        mark(random, group, RETENTION_NONE, true, without);
        struct retention_sum sum = sum_without(random, all, without);
        check_sum(retention->groups[group].alone, sum.bytes, sum.blocks);
        bytes += sum.bytes;
    }
    ck_assert_uint_eq(bytes, retention->reached.bytes);
}

/* A place retains what the removal of any single one of its blocks takes away. */
static void check_places(const struct random_graph *random, const struct retention *retention)
{
    const struct reach_graph *graph = &random->fixture.graph;
    bool all[MOST], starts[MOST], gone[MOST];
    struct retention_sum ways = {0, 0};
    mark(random, RETENTION_NONE, RETENTION_NONE, true, all);
    mark(random, RETENTION_NONE, RETENTION_NONE, false, starts);
    for (uint32_t place = 0; place < PLACES; place++) {
        bool kept[MOST];
        struct retention_sum reachable = {0, 0}, possible = {0, 0};
        memcpy(kept, all, sizeof(kept));
        for (uint32_t i = 0; i < graph->block_count; i++) {
            const struct reach_block *block = &graph->blocks[i];
            if (!all[i] || block->site != place)
                continue;
            struct retention_sum *sum = starts[i] ? &reachable : &possible;
            sum->bytes += block->end - block->start;
            sum->blocks++;
            mark(random, RETENTION_NONE, i, true, gone);
            for (size_t j = 0; j < graph->block_count; j++)
                kept[j] = kept[j] && gone[j];
        }
        struct retention_sum sum = sum_without(random, all, kept);
        check_sum(retention->places[place].retained, sum.bytes, sum.blocks);
        check_sum(retention->places[place].reachable, reachable.bytes, reachable.blocks);
        check_sum(retention->places[place].possible, possible.bytes, possible.blocks);
    }
    for (size_t i = 0; i < retention->way_count; i++) {
        const struct retention_way *way = &retention->ways[i];
        ck_assert(way->parent == RETENTION_NONE || way->parent < i);
        ways.bytes += way->sum.bytes;
        ways.blocks += way->sum.blocks;
    }
    check_sum(ways, retention->reached.bytes, retention->reached.blocks);
}

START_TEST(retention_random_graphs_match_the_definition)
{
    for (uint64_t seed = 1; seed <= 5000; seed++) {
        struct random_graph random = {0};
        struct retention retention;
        random_graph(&random, seed);
        run(&retention, &random.fixture.graph, random.groups, 4);
        check_groups(&random, &retention);
        check_places(&random, &retention);
        retention_release(&retention);
        fixture_release(&random.fixture);
    }
}
END_TEST

UNIT_MAIN("retention", retention_what_two_hold_is_neither_ones,
          retention_list_is_one_step_and_counts_once, retention_way_is_the_shortest_over_starts,
          retention_variable_comes_before_stack, retention_alternating_places_are_one_way_each,
          retention_way_of_most_bytes_is_told, retention_too_many_ways_still_add_up,
          retention_of_nothing_is_nothing, retention_random_graphs_match_the_definition)
