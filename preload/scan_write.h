/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes one scan, of memory that stands still or as it is.
 */
#ifndef VMTRACE_SCAN_WRITE_H
#define VMTRACE_SCAN_WRITE_H

#include "scan_pages.h"
#include "scan_reader.h"
#include "scan_small.h"
#include "scan_space.h"
#include "scan_words.h"
#include "stack_bounds.h"
#include "thread_stop.h"

/* A scan that takes longer has gone wrong: so long, and what it has done at such a pace. */
#define SCAN_MOST_NS (UINT64_C(60) * 1000000000)

enum { SCAN_NAME_MAX = 1024, SCAN_TASK_STACK = 65536 };

/* What a scan works with: mapped for it, and touched only as far as it is needed.  What every scan
 * needs lies together, each page of it costs 1.5 microseconds. */
struct scan_work {
    struct thread_stop stop;
    enum vmt_scan reason;
    uint64_t number;
    struct stream *stream;
    uint64_t moment;    /* ticks */
    uint64_t began_ns;  /* when threads were first stopped */
    uint64_t *pause_ns; /* how long; 0: not known yet */
    bool copied;        /* it is done in a forked copy */
    uint64_t missing;   /* bytes that the copy has not */

    uint32_t asker; /* the thread that asked */
    uint64_t asker_stack, asker_pointer;
    const uint64_t *asker_values; /* of registers that are not on its stack */
    size_t asker_value_count;
    struct stack_bounds asker_bounds;

    uint64_t page_size;
    uint64_t search_ns;  /* when the writing began */
    uint64_t deadline;   /* monotonic, ns; later while the work goes on */
    uint64_t unreadable; /* bytes */
    int error;           /* the first one, an errno */
    struct scan_small small;
    struct scan_words words;
    char name[SCAN_NAME_MAX];
    struct scan_pages pages, shared_pages; /* the latter the process's own, where it is copied */
    struct smaps_parser parser;
    char text[8192]; /* of maps: the kernel gives no more than a page at once */
    char task_stack[SCAN_TASK_STACK] __attribute__((aligned(64)));
    struct scan_reader reader;
    struct scan_space space;
};

/* `frozen`: no task changes the memory meanwhile. */
void scan_write(struct scan_work *work, bool frozen);

/* Its parts.  The first error is kept. */
void scan_note_error(struct scan_work *work, int error);
void scan_memory_search(struct scan_work *work);
bool scan_write_threads(struct scan_work *work);
/* `file`: of which it is a part, or NULL. */
bool scan_write_region(struct scan_work *work, uint64_t start, uint64_t length, unsigned flags,
                       const struct smaps_region *file, const char *name, size_t name_length);

/* A scan that could not be made, and why. */
void scan_write_failure(struct stream *stream, enum vmt_scan reason, uint64_t number,
                        const char *name, int error);

#endif
