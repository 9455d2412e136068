/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings: what a pipeline shall hear of, from one report or from many.
 *
 * A leak or memory error of several processes with the same call stack is one finding that knows
 * its processes.  Everything is copied out of the reports, so that each may be freed before the
 * next is made: memory grows with distinct findings, not with processes.
 */
#ifndef VMTRACE_GATE_FINDING_H
#define VMTRACE_GATE_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash_map.h"
#include "query/report.h"

enum finding_kind { FINDING_LEAK, FINDING_ERROR, FINDING_GROWTH };

/* Against a baseline. */
enum finding_state {
    FINDING_UNCOMPARED, /* there is none */
    FINDING_NEW,
    FINDING_GROWN, /* more of it than the baseline has */
    FINDING_KNOWN,
};

struct finding_stack {
    struct report_frame *frames; /* innermost first; `number` means nothing */
    size_t count;
    bool cut;
};

struct finding {
    enum finding_kind kind;
    enum report_leak_class class; /* of a leak */
    const char *rule;   /* "definite-leak", "double-free", ...: never renamed, users filter by it */
    const char *detail; /* of an error, or NULL */
    const char *allocator;                                   /* of a leak: "malloc", "new[]", ... */
    uint64_t address;                                        /* of an error, or REPORT_UNKNOWN */
    uint64_t count;                                          /* of an error: how often */
    uint64_t bytes, blocks, indirect_bytes, indirect_blocks; /* of all processes */
    uint64_t worst_bytes, worst_blocks;                      /* the most in one process */
    struct finding_stack stack, allocated, freed;
    const char *key;      /* what it is called in a baseline: finding_key */
    uint64_t fingerprint; /* of the key, and of which one it is of several with that key */
    uint32_t *processes;  /* indices in the set, rising */
    size_t process_count, process_room;
    enum finding_state state;
    bool fatal; /* it trips the gate: gate_judge */
};

struct finding_process {
    uint32_t pid, ppid;
    const char *exe;     /* or NULL */
    const char *command; /* the arguments, separated by blanks */
    const char *const *argv;
    size_t argc;
    const char *trace;
    enum report_end end;
    int exit_status, signal;
    uint64_t start_ns, duration_ns; /* the start since the epoch */
    uint64_t allocations, bytes_allocated, frees, live_bytes, live_blocks;
    uint64_t class_bytes[REPORT_LEAK_UNSCANNED + 1], class_blocks[REPORT_LEAK_UNSCANNED + 1];
    uint64_t suppressed_bytes, suppressed_blocks; /* of leaks */
    size_t suppressed;                            /* leaks and errors: call stacks */
    const char *unchecked;                        /* why its leaks cannot be judged, or NULL */
    bool unread;                                  /* nothing at all is known of it */
};

struct finding_set {
    struct arena *arena;
    struct finding *findings;
    size_t count, room;
    struct finding_process *processes;
    size_t process_count, process_room;
    struct hash_map index; /* hash of rule and stacks -> first finding */
};

bool finding_set_init(struct finding_set *set);
void finding_set_release(struct finding_set *set);

/* Takes in what is not suppressed.  False when out of memory. */
bool finding_set_add(struct finding_set *set, const struct report *report);

/* A process that left no trace that can be read.  `pid` may be 0. */
bool finding_set_add_unread(struct finding_set *set, uint32_t pid, const char *trace,
                            const char *why);

/* After the last report: sorts (errors, then leaks by class and bytes), sets fingerprints, and
 * finds processes that went on as a program that left no trace: they are unchecked. */
bool finding_set_finish(struct finding_set *set);

/* The frame a reader should look at first: of the program's own frames the innermost one with a
 * line, else the innermost; else of all frames the innermost with a line; or NULL. */
const struct report_frame *finding_place(const struct finding_stack *stack);

/* "definite-leak" of REPORT_LEAK_DEFINITE, ... */
const char *finding_leak_rule(enum report_leak_class class);

/* One sentence: "96 bytes in 3 blocks are definitely lost, allocated by parse_row". */
char *finding_message(struct arena *arena, const struct finding *finding);

/* A string from class and functions that stays the same when lines move, binaries are rebuilt or
 * loaded elsewhere.  Lines of it are separated by '\n'.  NULL when out of memory. */
char *finding_key(struct arena *arena, const struct finding *finding);

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FINDING_HASH_BASIS UINT64_C(0xcbf29ce484222325)
uint64_t finding_hash(uint64_t hash, const void *bytes, size_t size);

#endif
