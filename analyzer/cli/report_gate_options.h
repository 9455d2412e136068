/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's part of vmtrace-report's command line: --fail-on and what belongs to it. */
#ifndef VMTRACE_REPORT_GATE_OPTIONS_H
#define VMTRACE_REPORT_GATE_OPTIONS_H

#include <argp.h>

#include "gate/gate.h"

enum { GATE_EXITCODE = 23 }; /* LeakSanitizer's */

struct gate_settings {
    struct gate gate;
    bool asked;  /* there is a gate */
    bool chosen; /* --fail-on said what trips it */
    int exitcode;
    const char **only;      /* malloc'd; gate.only */
    const char **baselines; /* malloc'd */
    size_t baseline_count;
    const char *save_baseline; /* or NULL */
    bool remove_clean, remove_all;
    bool verdict;          /* print it on stderr, too */
    const char **untraced; /* "PID:REASON:COMMAND" of processes that were not awaited or cannot
                              leave a trace; malloc'd */
    size_t untraced_count;
};

/* A child parser (https://www.gnu.org/software/libc/manual/html_node/Argp-Children.html); its
 * input is a struct gate_settings.  Exits with CLI_USAGE when something is wrong. */
extern const struct argp gate_argp;

void gate_settings_init(struct gate_settings *settings);

/* After the last option. */
void gate_settings_finish(struct gate_settings *settings);
void gate_settings_release(struct gate_settings *settings);

#endif
