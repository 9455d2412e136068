/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scans: SCAN, REGION, SCAN_THREAD, POINTERS and SCAN_END records, which tell where pointers stood
 * at one moment.  What is reachable is for the analyzer to find out.
 *
 * Only system calls, no memory but the recorder's own variables, all signals blocked meanwhile, no
 * lock that another thread may hold.  The other threads are stopped (thread_stop.h); while the
 * process runs, a forked copy is what is looked through, and the process goes on.
 */
#ifndef VMTRACE_SCAN_H
#define VMTRACE_SCAN_H

#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

struct stream;
struct exit_frame;

/* Scans now; 0, or an errno (EBUSY: one is under way).  Except for VMT_SCAN_LSAN the result is what
 * is known when the copy has been made: the trace tells the rest.  Nothing and 0 where VMTRACE_SCAN
 * is off or nothing is recorded. `name` is that of a snapshot, or "". */
int scan_take(enum vmt_scan reason, const char *name);

/* The same at the end of the process, in the stream that the caller has entered; a scan under way
 * is waited for.  `frame`: of the function that the program has called. */
void scan_at_exit(struct stream *stream, const struct exit_frame *frame);

/* Waits for a scan under way, whose copy of the process would be lost with it. */
void scan_wait(void);

/* The program lets forked processes have so much memory no more (`out`), or again: a copy of the
 * process has not seen what pointers are there, and the trace is to say so. */
void scan_note_left_out(size_t bytes, bool out);

/* In a forked child. */
void scan_forked(void);

#endif
