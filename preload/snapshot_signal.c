/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_signal.h"

#include "housekeeping.h"
#include "interpose.h"
#include "program_action.h"
#include "residency.h"
#include "scan.h"
#include "settings.h"
#include "sys.h"
#include "thread_state.h"
#include "vmtrace/signal_names.h"

#include <errno.h>
#include <string.h>

static uint64_t programs; /* see program_action.h */
static bool installed;

static sighandler_t handler_in(uint64_t word)
{
    return (sighandler_t)program_action_function(word);
}

static bool is_function(uint64_t word)
{
    return handler_in(word) != SIG_DFL && handler_in(word) != SIG_IGN;
}

static const char *signal_name(int number)
{
    for (size_t i = 0; i < sizeof(vmt_snapshot_signals) / sizeof(vmt_snapshot_signals[0]); i++) {
        if (vmt_snapshot_signals[i].number == number)
            return vmt_snapshot_signals[i].name;
    }
    return "";
}

static void take_snapshot(int number)
{
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    housekeeping_sample(stream);
    residency_take(stream, VMT_RESIDENCY_SIGNAL, signal_name(number));
    thread_leave(stream);
    scan_take(VMT_SCAN_SIGNAL, signal_name(number));
}

static void handler(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    if (recording != RECORDING_OFF && (sys_pid() == trace_pid || thread_state_forked()))
        take_snapshot(number);
    errno = saved;
    uint64_t word = __atomic_load_n(&programs, __ATOMIC_ACQUIRE);
    if (!is_function(word))
        return;
    if (word & PROGRAM_RESET)
        __atomic_compare_exchange_n(&programs, &(uint64_t){word}, (uint64_t)SIG_DFL, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    struct sigaction theirs = {.sa_handler = handler_in(word)};
    if (word & PROGRAM_WITH_INFO)
        theirs.sa_sigaction(number, info, context);
    else
        theirs.sa_handler(number);
}

/* The kernel keeps the program's flags and mask, for us to be called in the same way.  Where it has
 * no handler, system calls go on after ours; and code that runs on tiny stacks has set up another
 * one for signals. */
static void action_of_ours(const struct sigaction *action, struct sigaction *ours)
{
    const struct sigaction none = {.sa_flags = SA_RESTART | SA_ONSTACK};
    bool has_handler = is_function(program_action_pack(action));
    program_action_take(has_handler ? action : &none, ours, handler);
}

static void show_programs(uint64_t word, struct sigaction *kernel)
{
    if (kernel->sa_sigaction != handler)
        return;
    if (!is_function(word))
        memset(kernel, 0, sizeof(*kernel));
    program_action_show(word, kernel);
}

void snapshot_signal_hide(struct sigaction *kernel)
{
    show_programs(__atomic_load_n(&programs, __ATOMIC_ACQUIRE), kernel);
}

bool snapshot_signal_is(int number)
{
    return installed && number == settings.snapshot_signal;
}

int snapshot_signal_action(snapshot_signal_real *real, const struct sigaction *action,
                           struct sigaction *old)
{
    struct sigaction ours, before;
    /* A child of vfork has dispositions of its own, but our memory. */
    bool shared = sys_pid() != trace_pid && !thread_state_forked();
    uint64_t word = __atomic_load_n(&programs, __ATOMIC_ACQUIRE);
    const struct sigaction *given = action;
    if (action && !shared) {
        uint64_t wanted = program_action_pack(action);
        action_of_ours(action, &ours);
        given = &ours;
        word = __atomic_exchange_n(&programs, wanted, __ATOMIC_ACQ_REL);
    }
    int result = real(settings.snapshot_signal, given, &before);
    if (result == 0 && old) {
        show_programs(word, &before);
        *old = before;
    }
    return result;
}

void snapshot_signal_install(void)
{
    snapshot_signal_real *real = (snapshot_signal_real *)real_next("sigaction");
    struct sigaction ours, before;
    if (!settings.snapshot_signal || !real || real(settings.snapshot_signal, NULL, &before) != 0)
        return;
    __atomic_store_n(&programs, program_action_pack(&before), __ATOMIC_RELEASE);
    action_of_ours(&before, &ours);
    installed = real(settings.snapshot_signal, &ours, NULL) == 0;
}

static bool is_ignored(void)
{
    return installed && handler_in(__atomic_load_n(&programs, __ATOMIC_ACQUIRE)) == SIG_IGN;
}

static void set_kernels(const struct sigaction *action)
{
    snapshot_signal_real *real = (snapshot_signal_real *)real_next("sigaction");
    if (real)
        real(settings.snapshot_signal, action, NULL);
}

void snapshot_signal_before_exec(void)
{
    if (is_ignored())
        set_kernels(&(struct sigaction){.sa_handler = SIG_IGN});
}

void snapshot_signal_exec_failed(void)
{
    struct sigaction ours;
    if (!is_ignored())
        return;
    action_of_ours(&(struct sigaction){.sa_handler = SIG_IGN}, &ours);
    set_kernels(&ours);
}
