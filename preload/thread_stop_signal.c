/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real-time signal whose disposition is still the default one, so that the program does not use
 * it.  Its handler waits for the end of the stop; the signal's frame on the thread's stack holds
 * all registers.  Threads that block it, or wait for signals, are left alone: they would get it
 * later, or instead of one of theirs.
 */
#include "thread_stop_parts.h"

#include "interpose.h"
#include "sys.h"
#include "sys_task.h"
#include "text.h"
#include "thread_registers.h"
#include "thread_state.h"

#include <signal.h>
#include <string.h>

enum {
    STANDS_AT_MOST = 120, /* seconds: should whoever stopped it be gone */
    TELL_TRIES = 5,
    LEAVE_TRIES = 20000, /* a second, in naps */
};

static struct thread_stop *current; /* NULL: none, or over */
static uint32_t round_number;       /* odd while threads are to stand; a futex */
static uint32_t inside;             /* threads that may look at `current` */
static int chosen;                  /* the signal; 0: none yet */

static void stand(struct stopped_thread *thread, const void *frame)
{
    uint32_t number = __atomic_load_n(&round_number, __ATOMIC_ACQUIRE);
    uint64_t began = sys_time_ns(CLOCK_MONOTONIC);
    if (number % 2 == 0)
        return;
    thread->stack_pointer = (uint64_t)frame;
    thread->thread_pointer = thread_registers_pointer();
    thread->moving = thread_state.moving;
    thread->flags = VMT_THREAD_STOPPED | VMT_THREAD_REGISTERS;
    __atomic_store_n(&thread->state, THREAD_STANDING, __ATOMIC_RELEASE);
    while (__atomic_load_n(&round_number, __ATOMIC_ACQUIRE) == number &&
           sys_time_ns(CLOCK_MONOTONIC) - began < STANDS_AT_MOST * UINT64_C(1000000000))
        sys_futex_wait(&round_number, number, UINT64_C(1000000000));
}

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    __atomic_add_fetch(&inside, 1, __ATOMIC_ACQ_REL);
    struct thread_stop *stop = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
    if (stop && info->si_code <= 0 && sys_pid() == stop->pid) {
        struct stopped_thread *thread = thread_stop_find(stop, sys_tid());
        if (thread)
            stand(thread, __builtin_frame_address(0));
    }
    __atomic_sub_fetch(&inside, 1, __ATOMIC_ACQ_REL);
}

/* The highest one that nobody has taken: glibc's own are the lowest. */
static int choose(void)
{
    int (*real)(int, const struct sigaction *, struct sigaction *) =
        (int (*)(int, const struct sigaction *, struct sigaction *))real_next("sigaction");
    for (int number = SIGRTMAX; real && number > SIGRTMIN; number--) {
        struct sigaction ours, before;
        if (real(number, NULL, &before) != 0)
            continue;
        if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction == handler)
            return number;
        if ((before.sa_flags & SA_SIGINFO) || before.sa_handler != SIG_DFL)
            continue;
        memset(&ours, 0, sizeof(ours));
        ours.sa_sigaction = handler;
        ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        memset(&ours.sa_mask, 0xff, sizeof(ours.sa_mask));
        return real(number, &ours, NULL) == 0 ? number : 0;
    }
    return 0;
}

/* The program may look at the disposition, and hand it on.  What has not arrived yet, which would
 * end the process, is thrown away with the signal ignored (sigaction(2)). */
static void give_back(void)
{
    int (*real)(int, const struct sigaction *, struct sigaction *) =
        (int (*)(int, const struct sigaction *, struct sigaction *))real_next("sigaction");
    struct sigaction action;
    if (!real || real(chosen, NULL, &action) != 0 || !(action.sa_flags & SA_SIGINFO) ||
        action.sa_sigaction != handler)
        return;
    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_IGN;
    real(chosen, &action, NULL);
    action.sa_handler = SIG_DFL;
    real(chosen, &action, NULL);
}

/* "SigBlk:\t0000000000000000"; what sigwait waits for is not shown there, but the call is. */
static bool may_be_told(const struct thread_stop *stop, uint32_t tid)
{
    char status[2048], call[128];
    if (!thread_stop_read(stop, tid, "/status", status, sizeof(status)))
        return false;
    const char *line = strstr(status, "\nSigBlk:\t");
    if (!line)
        return false;
    uint64_t blocked = 0;
    for (const char *at = line + 9; *at && *at != '\n'; at++)
        blocked = blocked << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    if (blocked >> (chosen - 1) & 1)
        return false;
    return !thread_stop_read(stop, tid, "/syscall", call, sizeof(call)) || call[0] < '0' ||
           call[0] > '9' || text_number(call) != SYS_rt_sigtimedwait;
}

/* GONE ones are not waited for; they are listed all the same. */
static void tell_all(struct thread_stop *stop)
{
    for (size_t i = 0; i < stop->count; i++) {
        struct stopped_thread *thread = &stop->threads[i];
        thread->flags = 0;
        thread->moving = false;
        if (thread->state == THREAD_GONE)
            continue;
        thread->state = THREAD_RUNNING;
        if (sys_call(SYS_tgkill, stop->pid, thread->tid, chosen, 0, 0, 0) != 0)
            thread->state = THREAD_GONE;
    }
}

static bool all_stand(const struct thread_stop *stop)
{
    for (size_t i = 0; i < stop->count; i++) {
        if (__atomic_load_n(&stop->threads[i].state, __ATOMIC_ACQUIRE) == THREAD_RUNNING)
            return false;
    }
    return true;
}

static void wait_for_all(const struct thread_stop *stop)
{
    uint64_t began = sys_time_ns(CLOCK_MONOTONIC);
    while (!all_stand(stop) && sys_time_ns(CLOCK_MONOTONIC) - began < THREAD_STOP_NS)
        thread_stop_nap(THREAD_NAP_NS);
}

static void next_round(void)
{
    __atomic_add_fetch(&round_number, 1, __ATOMIC_ACQ_REL);
    sys_futex_wake(&round_number);
}

/* Threads that are born meanwhile run on: they are listed. */
bool thread_stop_by_signal(struct thread_stop *stop)
{
    chosen = choose();
    stop->count = 0;
    if (!chosen || thread_stop_list(stop) < 0)
        return false;
    for (size_t i = 0; i < stop->count; i++) {
        unsigned tries = 0;
        while (tries < TELL_TRIES && !may_be_told(stop, stop->threads[i].tid)) {
            thread_stop_nap(THREAD_NAP_NS); /* many block signals for a moment */
            tries++;
        }
        if (tries == TELL_TRIES)
            stop->threads[i].state = THREAD_GONE;
    }
    __atomic_store_n(&current, stop, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < THREAD_MOVE_TRIES; i++) {
        next_round();
        tell_all(stop);
        wait_for_all(stop);
        if (!thread_stop_is_any_moving(stop) || i + 1 == THREAD_MOVE_TRIES)
            break;
        next_round();
        thread_stop_nap(THREAD_MOVE_NS);
    }
    thread_stop_list(stop);
    stop->how = stop->count ? VMT_STOP_SIGNAL : VMT_STOP_ALONE;
    return true;
}

bool thread_stop_end_signal(void)
{
    __atomic_store_n(&current, NULL, __ATOMIC_RELEASE);
    next_round();
    for (int i = 0; i < LEAVE_TRIES && __atomic_load_n(&inside, __ATOMIC_ACQUIRE); i++)
        thread_stop_nap(THREAD_NAP_NS);
    give_back();
    return __atomic_load_n(&inside, __ATOMIC_ACQUIRE) == 0;
}
