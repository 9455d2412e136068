/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that point to each other: definite or indirect, by cliques. */
#include <stdlib.h>
#include <string.h>

#include "leak_case.h"

struct node {
    struct node *next, *other;
    long payload[2];
};

static void *volatile kept, *volatile kept_too;

static NOINLINE struct node *take_node(void)
{
    return calloc(1, sizeof(struct node));
}

static NOINLINE struct node *take_child(void)
{
    return calloc(1, sizeof(struct node));
}

/* A chain of `count` blocks; its first. */
static struct node *chain(struct node *(*take)(void), size_t count)
{
    struct node *first = NULL;
    for (size_t i = 0; i < count; i++) {
        struct node *one = take();
        one->next = first;
        first = one;
    }
    return first;
}

static struct node *last_of(struct node *one)
{
    while (one->next)
        one = one->next;
    return one;
}

static struct node *ring(struct node *(*take)(void), size_t count)
{
    struct node *first = chain(take, count);
    last_of(first)->next = first;
    return first;
}

/* Each block's `other` is the one before it. */
static struct node *double_chain(size_t count)
{
    struct node *first = chain(take_node, count);
    for (struct node *one = first; one->next; one = one->next)
        one->next->other = one;
    return first;
}

static struct node *tree(struct node *(*take)(void), size_t depth)
{
    struct node *top = take();
    if (depth > 1) {
        top->next = tree(take, depth - 1);
        top->other = tree(take, depth - 1);
    }
    return top;
}

LEAK_CASE(chain_kept)
{
    kept = chain(take_node, 5);
}

LEAK_CASE(chain_lost)
{
    leak_use(chain(take_node, 5));
}

LEAK_CASE(chain_kept_by_its_middle)
{
    struct node *first = chain(take_node, 6);
    kept = first->next->next;
    leak_use(first);
}

LEAK_CASE(chain_kept_by_interior)
{
    struct node *first = chain(take_node, 5);
    kept = &first->other;
    leak_use(first);
}

/* What hangs off a possible block is possible, and reachable if something else leads there. */
LEAK_CASE(chain_interior_then_start)
{
    struct node *first = chain(take_node, 5);
    kept = &first->other;
    kept_too = first->next->next;
    leak_use(first);
}

static NOINLINE void lose_chain(size_t count)
{
    leak_use(chain(take_node, count));
}

LEAK_CASE(chain_very_long)
{
    lose_chain(20000);
}

LEAK_CASE(chain_by_interior_pointers)
{
    struct node *first = take_node();
    first->next = (struct node *)&take_child()->other;
    leak_use(first);
}

LEAK_CASE(chain_by_interior_pointers_kept)
{
    struct node *first = take_node();
    first->next = (struct node *)&take_child()->other;
    kept = first;
}

LEAK_CASE(chain_start_and_interior_lost)
{
    struct node *first = take_node();
    first->next = take_child();
    first->other = (struct node *)&first->next->other;
    leak_use(first);
}

LEAK_CASE(double_chain_lost)
{
    leak_use(double_chain(7));
}

LEAK_CASE(double_chain_kept_by_last)
{
    kept = last_of(double_chain(7));
}

LEAK_CASE(self_cycle)
{
    struct node *one = take_node();
    one->next = one;
    leak_use(one);
}

LEAK_CASE(self_cycle_by_interior)
{
    struct node *one = take_node();
    one->next = (struct node *)&one->other;
    leak_use(one);
}

LEAK_CASE(ring_of_2)
{
    leak_use(ring(take_node, 2));
}

LEAK_CASE(ring_of_3)
{
    leak_use(ring(take_node, 3));
}

LEAK_CASE(ring_kept)
{
    kept = ring(take_node, 4);
}

LEAK_CASE(ring_kept_by_interior)
{
    kept = &ring(take_node, 4)->other;
}

