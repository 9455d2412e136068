/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include "crash_context.h"
#include "interpose.h"
#include "lifecycle.h"
#include "program_action.h"
#include "sys.h"
#include "thread_state.h"

#include <errno.h>
#include <string.h>

/* How many signals are recorded that handlers of the program's take: there are run times that
 * handle thousands, as a way to find out. */
enum { MOST_HANDLED = 100 };

/* What recording may need of the stack that the program has set up for its handler. */
enum { STACK_ROOM = 4096 };

/* How far libc's abort() reaches, and how many words up the stack the raise() that it calls leaves
 * the address that it returns to. */
enum { ABORT_BYTES = 512, RAISE_WORDS = 64 };

/* program: see program_action.h.  0: the default action, which is also what a handler without an
 * address stands for, that was called its one time. */
static struct {
    int signal;
    uint64_t program;
} watched[] = {{SIGSEGV, 0}, {SIGBUS, 0}, {SIGILL, 0}, {SIGFPE, 0}, {SIGABRT, 0}};
enum { WATCHED = sizeof(watched) / sizeof(watched[0]) };

static uint32_t handled;
static uint64_t abort_function;

typedef void action_handler(int, siginfo_t *, void *);

static uint64_t *program_of(int signal)
{
    for (size_t i = 0; i < WATCHED; i++) {
        if (watched[i].signal == signal)
            return &watched[i].program;
    }
    return NULL;
}

bool crash_watches(int signal)
{
    return program_of(signal) != NULL;
}

static uint64_t pack(const struct sigaction *action)
{
    return action->sa_handler == SIG_DFL ? 0 : program_action_pack(action);
}

/* Has the program set up a signal stack that would not hold us and its handler? */
static bool is_narrow(const ucontext_t *context)
{
    uint64_t here = (uint64_t)__builtin_frame_address(0);
    uint64_t low = (uint64_t)context->uc_stack.ss_sp;
    return here - low < context->uc_stack.ss_size && here - low < STACK_ROOM;
}

/* Either it is recorded for the last time, or the program's handler comes next. */
static __attribute__((noinline)) void record(int number, const siginfo_t *info,
                                             const ucontext_t *context, bool has_handler)
{
    int saved = errno;
    if (sys_pid() != trace_pid && !thread_state_forked())
        return; /* a child of vfork */
    if (has_handler && __atomic_load_n(&handled, __ATOMIC_RELAXED) >= MOST_HANDLED)
        return;
    struct crash_facts facts = {.signal = number,
                                .code = info->si_code,
                                .address = info->si_code > 0 ? (uint64_t)info->si_addr : 0,
                                .flags = has_handler ? VMT_CRASH_HANDLED : 0};
    crash_context_read(context, &facts);
    record_crash(&facts);
    if (has_handler)
        __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
    else
        lifecycle_crashed(number);
    errno = saved;
}

/* The default disposition is put back.  Returning to a faulting instruction then raises the signal
 * again, with the same registers, and the kernel ends the process (core dump included).  A signal
 * that was sent is sent again as it was, and arrives when we return; so is one by which the kernel
 * says that there was no stack for another signal's frame: no instruction repeats that. */
static void act_by_default(int number, const siginfo_t *info)
{
    uint64_t kernels[4] = {0}; /* handler, flags, restorer, mask */
    sys_call(SYS_rt_sigaction, number, (long)kernels, 0, sizeof(uint64_t), 0, 0);
    if (info->si_code > 0 && info->si_code != SI_KERNEL)
        return;
    long process = sys_pid(), thread = sys_tid();
    if (sys_call(SYS_rt_tgsigqueueinfo, process, thread, number, (long)info, 0, 0) < 0)
        sys_call(SYS_tgkill, process, thread, number, 0, 0, 0);
}

/* Was it abort() that raised the signal?  Also true where so much of a stack that is not the
 * thread's own cannot be looked at. */
static __attribute__((noinline)) bool is_of_abort(const ucontext_t *context)
{
    const uint64_t address_bits = (UINT64_C(1) << 48) - 1; /* the rest may be a signature */
    const struct stream *stream = thread_state.stream;
    struct crash_facts facts = {.signal = SIGABRT};
    crash_context_read(context, &facts);
    uint64_t at = facts.start.sp & ~UINT64_C(7), end = (at | 4095) + 1;
    bool own = stream && stack_bounds_hold(&stream->stack, at);
    if (own)
        end = stream->stack.high;
    for (int i = 0; i < RAISE_WORDS; i++, at += sizeof(uint64_t)) {
        if (at + sizeof(uint64_t) > end)
            return !own;
        if ((*(const uint64_t *)at & address_bits) - abort_function < ABORT_BYTES)
            return true;
    }
    return false;
}

