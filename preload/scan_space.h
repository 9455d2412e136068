/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address space as a scan sees it: which ranges are looked through, and which may hold blocks.
 *
 *     scan_space_begin(&space, path of the trace);
 *     scan_space_add(&space, &region);         for each line of /proc/self/maps
 *     scan_space_take_out(&space, ...);        then, in any order
 *     scan_space_finish(&space);
 */
#ifndef VMTRACE_SCAN_SPACE_H
#define VMTRACE_SCAN_SPACE_H

#include "smaps_parser.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a range is good for. */
enum {
    SCAN_SEARCH = 1,   /* it may hold pointers that count */
    SCAN_TARGET = 2,   /* blocks may lie in it */
    SCAN_CONSTANT = 4, /* data of a file that nobody writes: tables of functions */
    SCAN_CODE = 8,
    SCAN_SHARED = 16,  /* its pages may change, and go, at any time */
    SCAN_STACK = 32,   /* the first thread's */
    SCAN_BARRIER = 64, /* large, and perhaps full of pages that are not to be searched */
};

struct scan_range {
    uint64_t start, end;
    uint32_t flags;
};

enum { SCAN_MOST_RANGES = 393216 }; /* six times what the kernel permits by default */

struct scan_space {
    const char *trace_name;         /* its last part */
    int error;                      /* errno of what makes it of no use, or 0 */
    uint64_t low, high;             /* TARGET and CONSTANT lie between */
    uint64_t stack_low, stack_high; /* the first thread's */
    /* Three lists, one behind the other, so that small ones share a page: mappings, then parts and
     * the flags that go out there, then the result, by address, in which neighbours are unlike each
     * other. */
    struct scan_range *parts, *ranges;
    size_t mapping_count, part_count, count; /* of `ranges` */
    struct scan_range lists[SCAN_MOST_RANGES];
};

void scan_space_begin(struct scan_space *space, const char *trace_path);
void scan_space_add(struct scan_space *space, const struct smaps_region *region);

/* [start, end) loses these flags. */
void scan_space_take_out(struct scan_space *space, uint64_t start, uint64_t end, uint32_t flags);
/* `deadline`: monotonic, ns. */
void scan_space_finish(struct scan_space *space, uint64_t deadline);

/* Instead of all that: blocks lie in [start, end). */
void scan_space_only(struct scan_space *space, uint64_t start, uint64_t end);

/* Is it within the bounds of all targets and constants? */
static inline bool scan_space_may_hold(const struct scan_space *space, uint64_t address)
{
    return address - space->low < space->high - space->low;
}

/* The range that `address` lies in, or NULL. */
const struct scan_range *scan_space_find(const struct scan_space *space, uint64_t address);

/* Its flags, or 0. */
static inline uint32_t scan_space_flags(const struct scan_space *space, uint64_t address)
{
    const struct scan_range *range = scan_space_find(space, address);
    return range ? range->flags : 0;
}

#endif
