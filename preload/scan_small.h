/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan of a process that has hardly done anything: most programs of a test suite are such.
 *
 * To look through a whole address space costs 0.15 ms, mostly /proc/self/maps and the page tables,
 * a fifth of what the shortest program takes.  Where the few blocks that live can all be reached,
 * by pointers to where they begin, from the variables of the modules, the thread-local ones, the
 * stack and registers, no block is lost whatever else there is, and nothing else is looked at: 0.03
 * ms.  Else nothing is said, and the scan is the usual one.
 */
#ifndef VMTRACE_SCAN_SMALL_H
#define VMTRACE_SCAN_SMALL_H

#include "live_blocks.h"

struct scan_work;

enum { SCAN_SMALL_PAGE = 4096, SCAN_SMALL_RANGES = 64, SCAN_SMALL_PAGES = 256 };

struct scan_small_range {
    uint64_t start, end;
    const char *name; /* of its REGION record */
    unsigned pages;   /* index of its first page in `there` */
};

struct scan_small {
    size_t range_count, page_count;
    size_t reached, visited;                           /* entries of `order` */
    uint8_t order[LIVE_BLOCKS_MOST];                   /* reached blocks, as they were found */
    bool found[LIVE_BLOCKS_MOST];                      /* is it in `order`? */
    uint8_t there[SCAN_SMALL_PAGES];                   /* 1: the page may be read */
    struct scan_small_range ranges[SCAN_SMALL_RANGES]; /* by address */
    struct live_blocks live;                           /* its end is hardly ever touched */
};

/* Whether `work` may be done this way.  Not where other threads were stopped for it: one may have
 * the loader's lock. */
bool scan_small_prove(struct scan_work *work);

/* Then: the records between SCAN and SCAN_END. */
void scan_small_write(struct scan_work *work);

#endif
