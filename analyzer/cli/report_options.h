/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of vmtrace-report. */
#ifndef VMTRACE_REPORT_OPTIONS_H
#define VMTRACE_REPORT_OPTIONS_H

#include <stddef.h>

#include "cli/report_gate_options.h"
#include "cli/report_traces.h"
#include "render/renderer.h"
#include "suppress/suppression.h"

enum report_color { REPORT_COLOR_AUTO, REPORT_COLOR_ALWAYS, REPORT_COLOR_NEVER };

struct report_settings {
    const struct renderer *renderer;
    struct render_options render; /* color and utf8 are for the output's opener to set */
    enum report_color color;
    struct gate_settings gate;
    char *output;            /* NULL or "-": standard output; malloc'd once all options are read */
    bool output_each;        /* it is a pattern with %p: a file for each process */
    const char *sysroot;     /* or NULL */
    const char **debug_dirs; /* NULL-terminated, or NULL if none; malloc'd */
    size_t debug_dir_count;
    struct report_traces traces;           /* at least 1 */
    struct suppression_list *suppressions; /* NULL: none were named */
    const struct renderer *generate;       /* writes suppressions behind the findings, or NULL */
    bool format_chosen;
    bool dry_run;     /* before there are traces: can all of this be done? */
    bool read_parent; /* of a forked child, however large its trace is */
};

/* Exits with CLI_USAGE and a message when the command line is wrong. */
void report_options_parse(struct report_settings *settings, int argc, char **argv);
void report_options_release(struct report_settings *settings);

#endif
