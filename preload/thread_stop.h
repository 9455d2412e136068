/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes all other threads of the process stand still for a moment, and takes their registers.
 *
 * By ptrace, from a task of its own that shares the process's memory: system calls that were
 * interrupted go on as after a stop signal, which only epoll_wait and a few others show as EINTR.
 * Else by a signal that the program does not use, whose handler waits: more system calls show that.
 * One stop at a time.
 */
#ifndef VMTRACE_THREAD_STOP_H
#define VMTRACE_THREAD_STOP_H

#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    THREAD_STOP_MOST = 32768,
    THREAD_STOP_VALUES = 262144, /* of registers of all of them that look like addresses */
};

struct stopped_thread {
    uint32_t tid;
    uint8_t flags; /* VMT_THREAD_* */
    uint8_t state; /* thread_stop.c's */
    bool moving;   /* inside realloc: the block is neither here nor there */
    int signal;    /* that it was about to be given */
    uint64_t stack_pointer, thread_pointer;
    uint32_t first_value, value_count;
};

struct thread_stop {
    struct stopped_thread threads[THREAD_STOP_MOST];
    uint64_t values[THREAD_STOP_VALUES];
    uint32_t pid;
    uint32_t spared[2]; /* tids that go on: who asked and who keeps */
    enum vmt_stop how;
    bool in_use; /* its memory must stay */
    size_t count;
    size_t value_count;
};

/* `pid` is the process's; `spared` may be 0. */
void thread_stop_begin(struct thread_stop *stop, uint32_t pid, const uint32_t spared[2]);

/* False: not permitted; nothing was stopped. To be called in a task that is no thread of the
 * process. */
bool thread_stop_by_ptrace(struct thread_stop *stop);
/* In any task, also the one that asked. */
bool thread_stop_by_signal(struct thread_stop *stop);
/* Only lists them. */
void thread_stop_none(struct thread_stop *stop);

/* Lets them go on.  Threads that ptrace could not stop in time stay traced until the calling task
 * ends: it is to give what wait4 says of others to thread_stop_late. */
void thread_stop_end(struct thread_stop *stop);
void thread_stop_late(uint32_t tid, int status);

/* How many of the threads stand still. */
size_t thread_stop_count(const struct thread_stop *stop);

#endif
