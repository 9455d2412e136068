/* SPDX-License-Identifier: Apache-2.0 */
/* See ptrace(2), "Stopped states"; the threads are seized, not attached to: no SIGSTOP is sent. */
#include "thread_stop_parts.h"

#include "sys.h"
#include "text.h"
#include "thread_registers.h"
#include "thread_state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static struct thread_registers registers SYS_TABLE;

static long trace(long request, uint32_t tid, long data)
{
    return sys_call(SYS_ptrace, request, tid, 0, data, 0, 0);
}

/* A thread that has ended is listed as long as nobody has taken note of it. */
static bool has_ended(const struct thread_stop *stop, uint32_t tid)
{
    char line[128];
    if (!thread_stop_read(stop, tid, "/stat", line, sizeof(line)))
        return true;
    const char *state = strrchr(line, ')'); /* the name before it may hold anything */
    return state && (state[2] == 'Z' || state[2] == 'X');
}

/* False: nobody may trace this thread, or somebody else does. */
static bool seize(const struct thread_stop *stop, struct stopped_thread *thread)
{
    if (trace(PTRACE_SEIZE, thread->tid, 0) == 0) {
        trace(PTRACE_INTERRUPT, thread->tid, 0);
        return true;
    }
    thread->state = THREAD_GONE;
    return has_ended(stop, thread->tid);
}

static bool is_stop_signal(int signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void note_status(struct stopped_thread *thread, int status)
{
    thread->signal = 0;
    if (!WIFSTOPPED(status))
        thread->state = THREAD_GONE;
    else if (status >> 16 == PTRACE_EVENT_STOP)
        thread->state = is_stop_signal(WSTOPSIG(status)) ? THREAD_GROUP_STOPPED : THREAD_STANDING;
    else {
        thread->state = THREAD_STANDING;
        thread->signal = status >> 16 ? 0 : WSTOPSIG(status);
    }
}

/* False: it still runs. */
static bool look_at(struct stopped_thread *thread)
{
    int status = 0;
    long found = sys_call(SYS_wait4, thread->tid, (long)&status, WNOHANG | __WALL, 0, 0, 0);
    if (found == 0)
        return false;
    if (found > 0)
        note_status(thread, status);
    else
        thread->state = THREAD_GONE;
    return true;
}

static void wait_for_all(struct thread_stop *stop)
{
    uint64_t began = sys_time_ns(CLOCK_MONOTONIC), now = began;
    for (size_t i = 0; i < stop->count && now - began < THREAD_STOP_NS;) {
        struct stopped_thread *thread = &stop->threads[i];
        if (thread->state != THREAD_RUNNING || look_at(thread)) {
            i++;
            continue;
        }
        now = sys_time_ns(CLOCK_MONOTONIC);
        if (now - began < THREAD_SPIN_NS)
            sys_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
        else
            thread_stop_nap(THREAD_NAP_NS);
    }
}

/* The word of thread_state in the thread whose thread pointer this is. */
static bool is_moving(uint64_t thread_pointer)
{
    const void *moving = NULL;
    uint64_t distance = (uint64_t)&thread_state.moving - thread_registers_pointer();
    struct iovec here = {&moving, sizeof(moving)};
    struct iovec there = {(void *)(thread_pointer + distance), sizeof(moving)};
    sys_call(SYS_process_vm_readv, sys_pid(), (long)&here, 1, (long)&there, 1, 0);
    return moving;
}

static bool is_stopped(const struct stopped_thread *thread)
{
    return thread->state == THREAD_STANDING || thread->state == THREAD_GROUP_STOPPED;
}

static void read_registers(struct thread_stop *stop, struct stopped_thread *thread)
{
    if (!is_stopped(thread) || !thread_registers_read(&registers, thread->tid))
        return;
    thread->stack_pointer = registers.stack_pointer;
    thread->thread_pointer = registers.thread_pointer;
    thread->moving = is_moving(registers.thread_pointer);
    thread->flags = VMT_THREAD_STOPPED | (registers.whole ? VMT_THREAD_REGISTERS : 0);
    for (size_t i = 0; i < registers.count; i++)
        thread_stop_add_value(stop, thread, registers.words[i]);
}

static void read_all(struct thread_stop *stop)
{
    stop->value_count = 0;
    for (size_t i = 0; i < stop->count; i++) {
        struct stopped_thread *thread = &stop->threads[i];
        thread->value_count = thread->flags = 0;
        thread->moving = false;
        read_registers(stop, thread);
    }
}

/* All that there are, until no new ones come.  Those that a thread which cannot be stopped goes on
 * to make are listed. */
static bool stop_all(struct thread_stop *stop)
{
    uint64_t began = sys_time_ns(CLOCK_MONOTONIC);
    int added;
    do {
        size_t first = stop->count;
        added = thread_stop_list(stop);
        for (size_t i = first; i < stop->count; i++) {
            if (!seize(stop, &stop->threads[i]))
                added = -1;
        }
        wait_for_all(stop);
    } while (added > 0 && sys_time_ns(CLOCK_MONOTONIC) - began < THREAD_LIST_NS);
    return added >= 0;
}

/* It may wait for a lock that a thread which stands still has. */
static void let_run(struct thread_stop *stop, bool all)
{
    for (size_t i = 0; i < stop->count; i++) {
        struct stopped_thread *thread = &stop->threads[i];
        if (thread->state != THREAD_STANDING || !(all || thread->moving))
            continue;
        trace(PTRACE_CONT, thread->tid, thread->signal);
        thread->signal = 0;
        thread->state = THREAD_RUNNING;
    }
    thread_stop_nap(all ? THREAD_MOVE_NS : THREAD_NAP_NS);
    for (size_t i = 0; i < stop->count; i++) {
        if (stop->threads[i].state == THREAD_RUNNING)
            trace(PTRACE_INTERRUPT, stop->threads[i].tid, 0);
    }
}

static void drop_gone(struct thread_stop *stop)
{
    size_t kept = 0;
    for (size_t i = 0; i < stop->count; i++) {
        if (stop->threads[i].state != THREAD_GONE)
            stop->threads[kept++] = stop->threads[i];
    }
    stop->count = kept;
}

bool thread_stop_by_ptrace(struct thread_stop *stop)
{
    stop->count = 0;
    if (!stop_all(stop)) {
        thread_stop_end_ptrace(stop);
        return false;
    }
    read_all(stop);
    for (unsigned i = 0; i < THREAD_MOVE_TRIES && thread_stop_is_any_moving(stop); i++) {
        let_run(stop, i % 2);
        if (!stop_all(stop))
            break;
        read_all(stop);
    }
    drop_gone(stop);
    stop->how = stop->count ? VMT_STOP_PTRACE : VMT_STOP_ALONE;
    return true;
}

void thread_stop_end_ptrace(struct thread_stop *stop)
{
    for (size_t i = 0; i < stop->count; i++) {
        struct stopped_thread *thread = &stop->threads[i];
        if (is_stopped(thread))
            trace(PTRACE_DETACH, thread->tid, thread->signal);
        if (thread->state != THREAD_GONE)
            thread->state = THREAD_RUNNING;
    }
}

void thread_stop_late(uint32_t tid, int status)
{
    struct stopped_thread thread = {.tid = tid};
    note_status(&thread, status);
    if (is_stopped(&thread))
        trace(PTRACE_DETACH, tid, thread.signal);
}
