/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of suppressions share. */
#ifndef VMTRACE_QUERY_REPORT_SUPPRESS_H
#define VMTRACE_QUERY_REPORT_SUPPRESS_H

#include "query/report_build.h"

/* Hides the leak and takes it out of the sums. */
void report_suppress(struct report *report, struct report_leak *leak);

/* `hidden_by`: of each leak, the number in build->suppressions of what hid it, from 1; 0: nothing.
 * The list of leaks may become longer.  False when out of memory. */
bool report_suppress_children(struct report_build *build, const uint32_t *hidden_by);

/* The report's leaks while it is being made: its readers may not write there. */
static inline struct report_leak *report_own_leaks(const struct report_build *build)
{
    return (struct report_leak *)build->report->leaks;
}

#endif
