/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many page faults a thread has taken, known without a system call, and, where the kernel
 * grants it, each one's address and instruction.
 *
 * Two sources; a stream's thread uses the best that the kernel grants it:
 * - perf: two rings (fault_ring.h), of minor and of major faults.
 * - rusage: getrusage(RUSAGE_THREAD), taken by the stream's housekeeping (every few dozen
 *   events), into a count of our own.
 *
 * To open the first perf events of a process takes 100 to 250 microseconds (the kernel patches its
 * own code when the first one appears and when the last one goes), those of another thread 30, a
 * getrusage 0.2.  So the first thread begins with a getrusage at each of its events, which counts
 * as exactly, and goes over to perf when it is worth it: after FAULTCOUNT_EARLY events or
 * FAULTCOUNT_FEW faults, or when the program has got a large piece of memory.  Short-lived
 * processes never pay for it.  Where there are perf events already, or were in the process that
 * forked this one, a thread goes over at its first event.
 *
 * The child of a large process may copy many pages before its first event: there perf events are
 * opened in fork() itself (FAULTCOUNT_LARGE_FORK).
 */
#ifndef VMTRACE_FAULTCOUNT_H
#define VMTRACE_FAULTCOUNT_H

#include "fault_ring.h"
#include "settings.h"
#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULTCOUNT_EARLY = 512, FAULTCOUNT_FEW = 64 };

/* Most of faultcount.quiet. */
enum { FAULTCOUNT_QUIET = 2 };

/* Bytes of a block, a mapping or the program's data that will cause more than a few faults. */
enum { FAULTCOUNT_LARGE = 256 << 10 };

/* Bytes of resident memory from which on a fork takes milliseconds, so that the 30 microseconds
 * that its child's perf events cost do not count, should it only exec. */
enum { FAULTCOUNT_LARGE_FORK = 32 << 20 };

/* Perf costs each fault 0.4 to 0.5 microseconds, a getrusage each event 0.2.  Where one in so many
 * bytes is sampled, a page or more, events are rarer than faults: there a thread stays at
 * getrusage, unless perf is asked for by name. */
enum { FAULTCOUNT_RARE = 4096 };

static inline bool faultcount_events_are_rare(void)
{
    return settings.sample >= FAULTCOUNT_RARE && settings.faults != SETTINGS_FAULTS_PERF;
}

/* Invariant: (*head[k] - seen[k]) / unit faults of kind k are not in the trace yet. */
struct faultcount {
    const volatile uint64_t *head[FAULT_KINDS]; /* in units of `unit` a fault */
    uint64_t seen[FAULT_KINDS];
    uint64_t unit;
    uint64_t own[FAULT_KINDS]; /* heads of the rusage source */
    uint64_t few;              /* minor faults at which perf is tried; UINT64_MAX: it will not be */
    uint32_t early;            /* further events that each read rusage; after them perf is tried */
    uint32_t quiet;  /* readings of rusage in a row that found nothing, as far as it counts */
    uint32_t holder; /* enum faultcount_holder */
    struct fault_ring ring[FAULT_KINDS];
    enum vmt_fault_source source;
};

/* Who writes down what was counted, or takes it away.  Whoever ends the process does so for all
 * threads, and these may be running. */
enum faultcount_holder { FAULTCOUNT_FREE, FAULTCOUNT_OWN_THREAD, FAULTCOUNT_OTHER };

/* Of the process, as far as it is known: the source, whether each event carries the faults up to
 * it, and whether kernel-mode faults count. */
extern enum vmt_fault_source faultcount_source;
extern bool faultcount_exact;
extern bool faultcount_kernel;
extern const char *faultcount_reason; /* why it is not perf, or "" */
extern uint64_t
    faultcount_before[FAULT_KINDS]; /* faults of the process that came before the first stream */

/* Chooses among the sources that `wanted` allows.  False: `perf` was asked for by name and the
 * kernel refuses. */
bool faultcount_setup(enum settings_faults wanted);

/* There will be no stream after all. */
void faultcount_cancel(void);

/* There are no faults. */
void faultcount_init(struct faultcount *count);

/* Counts the calling thread's faults: of the process's first thread from now on, of others, and of
 * a forked child's, from their start. */
void faultcount_attach(struct faultcount *count);
void faultcount_detach(struct faultcount *count);

/* In fork(), before it, and in the child after it: whether its faults are to be told from the
 * beginning on, and that they are. */
void faultcount_before_fork(void);
void faultcount_begin_child(void);

/* In a forked child: what its first thread counts is all there was. */
void faultcount_forked(void);

/* In a forked child, which inherits no rings: lets an interrupted hook read zeros in their place.
 */
void faultcount_strand(struct faultcount *count);

/* The rusage source's reading; nothing to do for the others.  True if perf was
 * tried: `count`, and what is known of the process, may have changed. */
bool faultcount_poll(struct faultcount *count);

/* Many faults may come: perf is worth it from the next faultcount_poll on. */
void faultcount_expect_many(struct faultcount *count);

/* Address space of its rings. */
size_t faultcount_bytes(const struct faultcount *count);

void faultcount_rusage_read(struct faultcount *count);

static inline bool faultcount_changed(const struct faultcount *count)
{
    return *count->head[FAULT_MINOR] != count->seen[FAULT_MINOR] ||
           *count->head[FAULT_MAJOR] != count->seen[FAULT_MAJOR];
}

static inline bool faultcount_hold(struct faultcount *count, enum faultcount_holder holder)
{
    uint32_t nobody = FAULTCOUNT_FREE;
    return __atomic_compare_exchange_n(&count->holder, &nobody, holder, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void faultcount_let_go(struct faultcount *count)
{
    __atomic_store_n(&count->holder, FAULTCOUNT_FREE, __ATOMIC_RELEASE);
}

#endif
