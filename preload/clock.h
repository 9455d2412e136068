/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What orders the events of different threads; handover.h says which of them are stamped.
 *
 * A release is stamped before the real call and an allocation after it, so for one address
 * the stamps of successive owners never cross.  Two clocks do: the time-stamp counter where
 * the kernel itself trusts it to be synchronised between processors (rdtscp waits until
 * earlier loads are done, lfence keeps later ones back: 23 ns on a 2-core virtual machine), else
 * one atomic counter for the process.
 */
#ifndef VMTRACE_CLOCK_H
#define VMTRACE_CLOCK_H

#include "settings.h"
#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stdint.h>

extern enum vmt_clock clock_kind;
extern uint64_t clock_counter;

/* How many records were written that other threads' events are to be told before from behind: a
 * phase, a snapshot, a module.  Each stream stamps its first event after such a mark, and
 * looks whether recording is still on. */
extern uint32_t clock_marks;

static inline void clock_set_mark(void)
{
    __atomic_add_fetch(&clock_marks, 1, __ATOMIC_RELEASE);
}

/* Decides which clock it is; before the first clock_now.  Whether the kernel trusts the counter is
 * not asked before a second thread's events are to be ordered (17 microseconds, which a process
 * with one thread need not spend). */
void clock_setup(enum settings_clock wanted);

/* Before a second stream writes its first record: asks the kernel.  True if it does not trust
 * the counter: from here on it is the atomic counter, which begins ahead of every stamp so far. */
bool clock_is_confirmed(void);
bool clock_confirm(void);

static inline uint64_t clock_now(void)
{
#if defined(__x86_64__)
    if (__builtin_expect(clock_kind == VMT_CLOCK_TICKS, 1)) {
        unsigned processor;
        uint64_t now = __builtin_ia32_rdtscp(&processor);
        __builtin_ia32_lfence();
        return now;
    }
#endif
    return __atomic_add_fetch(&clock_counter, 1, __ATOMIC_SEQ_CST);
}

#endif
