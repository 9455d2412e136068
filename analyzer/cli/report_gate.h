/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of all traces of a command line, and the verdict on them. */
#ifndef VMTRACE_REPORT_GATE_H
#define VMTRACE_REPORT_GATE_H

#include "cli/report_options.h"
#include "gate/baseline.h"
#include "gate/gate.h"

struct report_gate {
    const struct report_settings *settings;
    struct finding_set findings;
    struct baseline baseline;
    bool wanted; /* else nothing is collected */
    enum gate_verdict verdict;
};

/* Reads the baselines; exits with CLI_USAGE when one is wrong. */
void report_gate_begin(struct report_gate *gate, const struct report_settings *settings);
void report_gate_release(struct report_gate *gate);

/* False when out of memory; so below. */
bool report_gate_add(struct report_gate *gate, const struct report *report);
bool report_gate_add_unread(struct report_gate *gate, const char *path, bool is_trace);

/* After the last trace: compares, judges, prints the verdict on stderr if that was asked for,
 * saves the baseline and removes what is clean.  The exit status of the whole, if all else was
 * well. */
int report_gate_finish(struct report_gate *gate);

/* The format of all findings, once the traces are read. */
bool report_gate_render(const struct report_gate *gate, FILE *out);

/* A format of one document for each process: of this report alone. */
bool report_gate_render_one(const struct report_gate *gate, const struct report *report, FILE *out);

#endif
