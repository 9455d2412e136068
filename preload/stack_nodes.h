/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's tree of stack nodes: (parent, pc) -> number.
 *
 * Each stream numbers its own nodes, so threads share nothing and the stream can be read
 * by itself.  A node costs 16 bytes at a load of at most 3/4: 21 to 43 bytes.
 */
#ifndef VMTRACE_STACK_NODES_H
#define VMTRACE_STACK_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_node {
    uint64_t pc;
    uint32_t parent;
    uint32_t number; /* 0: the place is free */
};

/* Zero is a valid empty state apart from `next`, which stack_nodes_reset sets. */
struct stack_nodes {
    struct stack_node *table;
    uint32_t mask; /* places - 1 */
    uint32_t used;
    uint32_t next; /* number of the next node */
};

static inline uint32_t stack_nodes_place(const struct stack_nodes *nodes, uint32_t parent,
                                         uint64_t pc)
{
    uint64_t hash = (pc ^ (uint64_t)parent * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
    return (uint32_t)(hash >> 32) & nodes->mask;
}

/* The child of `parent` at `pc`, or 0. */
static inline uint32_t stack_nodes_find(const struct stack_nodes *nodes, uint32_t parent,
                                        uint64_t pc)
{
    if (!nodes->table)
        return 0;
    for (uint32_t place = stack_nodes_place(nodes, parent, pc);;
         place = (place + 1) & nodes->mask) {
        const struct stack_node *node = &nodes->table[place];
        if (!node->number || (node->pc == pc && node->parent == parent))
            return node->number;
    }
}

/* Bytes of the table. */
static inline size_t stack_nodes_bytes(const struct stack_nodes *nodes)
{
    return nodes->table ? ((size_t)nodes->mask + 1) * sizeof(struct stack_node) : 0;
}

/* Adds a child that is not there yet; its number, or 0 when no memory can be mapped. */
uint32_t stack_nodes_add(struct stack_nodes *nodes, uint32_t parent, uint64_t pc);

/* Forgets all nodes; the table is unmapped. */
void stack_nodes_reset(struct stack_nodes *nodes);

#endif
