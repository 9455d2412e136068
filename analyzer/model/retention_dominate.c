/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dominator tree, by the simple version of Lengauer's and Tarjan's algorithm (A fast
 * algorithm for finding dominators in a flowgraph, 1979).  Not semi-NCA, which is usually
 * faster: its time is quadratic at worst, and graphs come from files.
 *
 * Vertices are blocks and, behind them, groups.  All but the vertices' own lists is by number: the
 * order in which a depth-first search from 0, outside everything, comes to them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/huge_array.h"
#include "model/retention_parts.h"

#define NOT_FOUND 0 /* as a number of a vertex */

/* Vertices are numbered by how they hang together, not by where they are: what comes so many
 * numbers later is fetched ahead, and at most so many of a vertex' pointers. */
enum { FAR = 32, AHEAD = 16, NEAR = 8, CLOSE = 4, FETCHED = 16, WALKERS = 8 };

struct forest_vertex {
    uint32_t ancestor;
    uint32_t label, least; /* with the least semidominator on the way to the ancestor; that one */
    uint32_t bucket;       /* first of those whose semidominator it is; 0: none */
};

struct dominators {
    const struct retention_input *input;
    uint32_t vertices, count;     /* numbers are 1 .. count */
    uint64_t *group_first;        /* like reach_graph.first */
    uint32_t *group_targets;      /* blocks */
    uint32_t *number, *vertex;    /* one of the other; at the end, vertex is the place */
    uint32_t *parent;             /* in the search; its semidominator, once that is known */
    uint64_t *before_first;       /* number + 1 of them */
    uint32_t *before;             /* vertices with a pointer to each, by number */
    struct forest_vertex *forest; /* by number */
    uint32_t *idom; /* immediate dominator; before that is known, the next of its bucket */
};

static uint32_t *numbers(size_t count)
{
    return huge_array(count + 2, sizeof(uint32_t));
}

static void dominators_drop(struct dominators *tree)
{
    free(tree->number);
    free(tree->before_first);
    free(tree->before);
    free(tree->parent);
    free(tree->forest);
    tree->before_first = NULL;
    tree->number = tree->before = tree->parent = NULL;
    tree->forest = NULL;
}

static void dominators_release(struct dominators *tree)
{
    dominators_drop(tree);
    free(tree->group_first);
    free(tree->group_targets);
    free(tree->vertex);
    free(tree->idom);
}

/* The roots' targets by group. */
static bool dominators_group(struct dominators *tree)
{
    const struct reach_graph *graph = tree->input->graph;
    size_t groups = tree->input->group_count;
    uint64_t *first = calloc(groups + 2, sizeof(*first));
    tree->group_first = first;
    tree->group_targets = numbers(graph->root_count);
    if (!first || !tree->group_targets)
        return false;
    for (size_t i = 0; i < graph->root_count; i++)
        first[tree->input->root_groups[i] + 2]++;
    for (size_t i = 2; i < groups + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < graph->root_count; i++)
        tree->group_targets[first[tree->input->root_groups[i] + 1]++] =
            graph->roots[i].target & ~REACH_INTERIOR;
    return true;
}

static struct retention_targets dominators_targets(const struct dominators *tree, uint32_t vertex)
{
    size_t blocks = tree->input->graph->block_count;
    if (vertex < blocks)
        return retention_block_targets(tree->input->graph, vertex);
    const uint64_t *first = tree->group_first + (vertex - blocks);
    return (struct retention_targets){tree->group_targets + first[0],
                                      tree->group_targets + first[1]};
}

static void dominators_number(struct dominators *tree, uint32_t vertex, uint32_t parent)
{
    uint32_t number = ++tree->count;
    tree->number[vertex] = number;
    tree->vertex[number] = vertex;
    tree->parent[number] = parent;
}

static void fetch_numbers(const struct dominators *tree, struct retention_targets targets)
{
    for (int i = 0; i < FETCHED && targets.next < targets.end; i++, targets.next++)
        __builtin_prefetch(&tree->number[*targets.next & ~REACH_INTERIOR]);
}

static void fetch_lists(const struct dominators *tree, struct retention_targets targets)
{
    for (int i = 0; i < FETCHED && targets.next < targets.end; i++, targets.next++)
        __builtin_prefetch(&tree->input->graph->first[*targets.next & ~REACH_INTERIOR]);
}

/* The search goes back from `at` soon: what is left to do further up is fetched. */
static void search_fetch(const struct dominators *tree, const struct retention_targets *left,
                         uint32_t at)
{
    if (at > NEAR)
        __builtin_prefetch(left[at - NEAR].next);
    if (at > CLOSE && left[at - CLOSE].next < left[at - CLOSE].end)
        __builtin_prefetch(&tree->number[*left[at - CLOSE].next & ~REACH_INTERIOR]);
}

