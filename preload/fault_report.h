/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the page faults that were counted: FAULTS records, each before the event that follows the
 * faults.
 */
#ifndef VMTRACE_FAULT_REPORT_H
#define VMTRACE_FAULT_REPORT_H

#include "stream.h"

void fault_report_changed(struct stream *stream);

/* Writes those of the stream's thread, if there are any. */
static inline void fault_report(struct stream *stream)
{
    if (__builtin_expect(faultcount_changed(&stream->faults), 0))
        fault_report_changed(stream);
}

/* Where getrusage is the source: tells `pages` faults that `code` took on purpose, one in each page
 * from `memory` on, which faultcount_rusage_read has counted since. */
void fault_report_own(struct stream *stream, const char *memory, size_t pages, const void *code);

/* Control left the writing of one half-way, and never comes back. */
void fault_report_abandoned(struct stream *stream);

/* Writes those of all threads, into `stream`, which is the calling thread's; before this process or
 * its image ends. */
void fault_report_all(struct stream *stream);

#endif
