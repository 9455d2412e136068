/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of vmtrace-report. */
#ifndef VMTRACE_REPORT_OPTIONS_H
#define VMTRACE_REPORT_OPTIONS_H

#include <stddef.h>

#include "render/renderer.h"

enum report_color { REPORT_COLOR_AUTO, REPORT_COLOR_ALWAYS, REPORT_COLOR_NEVER };

struct report_settings {
    const struct renderer *renderer;
    struct render_options render; /* color and utf8 are for the output's opener to set */
    enum report_color color;
    const char *output;      /* NULL or "-": standard output */
    const char *sysroot;     /* or NULL */
    const char **debug_dirs; /* NULL-terminated, or NULL if none; malloc'd */
    size_t debug_dir_count;
    char **traces;      /* in argv */
    size_t trace_count; /* at least 1 */
};

/* Exits with CLI_USAGE and a message when the command line is wrong. */
void report_options_parse(struct report_settings *settings, int argc, char **argv);
void report_options_release(struct report_settings *settings);

#endif
