/* SPDX-License-Identifier: Apache-2.0 */
/* The stream's tree of stack nodes against a plain table of (parent, pc). */
#include <stdlib.h>

#include "stack_nodes.h"
#include "unit_main.h"
#include "vmtrace/trace_format.h"

struct pair {
    uint64_t pc;
    uint32_t parent;
};

static struct stack_nodes nodes;

static void empty(void)
{
    stack_nodes_reset(&nodes);
}

START_TEST(stack_nodes_empty_tree_finds_nothing)
{
    empty();
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 1), 0);
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_CUT, 1), 0);
    ck_assert_uint_eq(stack_nodes_bytes(&nodes), 0);
}
END_TEST

START_TEST(stack_nodes_add_numbers_in_order)
{
    empty();
    ck_assert_uint_eq(stack_nodes_add(&nodes, VMT_NODE_EMPTY, 7), VMT_NODE_FIRST);
    ck_assert_uint_eq(stack_nodes_add(&nodes, VMT_NODE_CUT, 7), VMT_NODE_FIRST + 1);
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 7), VMT_NODE_FIRST);
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_CUT, 7), VMT_NODE_FIRST + 1);
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_FIRST, 7), 0);
}
END_TEST

/* Far more children than a list holds: each is found, listed or hashed, and no other one. */
START_TEST(stack_nodes_crowded_parent_finds_each_child)
{
    empty();
    enum { CHILDREN = 5000 };
    uint32_t other = stack_nodes_add(&nodes, VMT_NODE_EMPTY, 1);
    for (uint64_t i = 0; i < CHILDREN; i++) {
        ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 100 + i * 16), 0);
        ck_assert_uint_eq(stack_nodes_add(&nodes, VMT_NODE_EMPTY, 100 + i * 16), other + 1 + i);
    }
    for (uint64_t i = 0; i < CHILDREN; i++) {
        ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 100 + i * 16), other + 1 + i);
        ck_assert_uint_eq(stack_nodes_find(&nodes, other, 100 + i * 16), 0);
        ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 101 + i * 16), 0);
    }
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 1), other);
}
END_TEST

/* The same few pcs below parents that are chosen at random: deep, wide and crowded places. */
START_TEST(stack_nodes_random_tree_agrees_with_table)
{
    empty();
    enum { NODES = 20000, PCS = 40 };
    struct pair *known = calloc(VMT_NODE_FIRST + NODES, sizeof(*known));
    uint32_t *child = calloc((size_t)(VMT_NODE_FIRST + NODES) * PCS, sizeof(*child));
    uint32_t next = VMT_NODE_FIRST;
    unsigned seed = 5;
    while (next < VMT_NODE_FIRST + NODES) {
        seed = seed * 1103515245 + 12345;
        uint32_t parent = seed >> 8 & 1 ? (seed >> 9) % next : (seed >> 9) % (next / 50 + 1);
        uint32_t pc = (seed >> 3) % PCS;
        uint32_t found = stack_nodes_find(&nodes, parent, 0x400000 + pc * 8);
        ck_assert_uint_eq(found, child[(size_t)parent * PCS + pc]);
        if (found)
            continue;
        ck_assert_uint_eq(stack_nodes_add(&nodes, parent, 0x400000 + pc * 8), next);
        known[next] = (struct pair){pc, parent};
        child[(size_t)parent * PCS + pc] = next++;
    }
    for (uint32_t i = VMT_NODE_FIRST; i < next; i++)
        ck_assert_uint_eq(stack_nodes_find(&nodes, known[i].parent, 0x400000 + known[i].pc * 8), i);
    free(known);
    free(child);
}
END_TEST

START_TEST(stack_nodes_reset_forgets_all)
{
    empty();
    for (uint64_t i = 0; i < 1000; i++)
        stack_nodes_add(&nodes, VMT_NODE_EMPTY, i + 1);
    stack_nodes_reset(&nodes);
    ck_assert_uint_eq(stack_nodes_find(&nodes, VMT_NODE_EMPTY, 1), 0);
    ck_assert_uint_eq(stack_nodes_add(&nodes, VMT_NODE_EMPTY, 1), VMT_NODE_FIRST);
}
END_TEST

UNIT_MAIN("stack_nodes", stack_nodes_empty_tree_finds_nothing, stack_nodes_add_numbers_in_order,
          stack_nodes_crowded_parent_finds_each_child, stack_nodes_random_tree_agrees_with_table,
          stack_nodes_reset_forgets_all)
