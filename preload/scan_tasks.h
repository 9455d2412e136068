/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks that a scan is made by.
 *
 * - At the end of the process nothing is copied.  Where there are no other threads, the one that
 *   ends the process scans.  Else a task that shares the memory (the tracer) stops them by ptrace,
 *   scans, and lets them go on.
 * - While the process runs, a task of the process itself (the keeper: the kernel clears away a
 *   thread without telling anybody, so no wait() of the program's ever sees it) starts the tracer
 *   and waits for its end.  The tracer stops the threads, forks the scanner, lets them go on, and
 *   waits for the scanner.  The thread that asked goes on when the scanner has its copy.
 *
 * All of them die with the task that started them.  Who waits for the tracer ends it if it hangs:
 * the threads that it has stopped go on then.
 */
#ifndef VMTRACE_SCAN_TASKS_H
#define VMTRACE_SCAN_TASKS_H

#include "scan_write.h"

/* How far a scan has come. */
enum scan_stage {
    SCAN_STAGE_STOPPING,
    SCAN_STAGE_REFUSED, /* by ptrace: who asked is to stop the threads */
    SCAN_STAGE_COPY,    /* they stand still */
    SCAN_STAGE_COPIED,
    SCAN_STAGE_FAILED,
    SCAN_STAGE_DONE,
};

/* What the scanner shares with the process. */
struct scan_shared {
    struct stream stream;
    uint64_t pause_ns;
};

struct scan_state {
    uint32_t busy;  /* not 0: a scan is under way; the kernel clears it when the keeper has ended */
    uint32_t stage; /* enum scan_stage; a futex */
    uint32_t asker_done; /* not 0: the thread that asked needs `work` no more; a futex */
    uint32_t tracing;    /* the kernel clears it when the tracer has ended; a futex */
    uint32_t permitted;  /* not 0: the tracer may begin; a futex */
    int error;           /* of the tracer */
    uint64_t pause_ns;
    struct scan_work *work;
    struct scan_shared *shared;
    uint64_t number;
    uint64_t left_out; /* bytes that the program does not let a copy have (MADV_DONTFORK) */
};

/* Of the one scan that there may be at a time. */
extern struct scan_state scan;

void scan_set_stage(enum scan_stage stage);
enum scan_stage scan_await_stage_after(enum scan_stage stage);
void scan_take_moment(void);
void scan_release_work(void);

/* At the end of the process: 0 when scan.work is done; ETIMEDOUT if the tracer hung and was ended;
 * EPERM: this way is barred. */
int scan_by_tracer(void);

/* Starts the keeper of a scan on demand: 0, or an errno.  When it has ended, scan.busy is 0. */
int scan_start_keeper(void);

#endif
