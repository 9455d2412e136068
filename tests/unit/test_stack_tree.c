/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stack_tree.h"

#include "unit_main.h"

static struct stack_tree tree;
static struct module_table modules;
static struct arena *arena;

static void setup(void)
{
    modules = (struct module_table){0};
    arena = arena_new();
    ck_assert(stack_tree_init(&tree));
}

static void finish(void)
{
    stack_tree_release(&tree);
    module_table_release(&modules);
    arena_free(arena);
}

static void load(uint64_t start, uint64_t end, uint64_t ticks)
{
    struct event_cold record = {.values = {start, start, end, 0}, .strings = {{"", 0}, {"m", 1}}};
    ck_assert(module_table_load(&modules, arena, &record, ticks));
}

static uint32_t child(uint32_t parent, uint64_t pc, uint64_t ticks)
{
    return stack_tree_child(&tree, &modules, parent, pc, ticks);
}

START_TEST(stack_tree_same_frames_are_one_node)
{
    setup();
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 5000; i++) {
            uint32_t outer = child(STACK_EMPTY, i / 100, 1);
            ck_assert_uint_eq(child(outer, i, 1), child(outer, i, 2));
        }
        ck_assert_uint_eq(tree.count, STACK_FIRST + 50 + 5000);
    }
    ck_assert_uint_ne(child(STACK_EMPTY, 7, 1), child(STACK_CUT, 7, 1));
    finish();
}
END_TEST

START_TEST(stack_tree_module_may_be_announced_late)
{
    setup();
    uint32_t node = child(STACK_EMPTY, 0x1500, 10);
    ck_assert_uint_eq(tree.nodes[node].module, MODULE_NONE);
    load(0x1000, 0x2000, 20);
    ck_assert_uint_eq(stack_tree_module(&tree, &modules, node), 0);
    ck_assert_uint_eq(child(STACK_EMPTY, 0x1500, 30), node);
    ck_assert_uint_eq(tree.nodes[node].module, 0);
    finish();
}
END_TEST

START_TEST(stack_tree_modules_at_one_place_are_told_apart)
{
    setup();
    load(0x1000, 0x2000, 10);
    uint32_t first = child(STACK_EMPTY, 0x1500, 11);
    module_table_unload(&modules, 0x1000, 20);
    load(0x1000, 0x3000, 30);
    uint32_t second = child(STACK_EMPTY, 0x1500, 31);
    ck_assert_uint_ne(first, second);
    ck_assert_uint_eq(stack_tree_module(&tree, &modules, first), 0);
    ck_assert_uint_eq(stack_tree_module(&tree, &modules, second), 1);
    ck_assert_uint_eq(stack_tree_module(&tree, &modules, STACK_LOST), MODULE_NONE);
    finish();
}
END_TEST

UNIT_MAIN("stack_tree", stack_tree_same_frames_are_one_node,
          stack_tree_module_may_be_announced_late, stack_tree_modules_at_one_place_are_told_apart)
