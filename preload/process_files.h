/* SPDX-License-Identifier: Apache-2.0 */
/* Files of this process in /proc, also when its first thread has ended. */
#ifndef VMTRACE_PROCESS_FILES_H
#define VMTRACE_PROCESS_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* For reading; a descriptor, or a negated errno. */
int process_file_open(const char *name);

/* Is /proc of our pid namespace?  In another one's our numbers are other processes'. */
bool process_files_know_pids(void);

enum { PROCESS_MEMORY_MOST = 768 }; /* some 16 lines of 20 bytes */

/* The lines of `status` that begin with "Vm", for smaps_field; "" on failure.  The whole file has
 * no bounds: it lists all groups that the user is in.  0, or a negated errno. */
int process_memory_lines(char text[PROCESS_MEMORY_MOST]);

#endif
