/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of blocks that are a thread's stack, or memory of which the program said so: their words
 * are roots, not the block's.
 */
#ifndef VMTRACE_MODEL_REACH_SPANS_H
#define VMTRACE_MODEL_REACH_SPANS_H

#include "model/reach_index.h"
#include "model/reach_places.h"

struct reach_span {
    uint64_t start, end;
    uint32_t tid;
    uint32_t kind; /* enum reach_root_kind */
};

/* All zero is none. */
struct reach_spans {
    struct reach_span *spans; /* by address, once the stacks are there */
    size_t count, capacity;
    size_t next; /* the first that ends behind the current location */
};

void reach_spans_release(struct reach_spans *spans);

/* False when out of memory. */
bool reach_spans_add(struct reach_spans *spans, uint64_t start, uint64_t end, uint32_t kind,
                     uint32_t tid);

/* The last ones: stacks that lie in blocks, those of threads by their bounds, others (an alternate
 * one of a signal, a coroutine's) from where a stack pointer stands.  False when out of memory. */
bool reach_spans_stacks(struct reach_spans *spans, const struct reach_moment *moment,
                        const struct reach_index *index);

/* The one that a word stands in, or NULL; locations do not fall. */
const struct reach_span *reach_spans_at(struct reach_spans *spans, uint64_t location);

#endif
