/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways to stop threads share. */
#ifndef VMTRACE_THREAD_STOP_PARTS_H
#define VMTRACE_THREAD_STOP_PARTS_H

#include "thread_stop.h"

enum { THREAD_RUNNING, THREAD_STANDING, THREAD_GROUP_STOPPED, THREAD_GONE };

enum {
    THREAD_STOP_NS = 200 * 1000 * 1000,  /* for all threads to stand still */
    THREAD_LIST_NS = 1000 * 1000 * 1000, /* for no new ones to come */
    THREAD_SPIN_NS = 300 * 1000,         /* without sleeping */
    THREAD_NAP_NS = 50 * 1000,
    THREAD_MOVE_NS = 1000 * 1000, /* for a realloc to end */
    THREAD_MOVE_TRIES = 8,
};

struct stopped_thread *thread_stop_find(struct thread_stop *stop, uint32_t tid);
/* Is one within a realloc? */
bool thread_stop_is_any_moving(const struct thread_stop *stop);
/* A file of the thread's in /proc ("/stat"); false: it cannot be read. */
bool thread_stop_read(const struct thread_stop *stop, uint32_t tid, const char *name, char *buffer,
                      size_t size);
int thread_stop_list(struct thread_stop *stop);
void thread_stop_add_value(struct thread_stop *stop, struct stopped_thread *thread, uint64_t value);
void thread_stop_end_ptrace(struct thread_stop *stop);
/* False: a thread may still be looking at the struct. */
bool thread_stop_end_signal(void);
void thread_stop_nap(uint64_t ns);

#endif
