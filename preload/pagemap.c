/* SPDX-License-Identifier: Apache-2.0 */
#include "pagemap.h"

#include "pagemap_scan.h"
#include "sys.h"

#include <errno.h>

enum {
    ENTRIES = 4096,    /* read at once: 32 KiB, for 16 MiB of pages of 4 KiB */
    RANGES = 256,      /* asked for at once */
    HOLE_PAGES = 4096, /* worth a system call to jump over */
    SPARSE_RATIO = 8,  /* pages of address space to one in memory, where that is asked for */
};

/* Entries read of one region where the kernel cannot tell holes: 256 GiB, half a second. */
#define MOST_ENTRIES (UINT64_C(1) << 26)

static uint64_t entries[ENTRIES] SYS_TABLE;

static struct pagemap_range ranges[RANGES] SYS_TABLE;

static bool is_there(uint64_t entry)
{
    return entry >> 62;
}

static unsigned bits_of(uint64_t entry)
{
    return (entry >> 63 ? VMT_PAGE_PRESENT : 0) | (entry >> 62 & 1 ? VMT_PAGE_SWAPPED : 0) |
           (entry >> 61 & 1 ? VMT_PAGE_FILE : 0) | (entry >> 56 & 1 ? VMT_PAGE_EXCLUSIVE : 0);
}

static int read_pages(int fd, uint64_t start, uint64_t end, struct page_runs *runs)
{
    uint64_t page = runs->page_size;
    while (start < end) {
        uint64_t count = (end - start) / page;
        if (count > ENTRIES)
            count = ENTRIES;
        long got = sys_call(SYS_pread64, fd, (long)entries, (long)(count * sizeof(*entries)),
                            (long)(start / page * sizeof(*entries)), 0, 0);
        if (got < (long)sizeof(*entries))
            return got < 0 ? (int)got : -ENODATA;
        count = (uint64_t)got / sizeof(*entries);
        for (uint64_t i = 0; i < count; i++) {
            if (is_there(entries[i]))
                page_runs_add(runs, start + i * page, 1, bits_of(entries[i]));
        }
        start += count * page;
    }
    return 0;
}

/* Reads what lies between large holes. */
static int read_between_holes(int fd, uint64_t start, uint64_t end, struct page_runs *runs)
{
    struct pagemap_scan scan = {
        .size = sizeof(scan),
        .start = start,
        .end = end,
        .ranges = (uint64_t)ranges,
        .most_ranges = RANGES,
        .any_of = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_SWAPPED,
        .told = PAGEMAP_SCAN_PRESENT,
    };
    while (scan.start < end) {
        long count = sys_call(SYS_ioctl, fd, PAGEMAP_SCAN_CALL, (long)&scan, 0, 0, 0);
        if (count < 0)
            return (int)count;
        for (long i = 0; i < count;) {
            uint64_t first = ranges[i].start, last = ranges[i].end;
            while (++i < count && ranges[i].start - last < HOLE_PAGES * runs->page_size)
                last = ranges[i].end;
            int error = read_pages(fd, first, last, runs);
            if (error)
                return error;
        }
        if (scan.walk_end <= scan.start)
            return -EIO;
        scan.start = scan.walk_end;
    }
    return 0;
}

/* All pages are there and of one sort, as the sizes say: most heaps are so, and need no look at
 * each page. */
static unsigned uniform_bits(const struct smaps_region *region)
{
    const uint64_t *sizes = region->sizes;
    uint64_t own = sizes[SMAPS_PRIVATE_CLEAN] + sizes[SMAPS_PRIVATE_DIRTY];
    if (sizes[SMAPS_RSS] != region->length || own != region->length || sizes[SMAPS_SWAP])
        return 0;
    if (sizes[SMAPS_ANONYMOUS] == region->length)
        return VMT_PAGE_PRESENT | VMT_PAGE_EXCLUSIVE;
    return sizes[SMAPS_ANONYMOUS] ? 0 : VMT_PAGE_PRESENT | VMT_PAGE_EXCLUSIVE | VMT_PAGE_FILE;
}

int pagemap_read(int fd, const struct smaps_region *region, struct page_runs *runs)
{
    uint64_t start = region->start, end = start + region->length, page = runs->page_size;
    uint64_t there = region->sizes[SMAPS_RSS] + region->sizes[SMAPS_SWAP];
    if (!there)
        return 0;
    unsigned bits = uniform_bits(region);
    if (bits) {
        page_runs_add(runs, start, region->length / page, bits);
        return 0;
    }
    if (fd < 0)
        return fd;
    if (region->length / page > HOLE_PAGES && region->length / SPARSE_RATIO > there) {
        int error = read_between_holes(fd, start, end, runs);
        if (error != -ENOTTY && error != -EINVAL) /* an older kernel's answers, at once */
            return error;
    }
    uint64_t most = MOST_ENTRIES * page;
    int error = read_pages(fd, start, region->length > most ? start + most : end, runs);
    return error == 0 && region->length > most ? -ETIMEDOUT : error;
}
