/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace on its way into a model.  It may stop at some moment, and go on from there later:
 *
 *     struct trace_reading reading;
 *     if (trace_reading_open(&reading, model, source, &error) == VMT_OK) {
 *         ... trace_reading_run(&reading, until, &error, &progress), once or more often ...
 *         trace_reading_close(&reading);
 *     }
 */
#ifndef VMTRACE_MODEL_TRACE_READING_H
#define VMTRACE_MODEL_TRACE_READING_H

#include "compact/trace_input.h"
#include "decode/merge.h"
#include "model/trace_model.h"

struct trace_reading {
    struct trace_model *model; /* borrowed */
    struct trace_input input;
    struct merge merge;
    struct event *event; /* read, and not taken in yet; NULL: none */
    size_t stream;       /* its stream */
    bool ended;
};

#define TRACE_READING_TO_THE_END UINT64_MAX

/* Takes the source over, also when it fails. */
enum vmt_error trace_reading_open(struct trace_reading *reading, struct trace_model *model,
                                  struct source *source, struct error *error);

/* Takes in what comes before the moment `until` (ticks). */
enum vmt_error trace_reading_run(struct trace_reading *reading, uint64_t until, struct error *error,
                                 const struct trace_progress *progress);

void trace_reading_close(struct trace_reading *reading);

#endif
