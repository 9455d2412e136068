/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fatal signals: recorded, then left to do what they would have done without us.
 *
 * Of the signals that are watched the kernel has our handler, the program's own disposition is kept
 * beside it: with the flags and the mask that the program wants, so that the kernel calls us on the
 * stack, and with the signals blocked, that its handler would have had.  The wrappers of sigaction
 * and relatives (interpose_signal.c) show the program what it has set.
 */
#ifndef VMTRACE_CRASH_H
#define VMTRACE_CRASH_H

#include <signal.h>
#include <stdbool.h>

typedef int crash_real(int, const struct sigaction *, struct sigaction *);

void crash_install(void);

/* Is this signal one that we watch? */
bool crash_watches(int signal);

/* sigaction() for a signal that we watch. */
int crash_sigaction(crash_real *real, int signal, const struct sigaction *action,
                    struct sigaction *old);

/* Puts the program's disposition in the place of ours, if `kernel` is that. */
void crash_show(int signal, struct sigaction *kernel);

/* The program's disposition was set behind our back, by a function of libc's: ours takes its place.
 */
void crash_adopt(crash_real *real, int signal);

#endif
