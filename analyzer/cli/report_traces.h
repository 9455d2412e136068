/* SPDX-License-Identifier: Apache-2.0 */
/* Which traces a command line names: files, and folders with files in them. */
#ifndef VMTRACE_REPORT_TRACES_H
#define VMTRACE_REPORT_TRACES_H

#include <stddef.h>

struct report_traces {
    char **paths; /* malloc'd, as are its strings */
    size_t count;
};

/* A folder stands for the *.vmt and *.vmtz in it, by name and number.  Exits with a message when it
 * cannot be read or is empty, or when out of memory. */
void report_traces_gather(struct report_traces *traces, char **operands, size_t count);
void report_traces_release(struct report_traces *traces);

#endif
