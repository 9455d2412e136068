/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions by which a program sees and sets signal dispositions, so that it never meets our
 * crash handler in the place of the default disposition.
 */
#include "crash.h"
#include "interpose.h"

#include <signal.h>
#include <string.h>

static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);
static sighandler_t (*real_signal)(int, sighandler_t);
static sighandler_t (*real_sysv_signal)(int, sighandler_t);
static sighandler_t (*real_sigset)(int, sighandler_t);

void interpose_signal_resolve(void)
{
    RESOLVE(sigaction);
    RESOLVE(signal);
    RESOLVE(sysv_signal);
    RESOLVE(sigset);
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction ours, before;
    const struct sigaction *given = action;
    if (action && !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL &&
        crash_watches(number)) {
        crash_action(number, &ours);
        given = &ours;
    }
    int result = REAL(sigaction)(number, given, &before);
    if (result == 0 && old) {
        if (crash_is_ours(&before)) {
            memset(&before, 0, sizeof(before));
            before.sa_handler = SIG_DFL;
        }
        *old = before;
    }
    return result;
}

/* The older functions: glibc's, which know about siginterrupt(), except that the default
 * disposition of a signal that we watch becomes ours. */
static sighandler_t set_handler(sighandler_t (*real)(int, sighandler_t), int number,
                                sighandler_t handler)
{
    struct sigaction action, old;
    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_DFL;
    if (handler == SIG_DFL && crash_watches(number))
        return sigaction(number, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
    action.sa_handler = real(number, handler);
    action.sa_flags = SA_SIGINFO;
    return crash_is_ours(&action) ? SIG_DFL : action.sa_handler;
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    return set_handler(REAL(signal), number, handler);
}

EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int number, sighandler_t handler)
{
    return set_handler(REAL(signal), number, handler);
}

EXPORT sighandler_t ssignal(int number, sighandler_t handler)
{
    return set_handler(REAL(signal), number, handler);
}

EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return set_handler(REAL(sysv_signal), number, handler);
}

EXPORT sighandler_t sysv_signal(int number, sighandler_t handler)
{
    return set_handler(REAL(sysv_signal), number, handler);
}

EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
    return set_handler(REAL(sigset), number, handler);
}
