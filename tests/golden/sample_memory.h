/* SPDX-License-Identifier: Apache-2.0 */
/* Resident memory of the sample report: three snapshots, why RSS grew, an address space. */
#ifndef VMTRACE_SAMPLE_MEMORY_H
#define VMTRACE_SAMPLE_MEMORY_H

#include "query/report.h"

/* Of two heap sites and a mapping's.  Static storage. */
const struct report_memory *sample_memory(const struct report_site *first,
                                          const struct report_site *second,
                                          const struct report_site *mapped);

/* No snapshot. */
const struct report_memory *sample_memory_none(void);

#endif
