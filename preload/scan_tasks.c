/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_tasks.h"

#include "clock.h"
#include "sys.h"
#include "sys_task.h"
#include "thread_state.h"
#include "trace_file.h"
#include "trace_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
    KEEPER_STACK = 8192,
    SCANNER_SECONDS = 600, /* the longest that a copy may live */
    SCANNER_NICE = 10,
};

#define SECOND UINT64_C(1000000000)
/* For the tracer to stop the threads and to copy the process. */
#define COPY_NS (30 * SECOND)
/* Between the scan's own bound and the end that is put to it from outside. */
#define GRACE_NS (5 * SECOND)

enum {
    TRACER_FLAGS = CLONE_FILES | CLONE_UNTRACED | CLONE_CHILD_CLEARTID, /* no signal at its end */
    KEEPER_FLAGS = CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                   CLONE_UNTRACED | CLONE_CHILD_CLEARTID,
};

struct scan_state scan;

static char keeper_stack[KEEPER_STACK] __attribute__((aligned(64))) SYS_TABLE;

void scan_set_stage(enum scan_stage stage)
{
    __atomic_store_n(&scan.stage, (uint32_t)stage, __ATOMIC_RELEASE);
    sys_futex_wake(&scan.stage);
}

enum scan_stage scan_await_stage_after(enum scan_stage stage)
{
    uint32_t now;
    while ((now = __atomic_load_n(&scan.stage, __ATOMIC_ACQUIRE)) == (uint32_t)stage)
        sys_futex_wait(&scan.stage, (uint32_t)stage, SECOND);
    return (enum scan_stage)now;
}

void scan_take_moment(void)
{
    scan.work->moment = clock_now();
    clock_set_mark();
}

void scan_release_work(void)
{
    if (!scan.work->stop.in_use)
        sys_unmap(scan.work, sizeof(*scan.work));
    scan.work = NULL;
}

/* ---- the tracer ---- */

/* A table of descriptors of its own: what the tracer and the scanner open is no descriptor of the
 * program's, and they keep none of those open (Linux 5.9). */
static void leave_descriptors(void)
{
    if (!trace_open_is_held())
        sys_call(SYS_close_range, 0, ~0U, CLOSE_RANGE_UNSHARE, 0, 0, 0);
}

static void die_with_parent(void)
{
    sys_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
}

/* The Yama module lets only ancestors trace, and the task that a process has named: which one that
 * was, if any, cannot be asked, and is forgotten. */
static bool needs_permission(void)
{
    char scope[8];
    return sys_read_file("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) > 0 &&
           scope[0] == '1';
}

/* A tid, or a negated errno. */
static long start_tracer(int (*run)(void *))
{
    struct scan_work *work = scan.work;
    bool asks = needs_permission();
    scan.tracing = 1;
    scan.permitted = !asks;
    work->deadline = sys_time_ns(CLOCK_MONOTONIC) + COPY_NS;
    long tracer = sys_task_start(TRACER_FLAGS, work->task_stack, sizeof(work->task_stack), run,
                                 NULL, &scan.tracing);
    if (tracer > 0 && asks) {
        sys_call(SYS_prctl, PR_SET_PTRACER, tracer, 0, 0, 0, 0);
        __atomic_store_n(&scan.permitted, 2, __ATOMIC_RELEASE);
        sys_futex_wake(&scan.permitted);
    }
    return tracer;
}

static void begin_tracer(void)
{
    die_with_parent();
    leave_descriptors();
    while (!__atomic_load_n(&scan.permitted, __ATOMIC_ACQUIRE))
        sys_futex_wait(&scan.permitted, 0, SECOND);
    scan.work->began_ns = sys_time_ns(CLOCK_MONOTONIC);
}

/* False: it was ended, because it had not come to its end in time. */
static bool await_tracer(uint32_t tracer)
{
    bool ended = false;
    while (__atomic_load_n(&scan.tracing, __ATOMIC_ACQUIRE)) {
        uint64_t deadline = __atomic_load_n(&scan.work->deadline, __ATOMIC_ACQUIRE);
        sys_futex_wait(&scan.tracing, 1, SECOND);
        if (sys_time_ns(CLOCK_MONOTONIC) < deadline ||
            sys_time_ns(CLOCK_MONOTONIC) - deadline < GRACE_NS)
            continue;
        ended = true;
        sys_call(SYS_kill, tracer, SIGKILL, 0, 0, 0, 0);
    }
    sys_task_wait(tracer, &(int){0});
    if (scan.permitted == 2)
        sys_call(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0, 0);
    return !ended;
}

static int trace_at_exit(void *unused)
{
    (void)unused;
    struct scan_work *work = scan.work;
    begin_tracer();
    if (!thread_stop_by_ptrace(&work->stop)) {
        scan_set_stage(SCAN_STAGE_REFUSED);
        return 0;
    }
    scan_take_moment();
    scan_write(work, thread_stop_count(&work->stop) == work->stop.count);
    thread_stop_end(&work->stop);
    scan_set_stage(SCAN_STAGE_DONE);
    return 0;
}

int scan_by_tracer(void)
{
    if (scan_reader_is_filtered())
        return EPERM;
    scan.stage = SCAN_STAGE_STOPPING;
    long tracer = start_tracer(trace_at_exit);
    if (tracer < 0)
        return EPERM;
    if (!await_tracer((uint32_t)tracer))
        return ETIMEDOUT;
    return scan.stage == SCAN_STAGE_DONE ? 0 : EPERM;
}

/* ---- the scanner ---- */

/* It is to be ended if it hangs, and to be the first to go where memory is short; and not to be in
 * the way. */
static void limit_scanner(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {0};
    uint64_t alarm_signal = UINT64_C(1) << (SIGALRM - 1);
    struct itimerval limit = {{0, 0}, {SCANNER_SECONDS, 0}};
    die_with_parent();
    sys_call(SYS_rt_sigaction, SIGALRM, (long)&action, 0, sizeof(action.mask), 0, 0);
    sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&alarm_signal, 0, sizeof(alarm_signal), 0, 0);
    sys_call(SYS_setitimer, ITIMER_REAL, (long)&limit, 0, 0, 0, 0);
    sys_call(SYS_prctl, PR_SET_NAME, (long)"vmtrace-scan", 0, 0, 0, 0);
    sys_call(SYS_setpriority, PRIO_PROCESS, 0, SCANNER_NICE, 0, 0, 0);
    int fd = sys_open("/proc/self/oom_score_adj", O_WRONLY, 0);
    if (fd >= 0) {
        sys_write(fd, "1000", 4);
        sys_close(fd);
    }
}

