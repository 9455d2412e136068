/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory given back and taken again: madvise(MADV_DONTNEED) drops the pages of
 * a mapping but not the mapping, so the next touch faults anew.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./madvise_return; vmtrace-report vmtrace.madvise_return.*.vmt
 * Look for: 4000 first touches in touch(), and 4000 of pages that main() gave back; an RSS that is
 *           16 MiB less at the snapshot "returned" than at the other two.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

enum { PAGES = 4000 };

static __attribute__((noinline)) void after_first_touch(void)
{
    free(malloc(10)); /* first */
}

static __attribute__((noinline)) void after_second_touch(void)
{
    free(malloc(20)); /* second */
}

static void touch(volatile char *pages, size_t page)
{
    for (size_t i = 0; i < PAGES; i++)
        pages[i * page] = 1; /* touched */
}

int main(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages =
        mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 1;
    madvise(pages, PAGES * page, MADV_NOHUGEPAGE);

    touch(pages, page);
    after_first_touch();
    vmtrace_snapshot("touched");
    madvise(pages, PAGES * page, MADV_DONTNEED); /* given back */
    vmtrace_snapshot("returned");
    touch(pages, page);
    after_second_touch();
    vmtrace_snapshot("touched again");
    munmap(pages, PAGES * page);
    return 0;
}
