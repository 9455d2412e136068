/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the terminal while something takes longer than half a second. */
#ifndef VMTRACE_REPORT_PROGRESS_H
#define VMTRACE_REPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct report_progress {
    const char *file;
    uint64_t began_ns, drawn_ns; /* CLOCK_MONOTONIC */
    bool enabled, visible;
};

void report_progress_begin(struct report_progress *progress, const char *file);
/* Fits the callbacks of the model and the query; `context` is a struct report_progress. */
void report_progress_step(void *context, const char *what, unsigned per_mille);
void report_progress_erase(struct report_progress *progress);

#endif
