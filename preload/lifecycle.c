/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle.h"

#include "clock.h"
#include "crash.h"
#include "exec_target.h"
#include "exit_frame.h"
#include "facts.h"
#include "fault_report.h"
#include "faultcount.h"
#include "housekeeping.h"
#include "lsan.h"
#include "modules.h"
#include "real.h"
#include "record.h"
#include "residency.h"
#include "sample.h"
#include "scan.h"
#include "settings.h"
#include "snapshot_signal.h"
#include "sys.h"
#include "thread_state.h"
#include "trace_open.h"
#include "unfollowed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int started;           /* 0, 1 while and after set-up */
static uint64_t parent_trace; /* trace_id of the process we were forked from */

static void on_exit_handler(int status, void *context)
{
    (void)context;
    lifecycle_end(VMT_EXIT_EXIT, status);
}

static int quick_status;

void lifecycle_note_quick_exit(int status)
{
    quick_status = status;
}

static void quick_exit_handler(void)
{
    lifecycle_end(VMT_EXIT_QUICK, quick_status);
}

/* What is executed is to be left alone: it must not find us in LD_PRELOAD.  The variable is cut
 * in place, in the environment that will be handed on. */
static void remove_from_preload(void)
{
    for (char **entry = environ; *entry; entry++) {
        if (strncmp(*entry, "LD_PRELOAD=", 11) == 0)
            exec_target_leave(*entry + 11);
    }
}

/* Opens the file and writes what every trace begins with. */
static bool begin_trace(void)
{
    if (!trace_file_create(parent_trace))
        return false;
    struct stream *stream = thread_state_setup();
    if (!stream) {
        settings_complain("cannot map memory for the recorder; the program runs untraced");
        return false;
    }
    facts_record(stream);
    lsan_record(stream);
    housekeeping_begin(stream);
    return true;
}

static bool set_up(void)
{
    if (!settings_load(environ))
        return false;
    if (real_is_sanitized()) {
        settings_complain(
            "the program is built with a sanitizer (address, thread, memory or leak); "
            "it runs untraced");
        return false;
    }
    clock_setup(settings.clock);
    if (!faultcount_setup(settings.faults)) {
        settings_complain(
            "VMTRACE_FAULTS=perf: the kernel refuses page-fault events here; it may be auto, "
            "rusage or off; the program runs untraced");
        return false;
    }
    if (!settings.follow_execs)
        remove_from_preload();
    callstack_setup();
    facts_setup();
    lsan_setup(environ);
    if (!begin_trace()) {
        faultcount_cancel();
        return false;
    }
    modules_scan(thread_state.stream);
    return true;
}

void lifecycle_start(void)
{
    int idle = 0;
    if (!environ ||
        !__atomic_compare_exchange_n(&started, &idle, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return;
    thread_state.flags |= THREAD_INTERNAL;
    bool ready = set_up();
    thread_state.flags &= ~(unsigned)THREAD_INTERNAL;
    if (!ready)
        return;
    sample_start(settings.sample);
    recording_switch(settings.start_paused ? RECORDING_PAUSED : RECORDING_ON);
    if (settings.start_paused)
        record_number(VMT_OP_PAUSE, 0);
    on_exit(on_exit_handler, NULL); /* registered first, so they run last */
    at_quick_exit(quick_exit_handler);
    record_all_releases(settings.free_stacks);
    crash_install();
    snapshot_signal_install();
}

static void begin(void)
{
    real_resolve();
    lifecycle_start();
}

/* A constructor of the highest priority.  Spelt out for the sake of its alignment: what is written
 * while the library is loaded then begins with a page, fits into it, and is one fault instead of
 * two. */
static void (*const constructor)(void)
    __attribute__((section(".init_array.00101"), aligned(4096), used)) = begin;

/* In the trace of its own. */
static void go_on(enum recording before)
{
    modules_repeat(thread_state.stream);
    recording_switch(before);
    if (before == RECORDING_PAUSED)
        record_number(VMT_OP_PAUSE, 0);
    unfollowed_write();
}

static void begin_child(void)
{
    uint64_t parent = trace_header ? trace_header->trace_id : 0;
    enum recording before = recording;
    trace_file_abandon();
    recording_switch(RECORDING_OFF);
    thread_state_after_fork();
    sample_forked();
    residency_forked();
    scan_forked();
    parent_trace = parent;
    if (!settings.follow_forks)
        trace_file_forget_parent();
    else if (begin_trace())
        go_on(before);
}

/* A signal handler that allocates or jumps out in the middle of it would do so unrecorded.  One
 * that came just before may have begun the trace itself. */
void lifecycle_forked(void)
{
    uint64_t before;
    sys_block_signals(&before);
    if (recording != RECORDING_OFF && (thread_state_forked() || sys_pid() != trace_pid))
        begin_child();
    sys_restore_signals(&before);
}

void lifecycle_check_fork(void)
{
    if (recording != RECORDING_OFF && sys_pid() != trace_pid)
        lifecycle_forked();
}

static void record_end(struct stream *stream, unsigned how, int status)
{
    struct rusage usage;
    sys_usage(RUSAGE_SELF, &usage);
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_END, 7 * VMT_VARINT_MAX))
        return;
    stream_record_number(&record, how);
    stream_record_number(&record, (uint64_t)(unsigned)status);
    stream_record_number(&record, (uint64_t)usage.ru_minflt);
    stream_record_number(&record, (uint64_t)usage.ru_majflt);
    stream_record_number(&record, (uint64_t)usage.ru_maxrss * 1024);
    stream_record_number(&record, (uint64_t)usage.ru_utime.tv_sec * 1000000000u +
                                      (uint64_t)usage.ru_utime.tv_usec * 1000u);
    stream_record_number(&record, (uint64_t)usage.ru_stime.tv_sec * 1000000000u +
                                      (uint64_t)usage.ru_stime.tv_usec * 1000u);
    stream_record_end(&record);
}

