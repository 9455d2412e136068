/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call stack of the caller, cheaply and again and again.
 *
 * One interface, one file per backend: callstack_rows.c (x86-64: unwind rows),
 * callstack_libunwind.c (every other machine, and frames that rows cannot
 * express).  Nothing here allocates from the program, takes a lock that another thread can
 * hold, or calls into the loader; errno may change.
 *
 * Each thread keeps one struct callstack: the stack of its last capture.  A
 * capture overwrites it and says how much of it stayed the same, so that the
 * caller need not look at the outer frames again.
 */
#ifndef VMTRACE_CALLSTACK_H
#define VMTRACE_CALLSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack_bounds.h"

/* The registers of the frame where a capture starts: the function that called the wrapper,
 * as they are after the wrapper will have returned. */
struct callstack_start {
    uint64_t pc; /* return address into the caller */
    uint64_t sp; /* CFA of the wrapper */
    uint64_t fp; /* the caller's frame-pointer register */
    bool exact; /* pc is the interrupted instruction itself (crash handler), not a return address */
};

/* Fills in `start` from within a wrapper that keeps a frame pointer. */
#if defined(__x86_64__)
#define CALLSTACK_START(start)                                                                     \
    do {                                                                                           \
        const uint64_t *callstack_frame_ = (const uint64_t *)__builtin_frame_address(0);           \
        (start)->pc = callstack_frame_[1];                                                         \
        (start)->sp = (uint64_t)(callstack_frame_ + 2);                                            \
        (start)->fp = callstack_frame_[0];                                                         \
        (start)->exact = false;                                                                    \
    } while (0)
#else
#define CALLSTACK_START(start)                                                                     \
    do {                                                                                           \
        (start)->pc = (uint64_t)__builtin_return_address(0);                                       \
        (start)->sp = (uint64_t)__builtin_frame_address(0);                                        \
        (start)->fp = 0;                                                                           \
        (start)->exact = false;                                                                    \
    } while (0)
#endif

/* What a remembered frame depends on besides its return address: private to the backend. */
struct callstack_slot {
    uint64_t fp;      /* frame-pointer register of the frame */
    uint64_t fp_word; /* where the frame saved its caller's, 0 if it did not */
    int32_t link;     /* offset from fp of the word that holds the CFA (realigned stacks) */
    uint32_t flags;
};

/* Zero is a valid initial state once callstack_init has set the arrays.
 * Invariant: pc[0 .. count) is the last stack, outermost frame first. */
struct callstack {
    uint64_t *pc;   /* return addresses; VMT_PC_EXACT marks an interrupted instruction */
    uint32_t depth; /* most frames kept */
    uint32_t count;
    uint32_t same; /* pc[0 .. same) did not change in the last capture, nor did `cut` if same > 0 */
    bool cut;      /* frames outside of pc[0] were left out (depth, or the way was lost) */
    /* The rest is private. */
    bool deep;             /* cut because of depth */
    uint32_t reusable;     /* pc[0 .. reusable) may be checked against memory */
    uint32_t first_linked; /* the outermost slot that counts, UINT32_MAX if none does */
    uint32_t epoch;        /* module epoch that the contents belong to, + 1; 0: not prepared */
    uint64_t *address;     /* where the return addresses were read */
    struct callstack_slot *slot;
    struct stack_bounds bounds; /* of the thread */
    /* The walk of a capture fills these, `depth` long, from their end. */
    uint64_t *spare_pc, *spare_address;
    struct callstack_slot *spare_slot;
};

/* Once per process, before any capture, while nothing can dlopen.  False: no unwinder;
 * stacks then consist of the caller alone. */
bool callstack_setup(void);

/* What it is called in the trace's facts: "rows", "libunwind", "none". */
const char *callstack_backend(void);

/* Is `pc` in the unwinder's own code?  What that maps or allocates during a capture is not the
 * program's, and must not be captured. */
bool callstack_is_own(uint64_t pc);

/* Around a fork: locks that the unwinder takes must not be held by other threads meanwhile. */
void callstack_before_fork(void);
void callstack_after_fork(void); /* in the parent, and in the child before any capture */

/* Bytes of memory that callstack_init needs for `depth` frames; zeroed by the caller. */
size_t callstack_memory_size(uint32_t depth);
void callstack_init(struct callstack *stack, void *memory, uint32_t depth);

/* A new thread writes with this struct: nothing remembered is valid any more. */
void callstack_forget(struct callstack *stack);

/* Replaces the contents of `stack` by the call stack at `start`: pc[count - 1] is start->pc. */
void callstack_capture(struct callstack *stack, const struct callstack_start *start);

#endif
