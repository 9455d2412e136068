/* SPDX-License-Identifier: Apache-2.0 */
/* A report made by hand, with something in every list and hostile names: the golden tests' input.
 */
#ifndef VMTRACE_SAMPLE_REPORT_H
#define VMTRACE_SAMPLE_REPORT_H

#include "query/report.h"

/* `source` is an absolute path that the program's frames name as their file, shown in the
 * report as source lines.  Static storage; not for report_free. */
const struct report *sample_report(const char *source);

/* The same, but of a sampled trace. */
const struct report *sample_report_sampled(const char *source);

/* The same, but with snapshots of what was resident. */
const struct report *sample_report_memory(const char *source);

/* The same, but with faults whose addresses are known. */
const struct report *sample_report_faults(const char *source);
const struct report *sample_report_few_faults(void);

/* The same, but with scans: leaks of each class; some that are only possible; none. */
const struct report *sample_report_leaks(const char *source);
const struct report *sample_report_possible(const char *source);
const struct report *sample_report_no_leaks(const char *source);

/* A trace in which nothing was allocated. */
const struct report *sample_report_empty(void);

/* A sampled trace in which nothing that was sampled is live. */
const struct report *sample_report_sampled_away(void);

#endif
