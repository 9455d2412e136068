/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMTRACE_SAMPLE=N: which allocations are recorded, and which releases are of those.
 *
 * The bytes that a thread asks for, one request after the other, are a line on which points of a
 * Poisson process lie, one in N bytes on average; a block that holds a point is recorded.  So a
 * block of s bytes is with probability 1 - exp(-s / N), whatever came before it, and the analyzer
 * gives it the inverse as its weight.  0 bytes count as 1.
 *
 * The process has no memory.  Bytes that become no block (a call that fails, the malloc inside an
 * operator new that was decided on already) change nothing, as long as a point in them is thrown
 * away and the next one drawn from there.
 *
 * A block that is left out costs a countdown of its thread, and its release a load of the filter
 * in sample_table.h.
 */
#ifndef VMTRACE_SAMPLE_H
#define VMTRACE_SAMPLE_H

#include "sample_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes between two looks at most: that often a thread that records little asks whether the time
 * line wants its next point. */
#define SAMPLE_STRIDE UINT64_C(16384)

struct sample_thread {
    uint64_t left;   /* bytes up to the next look, at most SAMPLE_STRIDE; 0: now */
    uint64_t beyond; /* bytes from there up to the next point */
    uint64_t random; /* 0: nothing was drawn yet */
    /* What was recorded last, and `left` then: while that is the same, nothing was allocated
     * since. */
    uint64_t newest, newest_left;
};

extern __thread struct sample_thread sample_thread
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* N; 0: everything is recorded.  Constant once recording has begun. */
extern uint64_t sample_interval __attribute__((visibility("hidden")));

/* The only thing to ask where nothing may be sampled at all: one predicted branch. */
static inline bool sample_is_on(void)
{
    return __builtin_expect(sample_interval != 0, 0);
}

/* Is an allocation of `size` bytes to be left out?  To be asked once for each, where sampling is
 * on: the first half, and, where that says no, the second, which knows, and also looks at the
 * clock. */
static inline bool sample_passes(size_t size)
{
    uint64_t bytes = size + !size, left = __atomic_load_n(&sample_thread.left, __ATOMIC_RELAXED);
    if (__builtin_expect(bytes >= left, 0))
        return false;
    /* Not a subtraction in memory, which a signal handler's before it could make fall below 0. */
    __atomic_store_n(&sample_thread.left, left - bytes, __ATOMIC_RELAXED);
    return true;
}

bool sample_look(size_t size);

static inline bool sample_skips(size_t size)
{
    return sample_passes(size) || sample_look(size);
}

/* Will sample_skips say yes to any `size` up to `most`, without a look? */
static inline bool sample_would_skip(size_t most)
{
    return most < sample_thread.left;
}

/* The rest of sample_skips_release. */
bool sample_forget(const void *block);

/* Is the release of `block` to be left out?  If not, the block is not known any more. */
static inline bool sample_skips_release(const void *block)
{
    return __builtin_expect(!sample_table_may_hold((uint64_t)block), 1) || !sample_forget(block);
}

/* A block was recorded: so shall be its release.  _again: of one whose realloc failed. */
void sample_keep(const void *block);
void sample_keep_again(const void *block);

/* Recording begins, with one block in `interval` bytes; 0: with all of them. */
void sample_start(uint64_t interval);

/* In a forked child: draws numbers of its own. */
void sample_forked(void);

#endif
