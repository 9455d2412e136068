/* SPDX-License-Identifier: Apache-2.0 */
/* What the dominator tree says of groups and places. */
#include <stdlib.h>

#include "base/huge_array.h"
#include "model/retention_parts.h"

enum { AHEAD = 16 }; /* so many numbers later: is fetched */

static const struct reach_block *vertex_block(const struct retention_tree *tree, uint32_t vertex)
{
    const struct reach_graph *graph = tree->input->graph;
    return vertex < graph->block_count ? &graph->blocks[vertex] : NULL;
}

static void add_sum(struct retention_sum *to, const struct retention_sum *from)
{
    to->bytes += from->bytes;
    to->blocks += from->blocks;
}

/* What each vertex alone keeps alive, itself among it: by number.  From here on `vertex` is the
 * place of a block, RETENTION_NONE for a group. */
static struct retention_sum *tree_sum(const struct retention_tree *tree,
                                      struct retention *retention)
{
    const struct reach_graph *graph = tree->input->graph;
    struct retention_sum *sums = huge_array_zeros((size_t)tree->count + 1, sizeof(*sums));
    for (uint32_t at = tree->count; sums && at > 0; at--) {
        uint32_t vertex = tree->vertex[at], idom = tree->idom[at];
        if (at > AHEAD) {
            __builtin_prefetch(vertex_block(tree, tree->vertex[at - AHEAD]));
            __builtin_prefetch(&sums[tree->idom[at - AHEAD]], 1);
        }
        const struct reach_block *block = vertex_block(tree, vertex);
        tree->vertex[at] = block ? tree->input->site_places[block->site] : RETENTION_NONE;
        if (block)
            retention_add(&sums[at], block);
        else
            retention->groups[vertex - graph->block_count].alone = sums[at];
        if (block && idom == 0)
            add_sum(&retention->shared, &sums[at]);
        add_sum(&sums[idom], &sums[at]);
    }
    return sums;
}

/* Walks down the tree.  Of blocks of one place that dominate each other the uppermost counts. */
static void tree_places(const struct retention_tree *tree, const struct retention_sum *sums,
                        uint32_t *first, uint32_t *next, uint32_t *inside,
                        struct retention *retention)
{
    for (uint32_t at = tree->count; at > 0; at--) {
        next[at] = first[tree->idom[at]];
        first[tree->idom[at]] = at;
    }
    for (uint32_t at = first[0]; at;) {
        uint32_t place = tree->vertex[at];
        if (place != RETENTION_NONE && inside[place]++ == 0)
            add_sum(&retention->places[place].retained, &sums[at]);
        if (first[at]) {
            at = first[at];
            continue;
        }
        for (;; at = tree->idom[at]) {
            place = at ? tree->vertex[at] : RETENTION_NONE;
            if (place != RETENTION_NONE)
                inside[place]--;
            if (at == 0 || next[at])
                break;
        }
        at = at ? next[at] : 0;
    }
}

bool retention_tell(struct retention *retention, const struct retention_tree *tree)
{
    struct retention_sum *sums = tree_sum(tree, retention);
    uint32_t *first = huge_array_zeros((size_t)tree->count + 1, sizeof(*first));
    uint32_t *next = huge_array((size_t)tree->count + 1, sizeof(*next));
    uint32_t *inside = calloc(tree->input->place_count + 1, sizeof(*inside));
    bool good = sums && first && next && inside;
    if (good)
        tree_places(tree, sums, first, next, inside, retention);
    free(sums);
    free(first);
    free(next);
    free(inside);
    return good;
}