LEAK_CASE(ring_of_interior_pointers)
{
    struct node *one = take_node(), *two = take_node();
    one->next = (struct node *)&two->other;
    two->next = (struct node *)&one->other;
    leak_use(one);
}

LEAK_CASE(ring_with_tail)
{
    struct node *one = ring(take_node, 3);
    one->other = chain(take_child, 4);
    leak_use(one);
}

LEAK_CASE(chain_into_ring)
{
    struct node *into = ring(take_child, 3);
    struct node *first = chain(take_node, 3);
    last_of(first)->next = into;
    leak_use(first);
}

/* The same with the other one at the lower addresses. */
LEAK_CASE(chain_into_later_ring)
{
    struct node *first = chain(take_node, 3);
    last_of(first)->next = ring(take_child, 3);
    leak_use(first);
}

LEAK_CASE(ring_into_ring)
{
    struct node *one = ring(take_node, 3), *two = ring(take_child, 3);
    one->other = two;
    leak_use(one);
    leak_use(two);
}

LEAK_CASE(ring_into_earlier_ring)
{
    struct node *one = ring(take_child, 3), *two = ring(take_node, 3);
    two->other = one;
    leak_use(one);
    leak_use(two);
}

LEAK_CASE(rings_joined)
{
    struct node *one = ring(take_node, 3), *two = ring(take_node, 3);
    one->other = two;
    two->next->other = one;
    leak_use(one);
    leak_use(two);
}

LEAK_CASE(three_rings_in_a_row)
{
    struct node *one = ring(take_child, 2), *two = ring(take_child, 2), *three = ring(take_node, 2);
    two->other = one;
    three->other = two;
    leak_use(three);
}

LEAK_CASE(ring_points_to_reachable)
{
    struct node *shared = take_child();
    kept = shared;
    struct node *one = ring(take_node, 2);
    one->other = shared;
    leak_use(one);
}

LEAK_CASE(tree_kept)
{
    kept = tree(take_node, 5);
}

LEAK_CASE(tree_lost)
{
    leak_use(tree(take_node, 5));
}

LEAK_CASE(tree_kept_by_leaf)
{
    struct node *top = tree(take_node, 3);
    kept = top->next->other;
    leak_use(top);
}

LEAK_CASE(shared_child)
{
    struct node *child = take_child();
    struct node *one = take_node(), *two = take_node();
    one->next = two->next = child;
    leak_use(one);
    leak_use(two);
}

LEAK_CASE(shared_child_of_lost_and_kept)
{
    struct node *one = take_node(), *two = take_child();
    one->next = two->next = take_child();
    kept = two;
    leak_use(one);
}

LEAK_CASE(diamond)
{
    struct node *top = take_node();
    top->next = take_child();
    top->other = take_child();
    top->next->next = top->other->next = take_child();
    leak_use(top);
}

LEAK_CASE(dense_clique)
{
    enum { count = 12 };
    struct node *members[count];
    for (int i = 0; i < count; i++)
        members[i] = calloc(count, sizeof(void *));
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            ((struct node **)members[i])[j] = members[j];
    leak_use(members);
    memset(members, 0, sizeof members);
    leak_use(members);
}

static NOINLINE struct node **wide(size_t count)
{
    struct node **table = malloc(count * sizeof *table);
    for (size_t i = 0; i < count; i++)
        table[i] = take_child();
    return table;
}

LEAK_CASE(wide_table_kept)
{
    kept = wide(2000);
}

LEAK_CASE(wide_table_lost)
{
    leak_use(wide(2000));
}

/* All that is left of it is a pointer to an element that does not exist. */
LEAK_CASE(wide_table_kept_by_its_end)
{
    kept = wide(100) + 100;
}

LEAK_CASE(hash_of_chains)
{
    struct node **table = calloc(16, sizeof *table);
    for (size_t i = 0; i < 16; i++)
        table[i] = chain(take_child, i % 4);
    kept = table;
}
