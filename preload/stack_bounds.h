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

/* A thread control block of glibc's, or as much of it as matters.  It begins at the thread pointer,
 * or ends there (ELF Handling for Thread-Local Storage, variants II and I). */
struct stack_bounds_block {
#if defined(__x86_64__)
    uint64_t words[288];
#else
    uint64_t words[192];
#endif
};

static inline uint64_t stack_bounds_block_at(uint64_t thread_pointer)
{
#if defined(__x86_64__)
    return thread_pointer;
#else
    return thread_pointer - sizeof(struct stack_bounds_block);
#endif
}

/* Of the thread with this thread pointer, from a copy of its block.  Not of the process's first
 * thread. */
void stack_bounds_of(const struct stack_bounds_block *block, uint64_t thread_pointer,
                     struct stack_bounds *bounds);

static inline bool stack_bounds_hold(const struct stack_bounds *bounds, uint64_t address)
{
    return address - bounds->low < bounds->high - bounds->low;
}

#endif