static void set_end_state(uint32_t state, uint32_t status)
{
    if (!trace_header)
        return;
    __atomic_store_n(&trace_header->end_status, status, __ATOMIC_RELAXED);
    __atomic_store_n(&trace_header->end_state, state, __ATOMIC_RELEASE);
}

/* Cuts the file behind what the calling thread wrote.  No signal handler may take new space
 * meanwhile. */
static void trim(struct stream *stream)
{
    uint64_t before;
    sys_block_signals(&before);
    stream_trim(stream, thread_stream_count() == 1 && thread_is_only_one());
    sys_restore_signals(&before);
}

static void scan_end(struct stream *stream, unsigned how, const struct exit_registers *registers)
{
    struct exit_frame frame;
    if (!lsan_wants_exit_scan(stream))
        return;
    exit_frame_find(&frame, registers, &stream->callstack, how != VMT_EXIT_UNDERSCORE);
    stream->node_count = 0; /* the stack in there is another one */
    scan_at_exit(stream, &frame);
}

static void write_end(struct stream *stream, unsigned how, int status,
                      const struct exit_registers *registers)
{
    scan_wait();
    modules_scan(stream);
    fault_report_all(stream);
    housekeeping_all_names(stream);
    housekeeping_last_sample(stream);
    if (!housekeeping_is_little())
        residency_take(stream, VMT_RESIDENCY_EXIT, "");
    scan_end(stream, how, registers);
    fault_report_all(stream); /* our own since, so that the parts add up to the totals */
    record_end(stream, how, status);
    trim(stream);
}

/* A signal handler that calls exit() in the midst of exit() goes on behind us: it comes before the
 * work at the end, or after it. */
void lifecycle_end_with(unsigned how, int status, const struct exit_registers *registers)
{
    uint64_t before;
    if (unfollowed_waits())
        lifecycle_check_fork();
    /* A vforked child shares our memory, but it is not the process that ends. */
    if (recording == RECORDING_OFF || sys_pid() != trace_pid)
        return;
    sys_block_signals(&before);
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    set_end_state(VMT_END_EXIT, (uint32_t)status);
    if (stream) {
        write_end(stream, how, status, registers);
        thread_leave(stream);
        settings_inform("%s: %lu KiB of trace, %lu events lost", trace_open_path(),
                        (unsigned long)(trace_file_bytes() / 1024),
                        (unsigned long)trace_header->lost_events);
    }
    sys_restore_signals(&before);
}

void lifecycle_not_ended(void)
{
    if (recording != RECORDING_OFF && sys_pid() == trace_pid)
        set_end_state(VMT_END_NONE, 0);
}

void lifecycle_exec(const char *path)
{
    snapshot_signal_before_exec();
    if (unfollowed_waits())
        lifecycle_check_fork();
    if (recording == RECORDING_OFF || sys_pid() != trace_pid)
        return;
    scan_wait();
    record_text(VMT_OP_EXEC, path ? path : "");
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    fault_report_all(stream);
    housekeeping_last_sample(stream);
    if (!housekeeping_is_little())
        residency_take(stream, VMT_RESIDENCY_EXIT, "");
    fault_report_all(stream); /* our own since */
    set_end_state(VMT_END_EXEC, 0);
    trim(stream);
    thread_leave(stream);
}

void lifecycle_exec_failed(int error)
{
    snapshot_signal_exec_failed();
    if (recording == RECORDING_OFF || sys_pid() != trace_pid)
        return;
    lifecycle_not_ended();
    record_number(VMT_OP_EXEC_FAILED, (uint64_t)error);
}

void lifecycle_crashed(int signal)
{
    set_end_state(VMT_END_SIGNAL, (uint32_t)signal);
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    modules_refresh(stream);
    fault_report_all(stream);
    housekeeping_sample(stream);
    residency_take(stream, VMT_RESIDENCY_EXIT, "");
    thread_leave(stream);
}

void lifecycle_module_closed(void)
{
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    modules_scan(stream);
    thread_leave(stream);
}
