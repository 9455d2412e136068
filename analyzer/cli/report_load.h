/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of the traces that vmtrace-report was given, one after the other. */
#ifndef VMTRACE_REPORT_LOAD_H
#define VMTRACE_REPORT_LOAD_H

#include "cli/report_options.h"

/* What stays from one trace to the next. */
struct report_loader {
    const struct report_settings *settings;
    struct symbolizer *symbolizer; /* of reports about findings */
    struct parent_shelf *parents;
    struct suppression_list *builtin; /* suppressions */
};

/* False when out of memory; in any case release it. */
bool report_loader_init(struct report_loader *loader, const struct report_settings *settings);
void report_loader_release(struct report_loader *loader);

/* NULL: a message was printed.  `is_trace`: whether the file is one, be it damaged or just begun.
 */
struct report *report_loader_load(struct report_loader *loader, const char *path, bool *is_trace);

#endif
