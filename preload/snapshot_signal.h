/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMTRACE_SNAPSHOT_SIGNAL: a signal of the user's choice takes a residency snapshot, in its
 * handler.
 *
 * The signal stays the program's.  What it sets by sigaction and relatives is kept here and shown
 * to it again; our handler calls the program's after the snapshot.  Only the default disposition
 * and SIG_IGN then mean "a snapshot, and nothing else".
 */
#ifndef VMTRACE_SNAPSHOT_SIGNAL_H
#define VMTRACE_SNAPSHOT_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

typedef int snapshot_signal_real(int, const struct sigaction *, struct sigaction *);

void snapshot_signal_install(void);

/* Around an exec: a signal that the program ignores is ignored by the next image, too, where a
 * handler would become the default. */
void snapshot_signal_before_exec(void);
void snapshot_signal_exec_failed(void);

/* Is it the one, in a process that our handler is installed in? */
bool snapshot_signal_is(int number);

/* Where `kernel`, as the kernel tells it, is our handler, puts the program's in its place. */
void snapshot_signal_hide(struct sigaction *kernel);

/* sigaction for it; `real` is libc's. */
int snapshot_signal_action(snapshot_signal_real *real, const struct sigaction *action,
                           struct sigaction *old);

#endif
