/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace's name, from the pattern in VMTRACE_OUTPUT.
 */
#ifndef VMTRACE_TRACE_NAME_H
#define VMTRACE_TRACE_NAME_H

#include <stdbool.h>

enum { TRACE_NAME_SIZE = 4096 + 512 };

/* Creates a file that did not exist before and opens it for reading and writing; its absolute path
 * is then in `path`.  `below`: in the folder VMT_CHECK_FIRST that is there, which `path` leaves
 * out. Where the name is taken, %n in the pattern counts up, or else ".1", ".2", ... is appended:
 * nothing is ever overwritten.  A descriptor, or a negative errno. */
int trace_name_create(char path[TRACE_NAME_SIZE], bool below);

/* Puts VMT_CHECK_FIRST before the name in `path`, which has room for it, or takes it out again. */
void trace_name_put_below(char *path, bool below);

#endif
