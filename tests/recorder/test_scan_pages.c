/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages have contents, by each of the ways to ask; and that a search ends when its time is
 * over, whatever the kernel says. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scan_pages.h"
#include "unit_main.h"

enum { PAGES = 40000 };

static struct scan_pages pages;
static char *memory;
static uint64_t page, start, end;

/* Every thousandth page, but for those from 1000 to 1003, which follow each other. */
static bool is_written(unsigned i)
{
    return i % 1000 == 0 || (i > 1000 && i <= 1003);
}

static void set_up(bool ioctl, bool pagemap)
{
    page = (uint64_t)getpagesize();
    memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
    for (unsigned i = 0; i < PAGES; i++) {
        if (is_written(i))
            memory[i * page] = 1;
    }
    start = (uint64_t)memory;
    end = start + PAGES * page;
    scan_pages_open(&pages, pagemap ? open("/proc/self/pagemap", O_RDONLY) : -1, false);
    pages.no_ioctl |= !ioctl;
    pages.deadline = UINT64_MAX;
}

static void tear_down(void)
{
    munmap(memory, PAGES * page);
    if (pages.fd >= 0)
        close(pages.fd);
}

static void check_all(void)
{
    struct scan_run run;
    unsigned found = 0;
    scan_pages_begin(&pages, start, end, end);
    while (scan_pages_next(&pages, &run)) {
        for (uint64_t at = run.start; at < run.end; at += page) {
            ck_assert(is_written((unsigned)((at - start) / page)));
            found++;
        }
    }
    ck_assert(!pages.gave_up);
    ck_assert_uint_eq(found, PAGES / 1000 + 3);
    ck_assert_int_eq(scan_pages_ask(&pages, start + 5 * page + 9), SCAN_PAGE_ABSENT);
    ck_assert_int_ne(scan_pages_ask(&pages, start + 1002 * page + 9), SCAN_PAGE_ABSENT);
    ck_assert_int_eq(scan_pages_ask(&pages, end - 1), SCAN_PAGE_ABSENT);
}

static const struct {
    bool ioctl, pagemap;
} ways[] = {{true, true}, {false, true}, {false, false}};

START_TEST(scan_pages_tells_each_page_once)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        set_up(ways[i].ioctl, ways[i].pagemap);
        check_all();
        tear_down();
    }
}
END_TEST

START_TEST(scan_pages_ends_in_time)
{
    struct scan_run run;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        set_up(ways[i].ioctl, ways[i].pagemap);
        pages.deadline = 0;
        scan_pages_begin(&pages, start, end, end);
        ck_assert(!scan_pages_next(&pages, &run));
        ck_assert(pages.gave_up);
        tear_down();
    }
}
END_TEST

UNIT_MAIN("scan_pages", scan_pages_tells_each_page_once, scan_pages_ends_in_time)
