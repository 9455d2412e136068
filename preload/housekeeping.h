/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread does now and then besides recording events, every few dozen of them: read the
 * rusage counters, add a point to the time line when VMTRACE_INTERVAL has passed, notice a new
 * thread name and modules that came or went.
 */
#ifndef VMTRACE_HOUSEKEEPING_H
#define VMTRACE_HOUSEKEEPING_H

#include "stream.h"

void housekeeping(struct stream *stream);

/* Would it add a point to the time line? */
bool housekeeping_is_due(void);

/* At the beginning of a trace, and at its end: a MEMORY_SAMPLE if the process has lived long enough
 * to have any. */
void housekeeping_begin(struct stream *stream);
void housekeeping_last_sample(struct stream *stream);

/* Has the process hardly lived and touched hardly any memory? */
bool housekeeping_is_little(void);

/* Before the second stream's first record: see clock_confirm. */
void housekeeping_confirm_clock(struct stream *stream);

/* A MEMORY_SAMPLE record, and a CLOCK record before it.  How much is resident; 0 where that is not
 * known. */
uint64_t housekeeping_sample(struct stream *stream);

/* A THREAD_NAME record if the calling thread's name is not the one recorded. */
void housekeeping_thread_name(struct stream *stream);

/* The calling thread may still get its name: the next event looks again.  Inside a hook. */
void housekeeping_name_later(struct stream *stream);

/* The names of all other threads that are still alive. */
void housekeeping_all_names(struct stream *stream);

#endif
