/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dominator tree and the shortest ways of a large heap cost:
 *     bench_retention [SHAPE [BLOCKS]]
 * SHAPE is random, list, array or tree; all by default, with 10,000,000 blocks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_clock.h"
#include "model/retention.h"

enum { SITES = 1000, GROUPS = 100, RANDOM_EDGES = 3 };

static uint32_t draw(uint32_t below)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((state >> 32) * below >> 32);
}

static void link_to(struct reach_graph *graph, uint32_t target)
{
    if (target < graph->block_count)
        graph->edges[graph->edge_count++] = target;
}

/* The pointers of one block; those of a list go in an order of addresses that nobody foresees. */
static void link_block(struct reach_graph *graph, const char *shape, uint32_t block,
                       const uint32_t *shuffled)
{
    uint32_t count = (uint32_t)graph->block_count;
    if (strcmp(shape, "random") == 0)
        for (unsigned i = 0; i < RANDOM_EDGES; i++)
            link_to(graph, draw(count));
    else if (strcmp(shape, "list") == 0)
        link_to(graph, shuffled[block]);
    else if (strcmp(shape, "tree") == 0) {
        link_to(graph, 2 * block + 1);
        link_to(graph, 2 * block + 2);
        link_to(graph, block ? (block - 1) / 2 : 0);
    } else if (block == 0)
        for (uint32_t i = 1; i < count; i++)
            link_to(graph, i);
}

/* A single cycle through all blocks (Sattolo). */
static void shuffle(uint32_t *next, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        next[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t other = draw(i), kept = next[i];
        next[i] = next[other];
        next[other] = kept;
    }
}

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        exit(EXIT_FAILURE);
    return memory;
}

static void make_graph(struct reach_graph *graph, const char *shape, uint32_t count)
{
    uint32_t *shuffled = need(count, sizeof(*shuffled));
    *graph = (struct reach_graph){
        .blocks = need(count, sizeof(*graph->blocks)),
        .block_count = count,
        .first = need((size_t)count + 1, sizeof(*graph->first)),
        .edges = need((size_t)count * RANDOM_EDGES, sizeof(*graph->edges)),
        .roots = need(GROUPS, sizeof(*graph->roots)),
        .root_count = GROUPS,
    };
    shuffle(shuffled, count);
    for (uint32_t i = 0; i < count; i++) {
        graph->blocks[i] = (struct reach_block){i * UINT64_C(64), i * UINT64_C(64) + 48, i % SITES};
        link_block(graph, shape, i, shuffled);
        graph->first[i + 1] = graph->edge_count;
    }
    for (uint32_t i = 0; i < GROUPS; i++)
        graph->roots[i] = (struct reach_root){i * UINT64_C(8), i ? draw(count) : 0, 0, 0};
    free(shuffled);
}

static int run(const char *shape, uint32_t count)
{
    struct reach_graph graph;
    struct retention retention;
    struct rusage before, after;
    uint32_t groups[GROUPS], places[SITES];
    make_graph(&graph, shape, count);
    for (uint32_t i = 0; i < GROUPS; i++)
        groups[i] = i;
    for (uint32_t i = 0; i < SITES; i++)
        places[i] = i;
    const struct retention_input input = {&graph, groups, GROUPS, places, SITES};
    getrusage(RUSAGE_SELF, &before);
    double begin = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    bool good = retention_init(&retention, &input);
    double took = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
    getrusage(RUSAGE_SELF, &after);
    printf("%-8s %10u blocks %11zu edges %6.1f s  at most %4ld MiB, %ld of them the graph; "
           "%zu ways, %llu blocks reached\n",
           shape, count, graph.edge_count, took / 1e9, after.ru_maxrss / 1024,
           before.ru_maxrss / 1024, good ? retention.way_count : 0,
           good ? (unsigned long long)retention.reached.blocks : 0);
    retention_release(&retention);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Each in a process of its own: what it needs at most is the process'. */
static int run_apart(const char *shape, uint32_t count)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        exit(run(shape, count));
    return child > 0 && waitpid(child, &status, 0) == child ? status : 1;
}

int main(int argc, char **argv)
{
    static const char *const shapes[] = {"random", "list", "array", "tree"};
    uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000000;
    int failed = 0;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes) && count > 0; i++)
        if (argc < 2 || strcmp(argv[1], shapes[i]) == 0)
            failed |= run_apart(shapes[i], count);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
