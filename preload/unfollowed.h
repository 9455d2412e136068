/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that become programs that leave no trace: told in a trace, so that nobody takes them
 * for checked.
 *
 * The child of a vfork tells it in its parent's trace, a forked child in its own, which begins
 * thereby.  A child of vfork whose parent is a forked child without a trace cannot begin that one
 * (it is another process): it leaves word in their memory, and the parent tells it before it ends.
 */
#ifndef VMTRACE_UNFOLLOWED_H
#define VMTRACE_UNFOLLOWED_H

#include "vmtrace/trace_format.h"

#include <stdbool.h>

/* In a child that fork() made, first of all. */
void unfollowed_in_child(void);

/* The calling process is about to execute `path`; and: that failed. */
void unfollowed_expect(enum vmt_unfollowed why, const char *path);
void unfollowed_take_back(void);

/* Is there word for a trace that the calling process has not begun yet?  And, once it has: writes
 * it. */
bool unfollowed_waits(void);
void unfollowed_write(void);

#endif
