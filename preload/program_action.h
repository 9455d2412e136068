/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's disposition of a signal whose handler in the kernel is ours: in one word, so that
 * a signal that comes meanwhile sees all or nothing of a change.  User-space addresses leave the
 * two highest bits free.
 */
#ifndef VMTRACE_PROGRAM_ACTION_H
#define VMTRACE_PROGRAM_ACTION_H

#include <signal.h>
#include <stdint.h>

#define PROGRAM_WITH_INFO (UINT64_C(1) << 63) /* SA_SIGINFO */
#define PROGRAM_RESET (UINT64_C(1) << 62)     /* SA_RESETHAND: done by us, as we stay */

static inline uint64_t program_action_pack(const struct sigaction *action)
{
    return (uint64_t)action->sa_handler | (action->sa_flags & SA_SIGINFO ? PROGRAM_WITH_INFO : 0) |
           ((unsigned)action->sa_flags & SA_RESETHAND ? PROGRAM_RESET : 0);
}

static inline uint64_t program_action_function(uint64_t program)
{
    return program & ~(PROGRAM_WITH_INFO | PROGRAM_RESET);
}

/* Puts the program's handler and flags in the place of ours. */
static inline void program_action_show(uint64_t program, struct sigaction *kernel)
{
    if (!(program & PROGRAM_WITH_INFO))
        kernel->sa_flags &= ~SA_SIGINFO;
    if (program & PROGRAM_RESET)
        kernel->sa_flags = (int)((unsigned)kernel->sa_flags | SA_RESETHAND);
    kernel->sa_handler = (sighandler_t)program_action_function(program);
}

/* What the kernel is given for the program's handler: its flags and mask, so that ours is called
 * in the same way. */
static inline void program_action_take(const struct sigaction *action, struct sigaction *ours,
                                       void (*handler)(int, siginfo_t *, void *))
{
    *ours = *action;
    ours->sa_flags = (int)((unsigned)ours->sa_flags & ~(unsigned)SA_RESETHAND) | SA_SIGINFO;
    ours->sa_sigaction = handler;
}

#endif
