/* SPDX-License-Identifier: Apache-2.0 */
/* What libstack_check.so counts, in a file of its own for each process. */
#ifndef VMTRACE_TESTS_STACK_CHECK_H
#define VMTRACE_TESTS_STACK_CHECK_H

#include <stdint.h>

#define STACK_CHECK_MAGIC UINT64_C(0x314b43415453) /* "STACK1" */

/* Each capture counts in one of those from `equal` on; tests/e2e/test_stacks_real.py reads them. */
struct stack_check_counts {
    uint64_t magic;
    uint64_t captures, frames;
    uint64_t at_ticks;   /* of the captures, those in the timer's handler */
    uint64_t equal;      /* frame by frame */
    uint64_t deeper;     /* equal as far as ours goes, which says that it was cut at its depth */
    uint64_t guessed;    /* equal up to and with a frame in code without unwind information */
    uint64_t slow_equal; /* not as unw_backtrace, but as unw_step says */
    uint64_t complex;    /* equal up to a frame whose row is COMPLEX; says that it is cut */
    uint64_t further;    /* ours goes on to an outermost frame, libunwind ends before or nowhere */
    uint64_t different;
};

#endif
