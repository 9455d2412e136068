/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_pages.h"

#include "sys.h"

#include <errno.h>
#include <unistd.h>

enum {
    ENTRIES = 2048, /* of the pagemap, or bytes of mincore / 8, that are asked for at once */
};

static uint64_t entries[ENTRIES] SYS_TABLE;

void scan_pages_open(struct scan_pages *pages, int fd, bool shared)
{
    pages->fd = fd;
    pages->shared = shared;
    pages->no_ioctl = fd < 0;
    pages->gave_up = false;
    pages->known = pages->looked = 0;
    pages->count = pages->used = 0;
}

static void forget(struct scan_pages *pages, uint64_t start)
{
    pages->known = pages->looked = start;
    pages->count = pages->used = 0;
}

/* What was found is still good; what lies between is not to be searched. */
void scan_pages_begin(struct scan_pages *pages, uint64_t start, uint64_t end, uint64_t horizon)
{
    if (start < pages->known || !pages->looked)
        forget(pages, start);
    if (start > pages->looked)
        pages->looked = start;
    /* It may begin in the page that the one before ended in. */
    while (pages->used > 0 && pages->found[pages->used - 1].end > start)
        pages->used--;
    pages->at = start;
    pages->end = end;
    pages->horizon = pages->shared || pages->no_ioctl || horizon < end ? end : horizon;
}

static long ask(const struct scan_pages *pages, struct pagemap_scan *scan, uint64_t end)
{
    *scan = (struct pagemap_scan){
        .size = sizeof(*scan),
        .start = pages->looked,
        .end = end,
        .ranges = (uint64_t)(pages->found + pages->count),
        .most_ranges = SCAN_PAGES_RANGES - pages->count,
        .inverted = pages->shared ? 0 : PAGEMAP_SCAN_FILE,
        .all_of = pages->shared ? 0 : PAGEMAP_SCAN_FILE,
        .any_of = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_SWAPPED,
        .told = PAGEMAP_SCAN_PRESENT,
    };
    return sys_call(SYS_ioctl, pages->fd, PAGEMAP_SCAN_CALL, (long)scan, 0, 0, 0);
}

static bool fill_by_ioctl(struct scan_pages *pages)
{
    struct pagemap_scan scan;
    long count = ask(pages, &scan, pages->horizon);
    if (count < 0) {
        pages->no_ioctl = true;
        pages->horizon = pages->end;
        return false;
    }
    pages->looked = scan.walk_end > pages->looked ? scan.walk_end : pages->horizon;
    pages->count += (unsigned)count;
    return true;
}

/* Appends a page, if it is wanted. */
static void add_page(struct scan_pages *pages, uint64_t address, uint64_t page, bool wanted,
                     bool present)
{
    if (!wanted)
        return;
    struct pagemap_range *last = pages->found + pages->count;
    uint64_t categories = present ? PAGEMAP_SCAN_PRESENT : 0;
    if (pages->count && last[-1].end == address && last[-1].categories == categories)
        last[-1].end += page;
    else
        pages->found[pages->count++] = (struct pagemap_range){address, address + page, categories};
}

/* False: the pagemap cannot be read. */
static bool fill_by_entries(struct scan_pages *pages, uint64_t page)
{
    uint64_t count = (pages->horizon - pages->looked) / page;
    count = count < ENTRIES ? count : ENTRIES;
    long got = sys_call(SYS_pread64, pages->fd, (long)entries, (long)(count * sizeof(*entries)),
                        (long)(pages->looked / page * sizeof(*entries)), 0, 0);
    if (got < (long)sizeof(*entries))
        return false;
    count = (uint64_t)got / sizeof(*entries);
    for (uint64_t i = 0; i < count && pages->count < SCAN_PAGES_RANGES; i++) {
        uint64_t entry = entries[i];
        bool file = entry >> 61 & 1;
        add_page(pages, pages->looked, page, entry >> 62 && (pages->shared || !file), entry >> 63);
        pages->looked += page;
    }
    return true;
}

/* Where a process may not see its own pagemap, because it may not be dumped: what is swapped out is
 * not told then, and file pages that nobody wrote to are. */
