/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process itself: what the recorder found out about it and the machine, its arguments,
 * what was lost, and how it ended.
 */
#ifndef VMTRACE_MODEL_PROCESS_FACTS_H
#define VMTRACE_MODEL_PROCESS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "decode/event.h"

#define FACTS_MAX ((size_t)1024)
#define ARGUMENTS_MAX ((size_t)1 << 16)
#define LOSS_REASONS 8 /* > the largest VMT_LOST_*; 0 counts unknown ones */

struct fact {
    const char *key, *value;
};

struct argument {
    uint64_t index;
    const char *text;
};

struct loss {
    uint64_t records; /* LOST records of this reason */
    uint64_t error;   /* errno of the first */
};

/* All zero is what is known at first. */
struct process_facts {
    struct fact *facts; /* one per key, the newest value */
    size_t fact_count, fact_capacity;
    struct argument *arguments; /* in the order of their records */
    size_t argument_count, argument_capacity;
    struct loss losses[LOSS_REASONS];
    uint64_t forks;

    bool ended; /* there was an END record: */
    uint64_t end_how, end_status, end_minor, end_major, end_max_rss, end_user_ns, end_system_ns;
    int crash_signal; /* 0: no CRASH, or the process lived on to its END */
    bool replaced;    /* EXEC without EXEC_FAILED */
    const char *exec_path;
    bool fault_sources[3]; /* which enum vmt_fault_source threads had */
};

void process_facts_release(struct process_facts *facts);

/* Takes in FACT, ARGUMENT, FORK, EXEC, EXEC_FAILED, CRASH, END, LOST and FAULT_SOURCE.  False
 * when out of memory. */
bool process_facts_apply(struct process_facts *facts, struct arena *arena,
                         const struct event *event);

/* The value of a fact, or NULL. */
const char *process_facts_get(const struct process_facts *facts, const char *key);

#endif
