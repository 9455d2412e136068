/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of the program, absolute and without symbolic links: what /proc/self/exe says, found
 * without it where that is possible.  The first look into /proc costs a process 18 microseconds, 5
 * of them when it ends; opening the file that the kernel says it executed, and resolving its
 * path, 5.
 */
#ifndef VMTRACE_EXECUTABLE_H
#define VMTRACE_EXECUTABLE_H

#include <stddef.h>

/* While the process begins. */
void executable_setup(void);

/* Of the program's writable segments, with .bss; the largest of them. */
size_t executable_data_bytes(void);

/* "" if it could not be found out. */
const char *executable_path(void);

#endif
