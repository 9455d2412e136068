/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/dwarf_scopes.h"

#include <dwarf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/dwarf_name.h"

#define MAX_NESTING 512 /* of scopes inside one function */
#define MAX_NODES (1u << 20)
#define MAX_RANGES (1u << 22)

struct tree_reader {
    struct scope_tree tree;
    size_t node_room, range_room;
};

static int add_node(struct tree_reader *reader, const struct scope_node *node)
{
    struct scope_tree *tree = &reader->tree;

    if (tree->node_count == reader->node_room) {
        size_t room = reader->node_room ? reader->node_room * 2 : 16;
        struct scope_node *grown = reallocarray(tree->nodes, room, sizeof(*grown));
        if (!grown)
            return -1;
        tree->nodes = grown;
        reader->node_room = room;
    }
    tree->nodes[tree->node_count++] = *node;
    return 0;
}

static int add_range(struct tree_reader *reader, uint64_t start, uint64_t end)
{
    struct scope_tree *tree = &reader->tree;

    if (tree->range_count == reader->range_room) {
        size_t room = reader->range_room ? reader->range_room * 2 : 16;
        struct scope_range *grown = reallocarray(tree->ranges, room, sizeof(*grown));
        if (!grown)
            return -1;
        tree->ranges = grown;
        reader->range_room = room;
    }
    tree->ranges[tree->range_count++] =
        (struct scope_range){start, end, (uint32_t)tree->node_count - 1};
    return 0;
}

static uint64_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;

    if (dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, &value) == 0)
        return value;
    return 0;
}

static int add_inlined(struct tree_reader *reader, Dwarf_Die *die, uint32_t parent)
{
    uint64_t line = number_of(die, DW_AT_call_line);
    struct scope_node node = {.die = *die,
                              .parent = parent,
                              .call_file = number_of(die, DW_AT_call_file),
                              .call_line = line <= INT_MAX ? (int)line : 0};
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;

    if (add_node(reader, &node) != 0)
        return -1;
    while (reader->tree.range_count < MAX_RANGES &&
           (offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0)
        if (start < end && add_range(reader, start, end) != 0)
            return -1;
    return 0;
}

/* `parent` is the node that the scopes below `die` are inlined into. */
static int read_children(struct tree_reader *reader, Dwarf_Die *die, uint32_t parent, int nesting)
{
    Dwarf_Die child;
    int more = nesting < MAX_NESTING ? dwarf_child(die, &child) : 1;

    for (; more == 0 && reader->tree.node_count < MAX_NODES;
         more = dwarf_siblingof(&child, &child)) {
        int tag = dwarf_tag(&child);
        uint32_t scope = parent;
        if (tag == DW_TAG_inlined_subroutine) {
            scope = (uint32_t)reader->tree.node_count;
            if (add_inlined(reader, &child, parent) != 0)
                return -1;
        } else if (tag != DW_TAG_lexical_block && tag != DW_TAG_try_block &&
                   tag != DW_TAG_catch_block) {
            continue;
        }
        if (read_children(reader, &child, scope, nesting + 1) != 0)
            return -1;
    }
    return 0;
}

struct scope_tree *scope_tree_read(Dwarf_Die *function, struct name_pool *pool)
{
    struct scope_node self = {.die = *function, .parent = SCOPE_NONE};
    struct tree_reader reader = {0};
    struct scope_tree *tree = arena_alloc(pool->arena, sizeof(*tree));
    int status = tree ? add_node(&reader, &self) : -1;

    if (status == 0)
        status = read_children(&reader, function, 0, 0);
    if (status == 0) {
        size_t nodes = reader.tree.node_count * sizeof(*tree->nodes);
        size_t ranges = reader.tree.range_count * sizeof(*tree->ranges);
        *tree = reader.tree;
        tree->nodes = arena_alloc(pool->arena, nodes);
        tree->ranges = arena_alloc(pool->arena, ranges);
        if (!tree->nodes || !tree->ranges)
            status = -1;
        else
            memcpy(tree->nodes, reader.tree.nodes, nodes);
        if (status == 0 && ranges)
            memcpy(tree->ranges, reader.tree.ranges, ranges);
    }
    free(reader.tree.nodes);
    free(reader.tree.ranges);
    return status == 0 ? tree : NULL;
}

uint32_t scope_tree_find(const struct scope_tree *tree, uint64_t address)
{
    for (size_t i = tree->range_count; i-- > 0;) {
        const struct scope_range *range = &tree->ranges[i];
        if (range->start <= address && address < range->end)
            return range->node;
    }
    return 0;
}

uint64_t scope_tree_start(const struct scope_tree *tree, uint32_t node, uint64_t address,
                          uint64_t function_start)
{
    for (size_t i = 0; node != 0 && i < tree->range_count; i++) {
        const struct scope_range *range = &tree->ranges[i];
        if (range->node == node && range->start <= address && address < range->end)
            return range->start;
    }
    return function_start;
}

const char *scope_node_name(struct scope_node *node, struct name_pool *pool)
{
    if (!node->named)
        node->name = dwarf_name_read(&node->die, pool, &node->mangled);
    node->named = true;
    return node->name;
}
