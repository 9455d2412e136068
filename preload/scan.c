/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include "clock.h"
#include "exit_frame.h"
#include "housekeeping.h"
#include "record.h"
#include "scan_tasks.h"
#include "settings.h"
#include "sys.h"
#include "sys_task.h"
#include "thread_registers.h"
#include "thread_state.h"
#include "trace_file.h"

#include <errno.h>
#include <string.h>

enum { WAIT_SECONDS = 60 }; /* for a scan under way, by who can wait */

static bool wanted(void)
{
    return settings.scan != SETTINGS_SCAN_OFF && recording != RECORDING_OFF &&
           sys_pid() == trace_pid;
}

/* Is there a block that somebody could have lost? */
static bool has_blocks(void)
{
    for (uint32_t i = 0; i < thread_stream_count(); i++) {
        const struct stream *stream = thread_stream(i);
        if (stream && (stream->last_address || stream->sequence > 1))
            return true;
    }
    return false;
}

static bool claim(void)
{
    uint32_t idle = 0;
    return __atomic_compare_exchange_n(&scan.busy, &idle, 1, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

static void let_go(void)
{
    __atomic_store_n(&scan.busy, 0, __ATOMIC_RELEASE);
    if (!thread_is_only_one())
        sys_futex_wake(&scan.busy);
}

void scan_wait(void)
{
    uint64_t began = sys_time_ns(CLOCK_MONOTONIC);
    uint32_t busy;
    while ((busy = __atomic_load_n(&scan.busy, __ATOMIC_ACQUIRE)) != 0 &&
           sys_time_ns(CLOCK_MONOTONIC) - began < WAIT_SECONDS * UINT64_C(1000000000))
        sys_futex_wait(&scan.busy, busy, UINT64_C(100000000));
}

void scan_note_left_out(size_t bytes, bool out)
{
    uint64_t before = __atomic_load_n(&scan.left_out, __ATOMIC_RELAXED), after;
    do {
        after = out ? before + bytes : before - (bytes < before ? bytes : before);
    } while (!__atomic_compare_exchange_n(&scan.left_out, &before, after, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}

void scan_forked(void)
{
    sys_unmap(scan.shared, sizeof(*scan.shared));
    sys_unmap(scan.work, sizeof(*scan.work));
    memset(&scan, 0, sizeof(scan));
}

/* ---- the beginning ---- */

/* Must be called by a function that has saved its caller's registers and does not return before the
 * scan's copy is made. */
static __attribute__((noinline)) bool prepare(enum vmt_scan reason, const char *name)
{
    if (scan.work)
        scan_release_work();
    struct scan_work *work = scan.work = sys_map(sizeof(*work));
    if (!work)
        return false;
    work->reason = reason;
    work->number = ++scan.number;
    strncpy(work->name, name, sizeof(work->name) - 1);
    work->pause_ns = &scan.pause_ns;
    work->asker = sys_tid();
    work->asker_stack = (uint64_t)__builtin_frame_address(0);
    work->asker_pointer = thread_registers_pointer();
    stack_bounds_find(&work->asker_bounds);
    work->began_ns = sys_time_ns(CLOCK_MONOTONIC);
    scan.pause_ns = 0;
    scan.error = 0;
    uint32_t spared[2] = {work->asker, 0};
    thread_stop_begin(&work->stop, trace_pid, spared);
    return true;
}

/* Has the process no thread but this one? */
static bool is_alone(void)
{
    if (thread_is_only_one())
        return true;
    thread_stop_none(&scan.work->stop);
    return scan.work->stop.how == VMT_STOP_ALONE;
}

/* ---- on demand ---- */

/* Where ptrace is refused: the thread that asked stops the others. */
static void stop_here(struct scan_work *work)
{
    if (!thread_stop_by_signal(&work->stop))
        thread_stop_none(&work->stop);
    scan_set_stage(SCAN_STAGE_COPY);
    scan_await_stage_after(SCAN_STAGE_COPY);
    thread_stop_end(&work->stop);
    __atomic_store_n(&scan.shared->pause_ns, sys_time_ns(CLOCK_MONOTONIC) - work->began_ns,
                     __ATOMIC_RELEASE);
}

/* 0, or an errno.  The keeper's end is the scan's. */
static __attribute__((noinline)) int scan_by_copy(enum vmt_scan reason, const char *name)
{
    if (!prepare(reason, name)) {
        let_go();
        return ENOMEM;
    }
    int error = scan_start_keeper();
    if (error) {
        scan_release_work();
        let_go();
        return error;
    }
    if (scan_await_stage_after(SCAN_STAGE_STOPPING) == SCAN_STAGE_REFUSED)
        stop_here(scan.work);
    __atomic_store_n(&scan.asker_done, 1, __ATOMIC_RELEASE);
    sys_futex_wake(&scan.asker_done);
    if (reason == VMT_SCAN_LSAN)
        scan_await_stage_after(SCAN_STAGE_COPIED);
    return scan.error;
}

/* ---- who asks ---- */

/* What the tracer cannot do: the signal, or nothing, is to stop the threads. */
static void scan_here(struct scan_work *work)
{
    if (!thread_stop_by_signal(&work->stop))
        thread_stop_none(&work->stop);
    scan_take_moment();
    scan_write(work, work->stop.how != VMT_STOP_NONE &&
                         thread_stop_count(&work->stop) == work->stop.count);
    thread_stop_end(&work->stop);
}

/* `frame`: NULL, or where the program's own part of the stack begins. */
static __attribute__((noinline)) void scan_in_place(struct stream *stream, enum vmt_scan reason,
                                                    const char *name,
                                                    const struct exit_frame *frame)
{
    if (!prepare(reason, name)) {
        scan_write_failure(stream, reason, ++scan.number, name, ENOMEM);
        return;
    }
    struct scan_work *work = scan.work;
    work->stream = stream;
    if (frame && frame->stack_pointer) {
        work->asker_stack = frame->stack_pointer;
        work->asker_values = frame->values;
        work->asker_value_count = frame->count;
    }
    if (is_alone()) {
        scan_take_moment();
        scan_write(work, true);
    } else {
        int error = scan_by_tracer();
        if (error == ETIMEDOUT)
            scan_write_failure(stream, reason, work->number, name, error);
        else if (error)
            scan_here(work);
    }
    if (reason != VMT_SCAN_EXIT) /* then all memory is about to go: once is enough */
        scan_release_work();
}

void scan_at_exit(struct stream *stream, const struct exit_frame *frame)
{
    uint64_t mask;
    if (!wanted() || !has_blocks())
        return;
    sys_block_signals(&mask);
    scan_wait();
    if (claim()) {
        __builtin_unwind_init();
        scan_in_place(stream, VMT_SCAN_EXIT, "", frame);
        let_go();
    } else {
        scan_write_failure(stream, VMT_SCAN_EXIT, ++scan.number, "", EBUSY);
    }
    sys_restore_signals(&mask);
}

static int take(struct stream *stream, enum vmt_scan reason, const char *name)
{
    if (thread_state.moving)
        return EAGAIN; /* a handler within realloc: the block is neither here nor there */
    if (reason != VMT_SCAN_SIGNAL)
        scan_wait();
    if (!claim())
        return EBUSY;
    if (!clock_is_confirmed())
        housekeeping_confirm_clock(stream);
    __builtin_unwind_init();
    if (reason == VMT_SCAN_LSAN && thread_is_only_one()) {
        scan_in_place(stream, reason, name, NULL);
        let_go();
        return 0;
    }
    return scan_by_copy(reason, name);
}

int scan_take(enum vmt_scan reason, const char *name)
{
    struct stream *stream = wanted() && has_blocks() ? thread_enter(0, 0, RECORDING_PAUSED) : NULL;
    if (!stream)
        return 0;
    uint64_t mask;
    sys_block_signals(&mask);
    int error = take(stream, reason, name);
    if (error)
        scan_write_failure(stream, reason, ++scan.number, name, error);
    sys_restore_signals(&mask);
    thread_leave(stream);
    return error;
}
