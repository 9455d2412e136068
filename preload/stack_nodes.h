/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's tree of stack nodes: (parent, pc) -> number.
 *
 * Each stream numbers its own nodes, so threads share nothing and the stream can be read
 * by itself.  A node's latest few children hang on a list, which is where a look-up nearly always
 * ends, in memory next to what it has just read: nodes of one stack are made one after the other.
 * A hash of (parent, pc) alone costs a miss of the cache for each frame: it was the dearest part of
 * recording a compiler.  Children that do not fit on the list go into a hash table of numbers.
 * A node costs 16 bytes, and 6 to 11 more there.
 */
#ifndef VMTRACE_STACK_NODES_H
#define VMTRACE_STACK_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_NODES_LISTED = 6 }; /* most children on a node's list */

struct stack_node {
    uint64_t pc;
    uint32_t child; /* first of the list, 0 if there are none */
    uint32_t next; /* on the parent's list; the parent itself, when the node is in the hash table */
};

/* Zero is a valid empty state apart from `next`, which stack_nodes_reset sets. */
struct stack_nodes {
    struct stack_node *node;  /* by number */
    uint32_t next;            /* number of the next node */
    uint32_t room;            /* nodes that there is memory for */
    uint32_t *hashed;         /* numbers, 0: the place is free */
    uint32_t mask;            /* places - 1 */
    uint32_t used, hash_room; /* places that are taken, and that may be */
};

/* The child of `parent` at `pc` in the hash table, or 0. */
uint32_t stack_nodes_find_hashed(const struct stack_nodes *nodes, uint32_t parent, uint64_t pc);

/* The child of `parent` at `pc`, or 0. */
static inline uint32_t stack_nodes_find(const struct stack_nodes *nodes, uint32_t parent,
                                        uint64_t pc)
{
    if (!nodes->node)
        return 0;
    unsigned listed = 0;
    uint32_t child = nodes->node[parent].child;
    for (; child; child = nodes->node[child].next, listed++) {
        if (nodes->node[child].pc == pc)
            return child;
    }
    return listed == STACK_NODES_LISTED ? stack_nodes_find_hashed(nodes, parent, pc) : 0;
}

/* Bytes of its memory. */
size_t stack_nodes_bytes(const struct stack_nodes *nodes);

/* Adds a child that is not there yet; its number, or 0 when no memory can be mapped. */
uint32_t stack_nodes_add(struct stack_nodes *nodes, uint32_t parent, uint64_t pc);

/* Forgets all nodes; the memory is unmapped. */
void stack_nodes_reset(struct stack_nodes *nodes);

/* Whether a forked child is to have the memory, too. */
void stack_nodes_keep_in_fork(const struct stack_nodes *nodes, bool keep);

#endif
