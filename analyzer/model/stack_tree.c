/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stack_tree.h"

#include <stdlib.h>

#include <vmtrace/trace_format.h>

#include "base/hash_map.h"
#include "base/vector.h"

#define STACK_TREE_FIRST_BITS 10
#define STACK_SITE_NONE UINT32_MAX

bool stack_tree_init(struct stack_tree *tree)
{
    *tree = (struct stack_tree){.bits = STACK_TREE_FIRST_BITS};
    tree->heads = calloc((size_t)1 << tree->bits, sizeof(*tree->heads));
    if (!tree->heads ||
        !vector_reserve(&tree->nodes, &tree->capacity, 1024, sizeof(*tree->nodes))) {
        stack_tree_release(tree);
        return false;
    }
    for (uint32_t root = 0; root < STACK_FIRST; root++)
        tree->nodes[root] = (struct stack_node){0, 0, 0, MODULE_NONE, STACK_SITE_NONE, 0};
    tree->count = STACK_FIRST;
    return true;
}

void stack_tree_release(struct stack_tree *tree)
{
    free(tree->nodes);
    free(tree->heads);
    *tree = (struct stack_tree){0};
}

static uint32_t *stack_tree_head(struct stack_tree *tree, uint32_t parent, uint64_t pc)
{
    uint64_t key = pc ^ (uint64_t)parent * UINT64_C(0xd6e8feb86659fd93);
    return &tree->heads[hash_map_place(key, tree->bits)];
}

/* Where there is no memory for a larger table the chains just grow. */
static void stack_tree_widen(struct stack_tree *tree)
{
    uint32_t *heads = calloc((size_t)2 << tree->bits, sizeof(*heads));
    if (!heads)
        return;
    free(tree->heads);
    tree->heads = heads;
    tree->bits++;
    for (uint32_t i = STACK_FIRST; i < tree->count; i++) {
        struct stack_node *node = &tree->nodes[i];
        uint32_t *head = stack_tree_head(tree, node->parent, node->pc);
        node->next = *head;
        *head = i;
    }
}

static uint32_t stack_tree_add(struct stack_tree *tree, uint32_t parent, uint64_t pc,
                               uint32_t module, uint64_t ticks)
{
    if (tree->count == UINT32_MAX - 1 ||
        (tree->count == tree->capacity &&
         !vector_grow(&tree->nodes, &tree->capacity, sizeof(*tree->nodes))))
        return STACK_NONE;
    if (tree->count >> tree->bits && tree->bits < 31)
        stack_tree_widen(tree);
    uint32_t *head = stack_tree_head(tree, parent, pc);
    uint32_t node = (uint32_t)tree->count++;
    tree->nodes[node] = (struct stack_node){pc, ticks, parent, module, STACK_SITE_NONE, *head};
    *head = node;
    return node;
}

uint32_t stack_tree_child(struct stack_tree *tree, const struct module_table *modules,
                          uint32_t parent, uint64_t pc, uint64_t ticks)
{
    uint64_t address = pc & ~VMT_PC_EXACT;
    uint32_t module = module_table_current(modules, address);
    for (uint32_t i = *stack_tree_head(tree, parent, pc); i; i = tree->nodes[i].next) {
        struct stack_node *node = &tree->nodes[i];
        if (node->parent != parent || node->pc != pc)
            continue;
        /* The module was announced after its code was first seen running. */
        if (node->module == MODULE_NONE && module != MODULE_NONE &&
            module_table_resolve(modules, address, node->ticks) == module)
            node->module = module;
        if (node->module == module)
            return i;
    }
    return stack_tree_add(tree, parent, pc, module, ticks);
}

uint32_t stack_tree_inherit(struct stack_tree *tree, uint32_t parent, uint64_t pc, uint32_t module,
                            uint64_t ticks)
{
    for (uint32_t i = *stack_tree_head(tree, parent, pc); i; i = tree->nodes[i].next) {
        const struct stack_node *node = &tree->nodes[i];
        if (node->parent == parent && node->pc == pc && node->module == module)
            return i;
    }
    return stack_tree_add(tree, parent, pc, module, ticks);
}

uint32_t stack_tree_module(const struct stack_tree *tree, const struct module_table *modules,
                           uint32_t node)
{
    const struct stack_node *frame = &tree->nodes[node];
    if (frame->module != MODULE_NONE || node < STACK_FIRST)
        return frame->module;
    return module_table_resolve(modules, frame->pc & ~VMT_PC_EXACT, frame->ticks);
}
