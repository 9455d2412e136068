/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a scan's ranges, by runs of pages. */
#include "process_files.h"
#include "scan_write.h"
#include "sys.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>

enum { STEP = 1 << 20 }; /* bytes between two looks at the clock */

#define WORDS_A_US 25 /* 200 MB/s: more time for what was done at such a pace */

/* Sets the time that the search may take with what it has done so far; false: it is over. */
static bool in_time(struct scan_work *work)
{
    uint64_t deadline = work->search_ns + SCAN_MOST_NS + work->words.words / WORDS_A_US * 1000;
    __atomic_store_n(&work->deadline, deadline, __ATOMIC_RELEASE);
    work->pages.deadline = work->shared_pages.deadline = deadline;
    if (sys_time_ns(CLOCK_MONOTONIC) < deadline)
        return true;
    scan_note_error(work, ETIMEDOUT);
    return false;
}

/* What may change or go away meanwhile is copied first. */
static bool search_copied(struct scan_work *work, uint64_t start, uint64_t end, uint32_t flags)
{
    uint64_t page = work->page_size;
    while (start < end) {
        uint64_t size = end - start < SCAN_PIECE ? end - start : SCAN_PIECE;
        uint64_t got =
            scan_reader_copy(&work->reader, work->reader.buffer, start, size) & -UINT64_C(8);
        if (!scan_words_search(&work->words, (const uint64_t *)work->reader.buffer, got / 8, start,
                               flags))
            return false;
        start += got;
        if (got < size) {
            uint64_t next = (start & -page) + page;
            work->unreadable += (next < end ? next : end) - start;
            start = next;
        }
    }
    return true;
}

static bool search_run(struct scan_work *work, uint64_t start, uint64_t end, uint32_t flags,
                       bool in_place)
{
    for (; start < end; start += STEP) {
        uint64_t stop = end - start < STEP ? end : start + STEP;
        bool going = in_place ? scan_words_search(&work->words, (const uint64_t *)start,
                                                  (stop - start) / 8, start, flags)
                              : search_copied(work, start, stop, flags);
        if (!going || !in_time(work))
            return false;
    }
    return true;
}

static bool search_range(struct scan_work *work, const struct scan_range *range, uint64_t horizon)
{
    bool shared = range->flags & SCAN_SHARED;
    struct scan_pages *pages = shared ? &work->shared_pages : &work->pages;
    struct scan_run run;
    uint64_t page = work->page_size;
    scan_pages_begin(pages, range->start & -page, (range->end + page - 1) & -page, horizon);
    while (scan_pages_next(pages, &run)) {
        uint64_t start = run.start > range->start ? run.start : (range->start + 7) & -UINT64_C(8);
        uint64_t end = run.end < range->end ? run.end : range->end & -UINT64_C(8);
        bool in_place = run.present && !shared && scan_reader_in_place(&work->reader);
        if (start < end && !search_run(work, start, end, range->flags, in_place))
            return false;
    }
    return true;
}

/* Shared mappings have no page tables in a forked copy before they are touched there. */
static void open_pagemaps(struct scan_work *work)
{
    scan_pages_open(&work->pages, process_file_open("pagemap"), false);
    work->reader.pages = &work->pages;
    char path[32];
    struct text text;
    text_init(&text, path, sizeof(path));
    text_add(&text, "/proc/");
    text_add_number(&text, work->stop.pid);
    text_add(&text, "/pagemap");
    int fd = work->pages.fd;
    if (work->copied)
        fd = process_files_know_pids() ? sys_open(path, O_RDONLY, 0) : -ENOENT;
    scan_pages_open(&work->shared_pages, fd, true);
}

static void close_pagemaps(struct scan_work *work)
{
    if (work->pages.gave_up || work->shared_pages.gave_up)
        scan_note_error(work, ETIMEDOUT);
    if (work->copied && work->shared_pages.fd >= 0)
        sys_close(work->shared_pages.fd);
    if (work->pages.fd >= 0)
        sys_close(work->pages.fd);
}

/* Where something large begins that is not to be searched. */
static uint64_t find_horizon(const struct scan_space *space, size_t i)
{
    while (i < space->count && !(space->ranges[i].flags & SCAN_BARRIER))
        i++;
    return i < space->count ? space->ranges[i].start : space->ranges[space->count - 1].end;
}

void scan_memory_search(struct scan_work *work)
{
    const struct scan_space *space = &work->space;
    uint64_t horizon = 0;
    open_pagemaps(work);
    in_time(work);
    for (size_t i = 0; i < space->count; i++) {
        const struct scan_range *range = &space->ranges[i];
        if (!(range->flags & SCAN_SEARCH))
            continue;
        if (horizon < range->end)
            horizon = find_horizon(space, i);
        if (!search_range(work, range, horizon) || !in_time(work))
            break;
    }
    close_pagemaps(work);
}
