/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call stacks of the whole process as one tree of (parent, pc) nodes; a stack is the number of
 * its innermost frame's node.  The same stack in two threads is one node; the same pc in two
 * modules that were mapped at one place one after another is two.
 *
 * Invariant: parent < node, so that a walk to the root always ends.
 */
#ifndef VMTRACE_MODEL_STACK_TREE_H
#define VMTRACE_MODEL_STACK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/module_table.h"

enum {
    STACK_EMPTY = 0, /* no frames */
    STACK_CUT = 1,   /* root of stacks whose outer frames are missing */
    STACK_LOST = 2,  /* root of stacks of which (or of the rest of which) damage left nothing */
    STACK_FIRST = 3,
    STACK_NONE = UINT32_MAX, /* not known; not a node */
};

struct stack_node {
    uint64_t pc;    /* return address, or exact with VMT_PC_EXACT */
    uint64_t ticks; /* when it was first seen */
    uint32_t parent;
    uint32_t module;     /* MODULE_NONE: not known when it was seen */
    uint32_t first_site; /* site table's list of sites with this stack */
    uint32_t next;       /* hash chain; 0 ends it */
};

struct stack_tree {
    struct stack_node *nodes;
    size_t count, capacity;
    uint32_t *heads; /* 1 << bits hash chains */
    unsigned bits;
};

bool stack_tree_init(struct stack_tree *tree);
void stack_tree_release(struct stack_tree *tree);

/* The node (parent, pc) as seen at `ticks`, made when it is new.  STACK_NONE when out of
 * memory. */
uint32_t stack_tree_child(struct stack_tree *tree, const struct module_table *modules,
                          uint32_t parent, uint64_t pc, uint64_t ticks);

/* The same with the module that the frame is known to be in, or MODULE_NONE. */
uint32_t stack_tree_inherit(struct stack_tree *tree, uint32_t parent, uint64_t pc, uint32_t module,
                            uint64_t ticks);

/* The module of a node after the whole trace was read. */
uint32_t stack_tree_module(const struct stack_tree *tree, const struct module_table *modules,
                           uint32_t node);

#endif
