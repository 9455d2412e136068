/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What orders the events of different threads.
 *
 * A release is stamped before the real call and an allocation after it, so for one address
 * the stamps of successive owners never cross.  Two clocks do: the time-stamp counter where
 * the kernel itself trusts it to be synchronised between processors (rdtscp waits until
 * earlier loads are done: 23 ns on a 2-core virtual machine, 17 for rdtsc, which may run ahead
 * of the load that brought the pointer), else one atomic counter for the process.
 */
#ifndef VMTRACE_CLOCK_H
#define VMTRACE_CLOCK_H

#include "settings.h"
#include "vmtrace/trace_format.h"

#include <stdint.h>

extern enum vmt_clock clock_kind;
extern uint64_t clock_counter;

/* Decides which clock it is; before the first clock_now. */
void clock_setup(enum settings_clock wanted);

static inline uint64_t clock_now(void)
{
#if defined(__x86_64__)
    if (__builtin_expect(clock_kind == VMT_CLOCK_TICKS, 1)) {
        unsigned processor;
        return __builtin_ia32_rdtscp(&processor);
    }
#endif
    return __atomic_add_fetch(&clock_counter, 1, __ATOMIC_SEQ_CST);
}

#endif