static bool fill_by_mincore(struct scan_pages *pages, uint64_t page)
{
    uint8_t *there = (uint8_t *)entries;
    uint64_t count = (pages->horizon - pages->looked) / page;
    count = count < sizeof(entries) ? count : sizeof(entries);
    if (sys_call(SYS_mincore, (long)pages->looked, (long)(count * page), (long)there, 0, 0, 0) < 0)
        return false;
    for (uint64_t i = 0; i < count && pages->count < SCAN_PAGES_RANGES; i++) {
        /* "present" would be what lies in the page cache, which may not be mapped: see scan_reader
         */
        add_page(pages, pages->looked, page, there[i] & 1, false);
        pages->looked += page;
    }
    return true;
}

static bool fill(struct scan_pages *pages)
{
    uint64_t page = (uint64_t)getpagesize();
    if (pages->no_ioctl || pages->count == SCAN_PAGES_RANGES)
        forget(pages, pages->looked);
    if (!pages->no_ioctl && fill_by_ioctl(pages))
        return true;
    return pages->fd >= 0 ? fill_by_entries(pages, page) : fill_by_mincore(pages, page);
}

bool scan_pages_next(struct scan_pages *pages, struct scan_run *run)
{
    for (;;) {
        while (pages->used < pages->count && pages->found[pages->used].end <= pages->at)
            pages->used++;
        if (pages->used < pages->count)
            break;
        if (pages->looked >= pages->end)
            return false;
        if (sys_time_ns(CLOCK_MONOTONIC) > pages->deadline || !fill(pages)) {
            pages->gave_up = true;
            return false;
        }
    }
    const struct pagemap_range *range = &pages->found[pages->used];
    if (range->start >= pages->end || pages->at >= pages->end)
        return false;
    run->start = range->start > pages->at ? range->start : pages->at;
    run->end = range->end < pages->end ? range->end : pages->end;
    run->present = range->categories & PAGEMAP_SCAN_PRESENT;
    pages->at = run->end;
    return true;
}

static enum scan_page ask_by_ioctl(const struct scan_pages *pages, uint64_t address, uint64_t page)
{
    struct pagemap_range range;
    struct pagemap_scan scan = {
        .size = sizeof(scan),
        .start = address,
        .end = address + page,
        .ranges = (uint64_t)&range,
        .most_ranges = 1,
        .inverted = PAGEMAP_SCAN_FILE,
        .all_of = PAGEMAP_SCAN_FILE,
        .any_of = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_SWAPPED,
        .told = PAGEMAP_SCAN_PRESENT,
    };
    long found = sys_call(SYS_ioctl, pages->fd, PAGEMAP_SCAN_CALL, (long)&scan, 0, 0, 0);
    if (found < 0)
        return SCAN_PAGE_UNKNOWN;
    return !found ? SCAN_PAGE_ABSENT : range.categories ? SCAN_PAGE_PRESENT : SCAN_PAGE_UNKNOWN;
}

static enum scan_page ask_by_entry(const struct scan_pages *pages, uint64_t address, uint64_t page)
{
    uint64_t entry;
    if (sys_call(SYS_pread64, pages->fd, (long)&entry, sizeof(entry),
                 (long)(address / page * sizeof(entry)), 0, 0) != sizeof(entry))
        return SCAN_PAGE_UNKNOWN;
    if (!(entry >> 62) || (entry >> 61 & 1))
        return SCAN_PAGE_ABSENT;
    return entry >> 63 ? SCAN_PAGE_PRESENT : SCAN_PAGE_UNKNOWN;
}

static enum scan_page ask_alone(const struct scan_pages *pages, uint64_t address)
{
    uint64_t page = (uint64_t)getpagesize();
    uint8_t there = 1;
    address &= -page;
    if (!pages->no_ioctl)
        return ask_by_ioctl(pages, address, page);
    if (pages->fd >= 0)
        return ask_by_entry(pages, address, page);
    long got = sys_call(SYS_mincore, (long)address, (long)page, (long)&there, 0, 0, 0);
    return got == 0 && !(there & 1) ? SCAN_PAGE_ABSENT : SCAN_PAGE_UNKNOWN;
}

enum scan_page scan_pages_ask(struct scan_pages *pages, uint64_t address)
{
    if (pages->no_ioctl || address < pages->known || address >= pages->looked)
        return ask_alone(pages, address);
    unsigned low = 0, high = pages->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (pages->found[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == pages->count || pages->found[low].start > address)
        return SCAN_PAGE_ABSENT;
    return pages->found[low].categories ? SCAN_PAGE_PRESENT : SCAN_PAGE_UNKNOWN;
}
