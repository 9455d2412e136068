/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions by which a program sees and sets signal dispositions, so that it never meets our
 * crash handler in the place of the default disposition, nor the handler of
 * VMTRACE_SNAPSHOT_SIGNAL.
 */
#include "crash.h"
#include "interpose.h"
#include "snapshot_signal.h"
#include "sys.h"

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
    if (snapshot_signal_is(number))
        return snapshot_signal_action(REAL(sigaction), action, old);
    if (crash_watches(number))
        return crash_sigaction(REAL(sigaction), number, action, old);
    return REAL(sigaction)(number, action, old);
}

/* The older functions: glibc's, which know about siginterrupt(), with ours put in the place of what
 * they set; except that for the default disposition of a signal that we watch, and for the signal
 * of snapshots, ours is set at once.  `flags` are what the function means for sigaction. */
static sighandler_t set_handler(sighandler_t (*real)(int, sighandler_t), int number,
                                sighandler_t handler, int flags)
{
    struct sigaction action, old;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = flags;
    bool watched = handler == SIG_DFL && crash_watches(number);
    if (watched || (snapshot_signal_is(number) && handler != SIG_HOLD))
        return sigaction(number, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
    action.sa_handler = real(number, handler);
    if (action.sa_handler == SIG_ERR)
        return SIG_ERR;
    action.sa_flags = SA_SIGINFO;
    snapshot_signal_hide(&action);
    crash_show(number, &action);
    crash_adopt(REAL(sigaction), number);
    return action.sa_handler;
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    return set_handler(REAL(signal), number, handler, SA_RESTART);
}

EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int number, sighandler_t handler)
{
    return set_handler(REAL(signal), number, handler, SA_RESTART);
}

EXPORT sighandler_t ssignal(int number, sighandler_t handler)
{
    return set_handler(REAL(signal), number, handler, SA_RESTART);
}

EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return set_handler(REAL(sysv_signal), number, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

EXPORT sighandler_t sysv_signal(int number, sighandler_t handler)
{
    return set_handler(REAL(sysv_signal), number, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
    sighandler_t before = set_handler(REAL(sigset), number, handler, 0);
    if (snapshot_signal_is(number) && handler != SIG_HOLD) {
        /* What else the real one does, which was not called. */
        uint64_t one = UINT64_C(1) << (number - 1), blocked = 0;
        sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&one, (long)&blocked, sizeof(one), 0, 0);
        if (blocked & one && before != SIG_ERR)
            return SIG_HOLD;
    }
    return before;
}
