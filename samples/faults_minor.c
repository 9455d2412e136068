/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Minor page faults: the first write to each of 1000 fresh pages.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./faults_minor; vmtrace-report vmtrace.faults_minor.*.vmt
 * Look for: in the fault section 999 first touches by touch_pages() of the heap memory of
 *           fresh_pages(), and one by malloc, which writes its header into the first page.
 */
#include <stdlib.h>
#include <unistd.h>

enum { PAGES = 1000 };

static __attribute__((noinline)) char *fresh_pages(size_t page)
{
    return malloc(PAGES * page); /* faulted in later */
}

static __attribute__((noinline)) void touch_pages(volatile char *pages, size_t page)
{
    for (size_t i = 0; i < PAGES; i++)
        pages[i * page] = 1; /* touched */
}

int main(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = fresh_pages(page);
    if (!pages)
        return 1;
    touch_pages(pages, page);
    free(pages);
    return 0;
}