static void scan_copy(void)
{
    struct scan_work *work = scan.work;
    limit_scanner();
    work->copied = true;
    work->missing = scan.left_out;
    work->stream = &scan.shared->stream;
    work->pause_ns = &scan.shared->pause_ns;
    scan_write(work, true);
    stream_trim(work->stream, false);
    trace_file_release(&work->stream->region);
    sys_task_exit(0);
}

/* ---- on demand: tracer and keeper ---- */

/* Also lets go on what was too late for the stop, and would otherwise stand still as long as the
 * tracer lives. */
static void wait_for_scanner(uint32_t scanner)
{
    for (;;) {
        int status = 0;
        long found = sys_call(SYS_wait4, -1, (long)&status, __WALL, 0, 0, 0);
        if (found == (long)scanner && !WIFSTOPPED(status))
            return;
        if (found < 0 && found != -EINTR)
            return;
        if (found > 0 && found != (long)scanner && WIFSTOPPED(status))
            thread_stop_late((uint32_t)found, status);
    }
}

static int trace_for_copy(void *unused)
{
    (void)unused;
    struct scan_work *work = scan.work;
    begin_tracer();
    bool traced = !scan_reader_is_filtered() && thread_stop_by_ptrace(&work->stop);
    if (!traced) {
        scan_set_stage(SCAN_STAGE_REFUSED);
        scan_await_stage_after(SCAN_STAGE_REFUSED);
    }
    scan_take_moment();
    long scanner = sys_task_fork();
    if (scanner == 0)
        scan_copy();
    if (traced) {
        thread_stop_end(&work->stop);
        __atomic_store_n(&scan.shared->pause_ns, sys_time_ns(CLOCK_MONOTONIC) - work->began_ns,
                         __ATOMIC_RELEASE);
    }
    if (scanner < 0)
        scan.error = (int)-scanner;
    __atomic_store_n(&work->deadline, UINT64_MAX, __ATOMIC_RELEASE); /* the scanner has its own */
    scan_set_stage(scanner < 0 ? SCAN_STAGE_FAILED : SCAN_STAGE_COPIED);
    if (scanner > 0)
        wait_for_scanner((uint32_t)scanner);
    return 0;
}

static int keep(void *unused)
{
    (void)unused;
    struct scan_work *work = scan.work;
    work->stop.spared[1] = sys_tid();
    long tracer = start_tracer(trace_for_copy);
    bool in_time = tracer < 0 || await_tracer((uint32_t)tracer);
    if (__atomic_load_n(&scan.stage, __ATOMIC_ACQUIRE) == SCAN_STAGE_COPIED) {
        scan_set_stage(SCAN_STAGE_DONE);
    } else if (!scan.error) {
        scan.error = tracer < 0 ? (int)-tracer : in_time ? ECANCELED : ETIMEDOUT;
        scan_set_stage(SCAN_STAGE_FAILED);
    }
    while (!__atomic_load_n(&scan.asker_done, __ATOMIC_ACQUIRE))
        sys_futex_wait(&scan.asker_done, 0, SECOND);
    scan_release_work();
    return 0;
}

/* Memory that the process and its copies see alike. */
static bool ready_shared(void)
{
    if (!scan.shared) {
        long memory = sys_call(SYS_mmap, 0, sizeof(*scan.shared), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        uint32_t id = memory < 0 && memory > -4096 ? UINT32_MAX : thread_stream_reserve();
        if (id == UINT32_MAX)
            return false;
        scan.shared = (struct scan_shared *)memory;
        scan.shared->stream.id = id;
        scan.shared->stream.magic = STREAM_MAGIC;
        scan.shared->stream.next_region = 1;
        scan.shared->stream.nodes.next = scan.shared->stream.nodes_written = VMT_NODE_FIRST;
    }
    struct stream *stream = &scan.shared->stream;
    stream->region = (struct trace_region){0}; /* was mapped in another process */
    stream->cursor = stream->limit = stream->pause_at = NULL;
    stream->lost = stream->retry_at = 0;
    stream->tid = sys_tid();
    scan.shared->pause_ns = 0;
    return true;
}

int scan_start_keeper(void)
{
    scan.asker_done = 0;
    scan.stage = SCAN_STAGE_STOPPING;
    if (!ready_shared())
        return ENOMEM;
    long keeper =
        sys_task_start(KEEPER_FLAGS, keeper_stack, sizeof(keeper_stack), keep, NULL, &scan.busy);
    return keeper < 0 ? (int)-keeper : 0;
}
