/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of each block of a graph, by the rules of valgrind's memcheck (mc_leakcheck.c):
 *
 *   reachable  a chain of pointers to the starts of blocks leads to it from a root
 *   possible   a chain leads to it, but only through a pointer into the middle of a block
 *   definite   none does, and it is the first, by address, of those that only lead to each other,
 *              or that nothing leads to
 *   indirect   only definite ones lead to it; its leader is the one it was found from
 */
#ifndef VMTRACE_MODEL_REACH_CLASS_H
#define VMTRACE_MODEL_REACH_CLASS_H

#include "model/reach_graph.h"

enum reach_class {
    REACH_DEFINITE,
    REACH_POSSIBLE,
    REACH_REACHABLE,
    REACH_INDIRECT,
    REACH_CLASSES,
};

/* By block; malloc'd. */
struct reach_classes {
    uint8_t *classes;  /* enum reach_class */
    uint32_t *leaders; /* of indirect blocks: a definite one; of others themselves */
};

/* False when out of memory. */
bool reach_classes_init(struct reach_classes *result, const struct reach_graph *graph);
void reach_classes_release(struct reach_classes *result);

#endif
