/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions by which a program sees and sets signal dispositions, so that it never meets our
 * crash handler in the place of the default disposition.
 */
#include "crash.h"
#include "interpose.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);

void interpose_signal_resolve(void)
{
    RESOLVE(sigaction);
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction ours, before;
    const struct sigaction *given = action;
    if (action && !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL && crash_watches(number)) {
        crash_action(&ours);
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

/* signal() in its two historic forms, on top of the above. */
static sighandler_t set_handler(int number, sighandler_t handler, int flags)
{
    struct sigaction action, old;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = flags;
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    sigemptyset(&action.sa_mask);
    if (!(flags & SA_NODEFER))
        sigaddset(&action.sa_mask, number);
    return sigaction(number, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESTART);
}

EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESTART);
}

EXPORT sighandler_t ssignal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESTART);
}

EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESETHAND | SA_NODEFER);
}

EXPORT sighandler_t sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESETHAND | SA_NODEFER);
}