/* All that the vertex just numbered leads to.  `left` is by number: targets not looked at yet.
 * Counts how often each vertex is pointed to. */
static void dominators_descend(struct dominators *tree, struct retention_targets *left)
{
    uint64_t *counts = tree->before_first + 2;
    uint32_t top = tree->count, above = tree->parent[top];
    left[top] = dominators_targets(tree, tree->vertex[top]);
    for (uint32_t at = top; at != above;) {
        struct retention_targets *targets = &left[at];
        if (targets->next == targets->end) {
            at = tree->parent[at];
            search_fetch(tree, left, at);
            continue;
        }
        uint32_t target = *targets->next++ & ~REACH_INTERIOR;
        if (tree->number[target] == NOT_FOUND) {
            dominators_number(tree, target, at);
            at = tree->count;
            left[at] = dominators_targets(tree, target);
            fetch_numbers(tree, left[at]);
            fetch_lists(tree, left[at]);
        }
        counts[tree->number[target]]++;
    }
}

static bool dominators_search(struct dominators *tree)
{
    size_t blocks = tree->input->graph->block_count;
    struct retention_targets *left = huge_array((size_t)tree->vertices + 1, sizeof(*left));
    tree->number = huge_array_zeros((size_t)tree->vertices + 2, sizeof(*tree->number));
    tree->vertex = numbers(tree->vertices);
    tree->parent = numbers(tree->vertices);
    tree->before_first = huge_array_zeros((size_t)tree->vertices + 3, sizeof(*tree->before_first));
    bool good = left && tree->number && tree->vertex && tree->parent && tree->before_first;
    for (uint32_t i = 0; good && i < tree->input->group_count; i++) {
        dominators_number(tree, (uint32_t)blocks + i, 0);
        dominators_descend(tree, left);
    }
    free(left);
    return good;
}

/* What an edge of a vertex some numbers later needs, when it is `ahead`. */
static void turn_fetch(const struct dominators *tree, uint32_t at)
{
    const struct reach_graph *graph = tree->input->graph;
    const uint64_t *first = tree->before_first;
    if (tree->count - at <= FAR)
        return;
    if (tree->vertex[at + FAR] < graph->block_count)
        __builtin_prefetch(&graph->first[tree->vertex[at + FAR]]);
    __builtin_prefetch(dominators_targets(tree, tree->vertex[at + AHEAD + NEAR]).next);
    fetch_numbers(tree, dominators_targets(tree, tree->vertex[at + AHEAD]));
    struct retention_targets targets = dominators_targets(tree, tree->vertex[at + NEAR]);
    for (int i = 0; i < FETCHED && targets.next < targets.end; i++, targets.next++)
        __builtin_prefetch(&first[tree->number[*targets.next & ~REACH_INTERIOR] + 1], 1);
    targets = dominators_targets(tree, tree->vertex[at + CLOSE]);
    for (int i = 0; i < FETCHED && targets.next < targets.end; i++, targets.next++)
        __builtin_prefetch(&tree->before[first[tree->number[*targets.next & ~REACH_INTERIOR] + 1]],
                           1);
}

/* Who points to each vertex; that 0 leads to the groups needs no entry. */
static bool dominators_turn(struct dominators *tree)
{
    uint64_t *first = tree->before_first;
    for (size_t i = 2; i < (size_t)tree->count + 3; i++)
        first[i] += first[i - 1];
    tree->before = numbers(first[tree->count + 2]);
    if (!tree->before)
        return false;
    for (uint32_t at = 1; at <= tree->count; at++) {
        struct retention_targets targets = dominators_targets(tree, tree->vertex[at]);
        turn_fetch(tree, at);
        for (; targets.next < targets.end; targets.next++)
            tree->before[first[tree->number[*targets.next & ~REACH_INTERIOR] + 1]++] = at;
    }
    return true;
}

/* The vertex with the least semidominator on the way up from `at`, which is linked, to the root
 * of its tree in the forest of those from `linked` on; shortens that way. */
static const struct forest_vertex *dominators_eval(struct dominators *tree, uint32_t at,
                                                   uint32_t linked)
{
    struct forest_vertex *forest = tree->forest;
    uint32_t *path = tree->number; /* of no use any more */
    size_t length = 0;
    for (uint32_t up = at; forest[up].ancestor >= linked; up = forest[up].ancestor)
        path[length++] = up;
    while (length > 0) {
        struct forest_vertex *down = &forest[path[--length]];
        const struct forest_vertex *up = &forest[down->ancestor];
        if (up->least < down->least) {
            down->least = up->least;
            down->label = up->label;
        }
        down->ancestor = up->ancestor;
    }
    return &forest[at];
}