/* abort() ends the process, unseen by us, if the handler returns. */
static __attribute__((noinline)) void let_handle_abort(action_handler *theirs, siginfo_t *info,
                                                       void *context)
{
    theirs(SIGABRT, info, context);
    int saved = errno;
    if (sys_pid() == trace_pid)
        lifecycle_crashed(SIGABRT);
    errno = saved;
}

/* The program's handler is jumped to, so that it has the stack that it would have had. */
static void handler(int number, siginfo_t *info, void *context)
{
    uint64_t *slot = program_of(number);
    uint64_t program = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    /* The kernel, too, gives all three to handlers that ask for the first only. */
    action_handler *theirs = (action_handler *)program_action_function(program);
    if (program & PROGRAM_RESET)
        __atomic_compare_exchange_n(slot, &(uint64_t){program},
                                    program & (PROGRAM_WITH_INFO | PROGRAM_RESET), false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    if (!theirs || !is_narrow(context))
        record(number, info, context, theirs != NULL);
    if (!theirs)
        act_by_default(number, info);
    else if (number == SIGABRT && info->si_code == SI_TKILL && is_of_abort(context))
        let_handle_abort(theirs, info, context);
    else
        theirs(number, info, context);
}

/* What the kernel is given.  By default only a stack overflow needs the alternate stack, which may
 * be too small for us. */
static void action_of_ours(int signal, const struct sigaction *action, struct sigaction *ours)
{
    struct sigaction by_default = {.sa_flags =
                                       signal == SIGSEGV || signal == SIGBUS ? SA_ONSTACK : 0};
    program_action_take(action->sa_handler == SIG_DFL ? &by_default : action, ours, handler);
}

static void show(uint64_t program, struct sigaction *kernel)
{
    if (kernel->sa_sigaction != handler)
        return;
    if (!program)
        memset(kernel, 0, sizeof(*kernel));
    program_action_show(program, kernel);
}

void crash_show(int signal, struct sigaction *kernel)
{
    uint64_t *slot = program_of(signal);
    if (slot)
        show(__atomic_load_n(slot, __ATOMIC_ACQUIRE), kernel);
}

static int set_action(crash_real *real, int signal, const struct sigaction *action,
                      struct sigaction *before, uint64_t *program)
{
    struct sigaction ours;
    uint64_t wanted = pack(action);
    action_of_ours(signal, action, &ours);
    *program = __atomic_exchange_n(program_of(signal), wanted, __ATOMIC_ACQ_REL);
    return real(signal, &ours, before);
}

/* A child of vfork has dispositions of its own, but our memory. */
static bool is_recorded(void)
{
    return recording != RECORDING_OFF && (sys_pid() == trace_pid || thread_state_forked());
}

int crash_sigaction(crash_real *real, int signal, const struct sigaction *action,
                    struct sigaction *old)
{
    struct sigaction before;
    uint64_t program = __atomic_load_n(program_of(signal), __ATOMIC_ACQUIRE);
    bool ours = action && action->sa_handler != SIG_IGN && is_recorded();
    int result =
        ours ? set_action(real, signal, action, &before, &program) : real(signal, action, &before);
    if (result == 0 && old) {
        show(program, &before);
        *old = before;
    }
    return result;
}

static void adopt(crash_real *real, int signal)
{
    struct sigaction now;
    uint64_t before;
    if (real(signal, NULL, &now) == 0 && now.sa_sigaction != handler && now.sa_handler != SIG_IGN)
        set_action(real, signal, &now, NULL, &before);
}

void crash_adopt(crash_real *real, int signal)
{
    if (crash_watches(signal) && is_recorded())
        adopt(real, signal);
}

void crash_install(void)
{
    crash_real *real = (crash_real *)real_next("sigaction");
    abort_function = (uint64_t)real_next("abort");
    for (size_t i = 0; real && i < WATCHED; i++)
        adopt(real, watched[i].signal);
}
