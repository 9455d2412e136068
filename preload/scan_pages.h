/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages have contents, for the search of pointers.
 *
 *     scan_pages_open(&pages, fd, shared);
 *     for each range, by rising address:
 *         scan_pages_begin(&pages, start, end, horizon);
 *         while (scan_pages_next(&pages, &run))
 *             use(run.start, run.end, run.present);
 *
 * The kernel is asked for as much at once as there is room for: of a small process, once.
 */
#ifndef VMTRACE_SCAN_PAGES_H
#define VMTRACE_SCAN_PAGES_H

#include "pagemap_scan.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCAN_PAGES_RANGES = 256 };

struct scan_pages {
    int fd;        /* of the pagemap, or a negated errno: then mincore is asked */
    bool no_ioctl; /* an older kernel */
    bool shared;
    bool gave_up;           /* some range was not told to its end */
    uint64_t deadline;      /* monotonic, ns: the caller's, and its to put off */
    uint64_t at, end;       /* what has not been told of the present range */
    uint64_t horizon;       /* how far one may look */
    uint64_t known, looked; /* `found` are all that there are in between */
    unsigned count, used;
    struct pagemap_range found[SCAN_PAGES_RANGES];
};

struct scan_run {
    uint64_t start, end;
    bool present; /* else it is swapped out, or something that cannot be read at all */
};

/* Of private ranges the pages that were written to or swapped out are wanted, of `shared` ones all
 * that are there. */
void scan_pages_open(struct scan_pages *pages, int fd, bool shared);

/* Up to `horizon` there is nothing that is large and not to be searched. */
void scan_pages_begin(struct scan_pages *pages, uint64_t start, uint64_t end, uint64_t horizon);
bool scan_pages_next(struct scan_pages *pages, struct scan_run *run);

enum scan_page { SCAN_PAGE_PRESENT, SCAN_PAGE_ABSENT, SCAN_PAGE_UNKNOWN };

/* The private page at `address`: ABSENT also if it is in memory, but as it is in a file. */
enum scan_page scan_pages_ask(struct scan_pages *pages, uint64_t address);

#endif
