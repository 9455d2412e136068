/* SPDX-License-Identifier: Apache-2.0 */
/* Suppressions on the command line of vmtrace-report: those that are read and those that are
 * written.  All of these exit with a message when something is wrong. */
#ifndef VMTRACE_REPORT_SUPPRESSIONS_H
#define VMTRACE_REPORT_SUPPRESSIONS_H

#include "cli/report_options.h"

/* --suppressions=PATH */
void report_suppressions_read(struct report_settings *settings, const char *path);

/* --gen-suppressions[=FORMAT]; valgrind has yes, no and all. */
void report_suppressions_generate(struct report_settings *settings, const char *format);

/* After the last option: suppressions come instead of a report, behind the texts of findings, or
 * within valgrind's XML. */
void report_suppressions_place(struct report_settings *settings);

/* Then: whoever asks for reachable blocks in a verdict does not mean stdout's buffer. */
void report_suppressions_finish(struct report_settings *settings);

#endif
