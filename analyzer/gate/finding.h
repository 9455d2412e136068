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

/* To who asks for his own findings only; else MINE or SYSTEMS. */
enum finding_whose {
    FINDING_MINE,
    FINDING_UNKNOWN, /* for want of debug information; counts */
    FINDING_OTHERS,
    FINDING_SYSTEMS, /* where nobody asks: no frame outside of the system's binaries; counts */
};

struct finding_stack {
    struct report_frame *frames; /* innermost first; `number` means nothing */
    size_t count;
    bool cut;
};

/* How much of one key there was in one process.  Compilers may make one place of several, so lines
 * do not count. */
struct finding_tally {
    uint32_t process;                     /* the last one that had any */
    uint64_t newest_bytes, newest_blocks; /* in it; of errors: how often */
    uint64_t worst_bytes, worst_blocks;   /* the most in any */
};

struct finding {
    enum finding_kind kind;
    enum report_leak_class class; /* of a leak */
    const char *rule;   /* "definite-leak", "double-free", ...: never renamed, users filter by it */
    const char *detail; /* of an error, or NULL */
    const char *hint;   /* what to do about a stack of it that is missing, or NULL */
    const char *allocator;   /* of a leak: "malloc", "new[]", ... */
    uint64_t address;        /* of an error, or REPORT_UNKNOWN */
    uint64_t count;          /* of an error: how often */
    uint64_t bytes, blocks;  /* of all processes */
    uint64_t indirect_bytes; /* of other findings: what hangs on definite ones */
    struct finding_stack stack, allocated, freed;
    const char *key;             /* what it is called in a baseline: finding_key */
    struct finding_tally *tally; /* of all with that key */
    uint64_t fingerprint;        /* of the key, and of which one it is of several with that key */
    uint32_t *processes;         /* indices in the set, rising */
    size_t process_count, process_room;
    enum finding_state state;
    enum finding_whose whose; /* of one that would else be fatal: gate_judge */
    bool fatal;               /* it trips the gate: gate_judge */
};

struct finding_process {
    uint32_t pid, ppid;
    const char *exe;     /* or NULL */
    const char *command; /* the arguments, separated by blanks */
    const char *const *argv;
    size_t argc;
    const char *trace;
    const char *parent_trace; /* what a forked one has from its parent was read from it, or NULL */
    enum report_end end;
    int exit_status, signal;
    uint64_t start_ns, duration_ns; /* the start since the epoch */
    uint64_t allocations, bytes_allocated, frees, live_bytes, live_blocks;
    uint64_t class_bytes[REPORT_LEAK_UNSCANNED + 1], class_blocks[REPORT_LEAK_UNSCANNED + 1];
    uint64_t suppressed_bytes, suppressed_blocks; /* of leaks */
    size_t suppressed;                            /* leaks and errors: call stacks */
    const char *successor; /* REPORT_END_EXEC: a program that cannot be traced, or NULL */
    const char *unchecked; /* why its leaks cannot be judged, or NULL */
    uint64_t count;        /* 1, but for several that left no trace and are told together */
    bool unread;           /* nothing at all is known of it */
};

/* Seen by the parent only, or several of them; or still running (ppid 0). */
struct finding_untraced {
    uint32_t pid, ppid; /* pid 0: not known, or several */
    const char *path, *reason;
    uint64_t start_ns, count;
};

struct finding_set {
    struct arena *arena;
    struct finding *findings;
    size_t count, room;
    struct finding_process *processes;
    size_t process_count, process_room;
    struct finding_untraced *untraced;
    size_t untraced_count, untraced_room;
    bool unjudged;         /* nothing tripped the gate, but too little was checked to pass it */
    struct hash_map index; /* hash of rule and stacks -> first finding */
    struct hash_map keys;  /* hash of a key -> a finding of it */
};

bool finding_set_init(struct finding_set *set);
void finding_set_release(struct finding_set *set);

/* Takes in what is not suppressed.  False when out of memory. */
bool finding_set_add(struct finding_set *set, const struct report *report);

/* A new process of the set, of which nothing is known yet; NULL when out of memory. */
struct finding_process *finding_set_process(struct finding_set *set);

/* A process that left no trace that can be read; the file at `path` may be something else.  `pid`
 * may be 0. */
bool finding_set_add_unread(struct finding_set *set, uint32_t pid, const char *path, bool is_trace,
                            const char *why);

/* A process that no trace tells of: unchecked, unless it left one.  `pid` may be 0. */
bool finding_set_add_untraced(struct finding_set *set, uint32_t pid, const char *command,
                              const char *reason);

/* After the last report: sorts (errors, then leaks by class and bytes), sets fingerprints, and
 * finds processes that went on as a program that left no trace: they are unchecked.  So are
 * children that left none at all; these become processes of the set, one for each path and reason.
 */
bool finding_set_finish(struct finding_set *set);

/* How many processes were checked, and how many could not be. */
size_t finding_set_checked(const struct finding_set *set);
uint64_t finding_set_unchecked(const struct finding_set *set);

/* The frame a reader should look at first: of the program's own frames the innermost one with a
 * line, else the innermost; else of all frames the innermost with a line; or NULL. */
const struct report_frame *finding_place(const struct finding_stack *stack);

/* "app --quick two words": the command without the program's folder.  Part of `process`. */
const char *finding_process_name(const struct finding_process *process);

/* "definite-leak" of REPORT_LEAK_DEFINITE, ... */
const char *finding_leak_rule(enum report_leak_class class);

/* One sentence: "96 bytes in 3 blocks are definitely lost, allocated by parse_row". */
char *finding_message(struct arena *arena, const struct finding *finding);

/* The binary's name without folder and version: libfoo.so of /usr/lib/libfoo.so.1.2. */
const char *finding_module(const char *module, size_t *length);

/* A string from class and functions that stays the same when lines move, binaries are rebuilt, by
 * another compiler, too, or loaded elsewhere: "definite-leak\nparse @ app\nmain @ app\n".  NULL
 * when out of memory. */
char *finding_key(struct arena *arena, const struct finding *finding);

#endif
