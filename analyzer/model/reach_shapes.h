/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers into the middle of a block that the shape of the block explains: they are as good as
 * pointers to its start.  The rules are memcheck's (mc_leakcheck.c: newarray, length64, stdstring,
 * multipleinheritance).
 *
 * A target that is noted here is changed when it is explained; that may be as late as when all
 * pointers are known, since the tables of functions that tell may be still to come.
 */
#ifndef VMTRACE_MODEL_REACH_SHAPES_H
#define VMTRACE_MODEL_REACH_SHAPES_H

#include "model/reach_graph.h"

/* A pointer into the middle of a block: `index` is an edge's, or a root's. */
struct reach_inner {
    uint64_t address;
    uint64_t index : 63;
    uint64_t root : 1;
};

/* All zero is none. */
struct reach_shapes {
    uint64_t *tables; /* where addresses of tables of functions stand, rising */
    size_t table_count, table_capacity;
    struct reach_inner *inner;
    size_t inner_count, inner_capacity;
    struct reach_inner last; /* the pointer that a BEFORE entry is about */
    bool has_last;
};

void reach_shapes_release(struct reach_shapes *shapes);

/* Of these, those that return bool return false only when out of memory. */

/* An edge or root, to the middle or not, that was added to the graph. */
bool reach_shapes_note(struct reach_shapes *shapes, const struct reach_inner *pointer,
                       bool interior);

/* The address of a table of functions stands there; locations do not fall. */
bool reach_shapes_table(struct reach_shapes *shapes, uint64_t location);

/* What stands before the target of the last pointer (VMT_POINTER_BEFORE). */
void reach_shapes_before(const struct reach_shapes *shapes, struct reach_graph *graph,
                         uint64_t value);

/* All is known. */
void reach_shapes_explain(const struct reach_shapes *shapes, struct reach_graph *graph);

#endif
