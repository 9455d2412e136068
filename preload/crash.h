/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fatal signals: recorded, then left to do what they would have done without us.
 *
 * A handler is installed only where the disposition is the default one.  The wrappers of
 * sigaction and relatives (interpose_signal.c) never show it to the program: it sees, and may set,
 * the default.
 */
#ifndef VMTRACE_CRASH_H
#define VMTRACE_CRASH_H

#include <signal.h>
#include <stdbool.h>

void crash_install(void);

/* Is `action` our handler? */
bool crash_is_ours(const struct sigaction *action);

/* Is this signal one that we watch while its disposition is the default? */
bool crash_watches(int signal);

/* The disposition to give to the kernel where the program asks for the default one of `signal`. */
void crash_action(int signal, struct sigaction *action);

#endif
