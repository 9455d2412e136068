/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transparent huge pages: 8 MiB touched page by page, once with huge pages asked
 * for and once with huge pages refused.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./huge_pages; vmtrace-report vmtrace.huge_pages.*.vmt
 * Look for: 2048 first touches of one mapping in touch_region(), 4 of the other, of a huge page
 * each (unless /sys/kernel/mm/transparent_hugepage/enabled says never).
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define SIZE (4 * HUGE_PAGE)

static __attribute__((noinline)) void after_huge_pages(void)
{
    free(malloc(10)); /* huge */
}

static __attribute__((noinline)) void after_small_pages(void)
{
    free(malloc(20)); /* small */
}

/* Maps SIZE bytes that begin at a huge page and touches them. */
static __attribute__((noinline)) int touch_region(int advice)
{
    char *region =
        mmap(NULL, SIZE + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        return -1;
    volatile char *begin = (char *)(((uintptr_t)region + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    madvise((void *)begin, SIZE, advice);
    for (size_t i = 0; i < SIZE; i += 4096)
        begin[i] = 1; /* touched */
    return 0;
}

int main(void)
{
    if (touch_region(MADV_HUGEPAGE))
        return 1;
    after_huge_pages();
    if (touch_region(MADV_NOHUGEPAGE))
        return 1;
    after_small_pages();
    return 0;
}
