/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include "interpose.h"
#include "lifecycle.h"
#include "sys.h"
#include "thread_state.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

static const int watched[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/* The interrupted frame. */
static void start_at(const ucontext_t *context, struct callstack_start *start)
{
#if defined(__x86_64__)
    start->pc = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    start->sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
    start->fp = (uint64_t)context->uc_mcontext.gregs[REG_RBP];
#else
    start->pc = context->uc_mcontext.pc;
    start->sp = context->uc_mcontext.sp;
    start->fp = context->uc_mcontext.regs[29];
#endif
    start->exact = true;
}

/* SA_RESETHAND has put the default disposition back: returning to a faulting instruction
 * raises the signal again, with the same registers, and the kernel ends the process (core dump
 * included).  A signal that was sent is sent again, and arrives when we return; so is one by which
 * the kernel says that there was no stack for another signal's frame: no instruction repeats that.
 */
static void handler(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    if (sys_pid() == trace_pid || thread_state_forked()) {
        struct callstack_start start;
        start_at(context, &start);
        record_crash(number, info->si_code, info->si_code > 0 ? info->si_addr : NULL, &start);
        lifecycle_crashed(number);
    }
    if (info->si_code <= 0 || info->si_code == SI_KERNEL)
        sys_call(SYS_tgkill, sys_pid(), sys_tid(), number, 0, 0, 0);
    errno = saved;
}

bool crash_is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handler;
}

bool crash_watches(int signal)
{
    if (recording == RECORDING_OFF)
        return false;
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        if (watched[i] == signal)
            return true;
    }
    return false;
}

/* Only a stack overflow needs the alternate stack, which may be too small for us. */
void crash_action(int signal, struct sigaction *action)
{
    memset(action, 0, sizeof(*action));
    action->sa_sigaction = handler;
    action->sa_flags = SA_SIGINFO | SA_RESETHAND;
    if (signal == SIGSEGV || signal == SIGBUS)
        action->sa_flags |= SA_ONSTACK;
}

void crash_install(void)
{
    int (*real_sigaction)(int, const struct sigaction *, struct sigaction *) =
        (int (*)(int, const struct sigaction *, struct sigaction *))real_next("sigaction");
    if (!real_sigaction)
        return;
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        struct sigaction before, ours;
        crash_action(watched[i], &ours);
        if (real_sigaction(watched[i], &ours, &before) == 0 &&
            ((before.sa_flags & SA_SIGINFO) || before.sa_handler != SIG_DFL))
            real_sigaction(watched[i], &before, NULL);
    }
}
