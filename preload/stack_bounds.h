/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the calling thread's own stack lies.  No system call, no libc call that could
 * allocate or lock (pthread_getattr_np does both).
 */
#ifndef VMTRACE_STACK_BOUNDS_H
#define VMTRACE_STACK_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

/* [low, high): memory that stays mapped as long as the thread lives and that nothing else is
 * ever mapped into.  Both 0 when it cannot be told; every stack is a foreign one then. */
struct stack_bounds {
    uint64_t low, high;
    bool guarded; /* a guard lies below it: libc made it, it is no memory of the program's */
};

/* Once, in the process's first thread. */
void stack_bounds_setup(void);

/* Of the calling thread, whichever stack it runs on now. */
void stack_bounds_find(struct stack_bounds *bounds);

/* A thread control block, or as much of it as matters. */
struct stack_bounds_block {
    uint64_t words[288];
};

/* Of the thread whose thread pointer is `address`, from a copy of what stands there.  Not of the
 * process's first thread. */
void stack_bounds_of(const struct stack_bounds_block *block, uint64_t address,
                     struct stack_bounds *bounds);

static inline bool stack_bounds_hold(const struct stack_bounds *bounds, uint64_t address)
{
    return address - bounds->low < bounds->high - bounds->low;
}

#endif
