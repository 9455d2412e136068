/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why what lived at the judging scan was alive, and what hung off each thing outside the heap.
 *
 * Conventions as in query/report.h, which owns it all.  Sizes are those at the scan; an empty
 * block counts as one byte.
 * Over all roots, also those not listed:
 *     sum of nearest_bytes = sum of alone_bytes + shared_bytes = bytes
 *     alone_bytes <= nearest_bytes
 */
#ifndef VMTRACE_REPORT_RETENTION_H
#define VMTRACE_REPORT_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report_site;

enum report_root_kind {
    REPORT_ROOT_VARIABLE, /* global or static, of a binary */
    REPORT_ROOT_STACK,    /* of a thread */
    REPORT_ROOT_REGISTER,
    REPORT_ROOT_TLS,     /* a thread's variables of its own */
    REPORT_ROOT_MAPPING, /* memory that the program mapped */
    REPORT_ROOT_LOADER,  /* the dynamic loader's memory */
    REPORT_ROOT_OTHER,
    REPORT_ROOT_KINDS,
};

/* Something outside the heap that keeps blocks alive. */
struct report_root {
    enum report_root_kind kind;
    const char *name;               /* of the variable, or of the thread; NULL: not known */
    const char *module;             /* of a variable: path of the binary, or NULL */
    uint64_t offset;                /* in the module's file, of the pointer; else REPORT_UNKNOWN */
    uint64_t variable_offset;       /* of the pointer in the variable; REPORT_UNKNOWN: no name */
    uint64_t stack_offset;          /* of a stack: from the stack pointer; else REPORT_UNKNOWN */
    uint32_t tid;                   /* whose; 0: not a thread's, or not known */
    bool main_thread;               /* ... the first one's */
    const struct report_site *site; /* that made the mapping, or NULL */
    uint64_t pointers;              /* into the heap */
    uint64_t alone_bytes, alone_blocks;     /* that nothing else keeps alive */
    uint64_t nearest_bytes, nearest_blocks; /* that no other one has a shorter way to */
};

/* Blocks on the way, of one place in the program, however many of them point on to each other. */
struct report_step {
    const struct report_site *site;
    uint64_t bytes, blocks; /* reached by this way */
    uint64_t offset;        /* in the first of them, of the pointer that leads on; REPORT_UNKNOWN of
                               the last step */
};

#define REPORT_QUARTERS 4

/* Blocks that one line of source allocated, and how they are reached. */
struct report_kept {
    const struct report_site *site; /* by which there is most of it */
    size_t sites;
    uint64_t reachable_bytes, reachable_blocks, possible_bytes, possible_blocks;
    uint64_t retained_bytes, retained_blocks; /* they, and what lives only because of one of them */
    uint64_t quarters[REPORT_QUARTERS];       /* of the run up to the scan: of these bytes those
                                                 that came in each and still live */
    bool grows;              /* each quarter of the second half added some, and lately */
    struct report_root root; /* where the shortest way to most of it begins; its sums are 0 */
    bool possible;           /* that way leads through the middle of a block */
    size_t left_out;         /* of its steps, those next to the root */
    const struct report_step *steps; /* the last one is of the blocks themselves */
    size_t step_count;
    uint64_t way_bytes; /* reached by this way; the rest by others */
};

struct report_retention {
    uint64_t t_ns;                        /* of the scan */
    uint64_t bytes, blocks;               /* alive for a reason */
    uint64_t shared_bytes, shared_blocks; /* for several */
    const struct report_root *roots;      /* by nearest_bytes; the largest */
    size_t root_count, roots_left_out;
    const struct report_kept *kept; /* those that grow first, by bytes */
    size_t kept_count;
};

#endif