static void dominators_semi(struct dominators *tree, uint32_t at)
{
    struct forest_vertex *forest = tree->forest;
    uint32_t least = tree->parent[at];
    for (uint64_t i = tree->before_first[at]; i < tree->before_first[at + 1]; i++) {
        uint32_t before = tree->before[i];
        uint32_t semi = before > at ? dominators_eval(tree, before, at + 1)->least : before;
        least = semi < least ? semi : least;
    }
    forest[at].least = tree->parent[at] = least;
    tree->idom[at] = forest[least].bucket;
    forest[least].bucket = at;
}

static void dominators_empty_bucket(struct dominators *tree, uint32_t of, uint32_t linked)
{
    struct forest_vertex *forest = tree->forest;
    for (uint32_t at = forest[of].bucket, next; at; at = next) {
        const struct forest_vertex *found = dominators_eval(tree, at, linked);
        next = tree->idom[at];
        tree->idom[at] = found->least < of ? found->label : of;
    }
    forest[of].bucket = 0;
}

/* Who goes ahead of the evaluation, one step up at a time, so that nothing on its way is waited
 * for: one for each of the first pointers to a vertex, and one for its bucket. */
struct forest_walkers {
    uint32_t at[AHEAD * 2][WALKERS]; /* by vertex, modulo; 0: arrived */
};

static void walkers_begin(const struct dominators *tree, struct forest_walkers *walkers,
                          uint32_t vertex)
{
    uint32_t *at = walkers->at[vertex % (AHEAD * 2)], bucket = tree->forest[vertex].bucket;
    uint64_t first = tree->before_first[vertex], count = tree->before_first[vertex + 1] - first;
    at[0] = bucket;
    for (uint32_t i = 1; i < WALKERS; i++)
        at[i] =
            i <= count && tree->before[first + i - 1] > vertex ? tree->before[first + i - 1] : 0;
    for (uint32_t i = 0; i < WALKERS; i++)
        if (at[i])
            __builtin_prefetch(&tree->forest[at[i]], 1);
    if (bucket)
        __builtin_prefetch(&tree->idom[bucket], 1);
}

static void walkers_step(const struct dominators *tree, struct forest_walkers *walkers,
                         uint32_t vertex)
{
    uint32_t *at = walkers->at[vertex % (AHEAD * 2)];
    for (uint32_t i = 0; i < WALKERS; i++) {
        if (at[i] == 0)
            continue;
        uint32_t up = tree->forest[at[i]].ancestor;
        at[i] = up > vertex ? up : 0;
        if (at[i])
            __builtin_prefetch(&tree->forest[up], 1);
    }
}

static void walkers_go(const struct dominators *tree, struct forest_walkers *walkers, uint32_t at)
{
    if (at > AHEAD)
        walkers_begin(tree, walkers, at - AHEAD);
    for (uint32_t ahead = AHEAD - 2; ahead > 0 && at > ahead; ahead -= 2)
        walkers_step(tree, walkers, at - ahead);
}

static bool dominators_compute(struct dominators *tree)
{
    uint32_t count = tree->count;
    struct forest_walkers walkers = {0};
    tree->forest = huge_array((size_t)count + 1, sizeof(*tree->forest));
    tree->idom = numbers(count);
    if (!tree->forest || !tree->idom)
        return false;
    for (uint32_t at = 0; at <= count; at++)
        tree->forest[at] = (struct forest_vertex){at ? tree->parent[at] : 0, at, at, 0};
    tree->idom[0] = 0;
    for (uint32_t at = count; at > 0; at--) {
        walkers_go(tree, &walkers, at);
        uint32_t parent = tree->parent[at];
        dominators_semi(tree, at);
        dominators_empty_bucket(tree, parent, at);
    }
    for (uint32_t at = 1; at <= count; at++) {
        if (count - at > AHEAD)
            __builtin_prefetch(&tree->idom[tree->idom[at + AHEAD]]);
        if (tree->idom[at] != tree->parent[at])
            tree->idom[at] = tree->idom[tree->idom[at]];
    }
    return true;
}

bool retention_dominate(struct retention *retention, const struct retention_input *input)
{
    uint64_t vertices = (uint64_t)input->graph->block_count + input->group_count;
    struct dominators tree = {.input = input, .vertices = (uint32_t)vertices};
    bool good = vertices < UINT32_MAX - 2 && dominators_group(&tree) && dominators_search(&tree) &&
                dominators_turn(&tree) && dominators_compute(&tree);
    dominators_drop(&tree);
    const struct retention_tree told = {input, tree.count, tree.vertex, tree.idom};
    good = good && retention_tell(retention, &told);
    dominators_release(&tree);
    return good;
}
