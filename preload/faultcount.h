/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many page faults a thread has taken, known without a system call.
 *
 * Two backends, one file each; a stream's thread uses the best that the kernel grants it:
 * - perf: two software events (minor, major) with sample_period 1 whose rings are mapped read-only.
 *   The kernel then overwrites old samples and data_head only ever grows, by the same
 *   number of bytes for each fault: a count that is one load away.  Descriptors are closed at once.
 * - rusage: getrusage(RUSAGE_THREAD), taken by the stream's housekeeping (every few dozen
 *   events), into a count of our own.
 *
 * To open the perf events of a process takes 100 to 250 microseconds (the kernel patches its own
 * code when the first one appears and when the last one goes), a getrusage 0.2.  So a thread begins
 * with a getrusage at each of its first FAULTCOUNT_EARLY events, which is exact, too, and
 * short-lived processes and threads never pay for more.
 */
#ifndef VMTRACE_FAULTCOUNT_H
#define VMTRACE_FAULTCOUNT_H

#include "settings.h"
#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULTCOUNT_EARLY = 512 };

/* Perf costs each fault 0.1 to 0.5 microseconds, a getrusage each event 0.2.  Where one in so many
 * bytes is sampled, a page or more, events are rarer than faults: there a thread stays at
 * getrusage, unless perf is asked for by name. */
enum { FAULTCOUNT_RARE = 4096 };

struct faultcount {
    const volatile uint64_t *minor_head, *major_head; /* in units of `unit` a fault */
    uint64_t minor_seen, major_seen;                  /* heads already reported */
    uint64_t unit;
    uint64_t own_minor, own_major; /* heads of the rusage backend */
    uint32_t early; /* events until perf is tried; 0: that was done, or is not wanted */
    void *ring[2];  /* perf: mapped rings, or NULL */
    enum vmt_fault_source source;
};

/* Of the process, as far as it is known: the source, whether each event carries the faults up to
 * it, and whether kernel-mode faults count. */
extern enum vmt_fault_source faultcount_source;
extern bool faultcount_exact;
extern bool faultcount_kernel;
extern const char *faultcount_reason; /* why it is not perf, or "" */

/* Chooses among the sources that `wanted` allows.  False: `perf` was asked for by name and the
 * kernel refuses. */
bool faultcount_setup(enum settings_faults wanted);

/* There will be no stream after all. */
void faultcount_cancel(void);

/* Counts the calling thread's faults: of the process's first thread from now on, of others, and of
 * a forked child's, from their start. */
void faultcount_attach(struct faultcount *count);
void faultcount_detach(struct faultcount *count);

/* In a forked child, which inherits no rings: lets an interrupted hook read zeros in their place.
 */
void faultcount_strand(struct faultcount *count);

/* The rusage backend's reading; nothing to do for the others.  True if this was the last of the
 * early ones: `count`, and what is known of the process, may have changed. */
bool faultcount_poll(struct faultcount *count);

/* Backends (internal). */
bool faultcount_perf_attach(struct faultcount *count);
void faultcount_perf_detach(struct faultcount *count);
void faultcount_rusage_read(struct faultcount *count);

static inline bool faultcount_changed(const struct faultcount *count)
{
    return *count->minor_head != count->minor_seen || *count->major_head != count->major_seen;
}

/* Faults since the last call. */
static inline void faultcount_take(struct faultcount *count, uint64_t *minor, uint64_t *major)
{
    uint64_t minor_head = *count->minor_head, major_head = *count->major_head;
    *minor = (minor_head - count->minor_seen) / count->unit;
    *major = (major_head - count->major_seen) / count->unit;
    count->minor_seen = minor_head;
    count->major_seen = major_head;
}

#endif
