/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole trace, taken in event by event: what the process did to its memory.
 *
 * Use: trace_model_new, one trace_model_read (or _read_memory), report_new of query/report.h,
 * trace_model_free.  Memory use grows with live blocks, distinct stacks, modules and threads,
 * not with events.  What is inside is for query/ alone (model/trace_state.h).
 */
#ifndef VMTRACE_MODEL_TRACE_MODEL_H
#define VMTRACE_MODEL_TRACE_MODEL_H

#include <stddef.h>

#include "base/error.h"

struct trace_model;

/* Told now and then how much of the trace is done: 0..1000 per mille of its bytes. */
struct trace_progress {
    void (*report)(void *context, const char *what, unsigned per_mille);
    void *context;
};

/* NULL only when out of memory. */
struct trace_model *trace_model_new(void);
void trace_model_free(struct trace_model *model);

/* Before it is read: the parent's trace of a forked child is read however large it is. */
void trace_model_want_parent(struct trace_model *model);

/* Before it is read: traces of parents stay on the shelf (borrowed, model/parent_shelf.h), to be
 * read on for the next child.  Only together with trace_model_skip_faults. */
struct parent_shelf;
void trace_model_share_parents(struct trace_model *model, struct parent_shelf *shelf);

/* Before it is read: who took page faults, and where, is not asked for, which is half of the work.
 */
void trace_model_skip_faults(struct trace_model *model);

/* Reads the trace at `path` ("-" is standard input).  A damaged or cut-off trace is VMT_OK: the
 * report's notes tell what is missing.  Anything else leaves *error filled in and the model
 * good for trace_model_free only.  `error` and `progress` may be NULL. */
enum vmt_error trace_model_read(struct trace_model *model, const char *path, struct error *error,
                                const struct trace_progress *progress);

/* The same for a trace in memory; the bytes are not needed any more afterwards. */
enum vmt_error trace_model_read_memory(struct trace_model *model, const void *bytes, size_t size,
                                       struct error *error);

#endif
