/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was inlined into one function, read once from its debug information entries: a tree of
 * inlined calls, and the address ranges of each.
 */
#ifndef VMTRACE_DWARF_SCOPES_H
#define VMTRACE_DWARF_SCOPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbol/name_pool.h"

#define SCOPE_NONE UINT32_MAX

struct scope_node {
    Dwarf_Die die;
    const char *name;   /* readable; NULL if there is none or `named` is false */
    bool named;         /* `name` was looked up */
    bool mangled;       /* `name` comes from a linkage name */
    uint32_t parent;    /* the scope this one was inlined into; SCOPE_NONE for the function */
    int call_line;      /* where in the parent; 0 when unknown */
    uint64_t call_file; /* index into the unit's files */
};

struct scope_range {
    uint64_t start, end;
    uint32_t node;
};

/* nodes[0] is the function itself.  The ranges of a scope stand before those of the scopes
 * inside it. */
struct scope_tree {
    struct scope_node *nodes;
    struct scope_range *ranges;
    size_t node_count, range_count;
};

/* NULL only when out of memory. */
struct scope_tree *scope_tree_read(Dwarf_Die *function, struct name_pool *pool);

/* The innermost scope at `address`, an index into nodes. */
uint32_t scope_tree_find(const struct scope_tree *tree, uint64_t address);

/* Where the instructions of scope `node` that cover `address` start. */
uint64_t scope_tree_start(const struct scope_tree *tree, uint32_t node, uint64_t address,
                          uint64_t function_start);

/* The readable name, through abstract origins and specifications; NULL if there is none. */
const char *scope_node_name(struct scope_node *node, struct name_pool *pool);

#endif
