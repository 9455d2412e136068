/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of one stream whose owner what comes next may tell. */
#ifndef VMTRACE_MODEL_FAULT_WAIT_H
#define VMTRACE_MODEL_FAULT_WAIT_H

#include <stddef.h>
#include <stdint.h>

#define FAULT_WAIT_MAX ((size_t)1 << 16)

/* One page fault. */
struct fault_seen {
    uint64_t address;
    uint32_t code; /* node in the stack tree, or STACK_NONE */
    uint32_t bits; /* VMT_FAULT_* */
};

/* Minor faults that the kernel's ring had no room for: they came before `first`. */
struct fault_gap {
    struct fault_seen first;
    uint64_t before; /* what was touched last that is known */
    uint64_t lost;   /* 0: there is no gap */
};

/* All zero is an empty list. */
struct fault_wait {
    struct fault_seen *faults;
    size_t count, capacity;
    uint64_t since; /* ticks of the stream's record before the first of them */
};

#endif
