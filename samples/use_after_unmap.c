/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Use after unmap: a page is read after it was given back.  Segmentation fault.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./use_after_unmap; vmtrace-report
 * vmtrace.use_after_unmap.*.vmt Look for: in the error section "segfault" in read_page() with the
 * address of the page; the process ended by SIGSEGV, and the leak of keep_block() is reported as
 * well: the trace is complete up to the crash.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

static __attribute__((noinline)) void *keep_block(void)
{
    return malloc(123); /* live at the crash */
}

static __attribute__((noinline)) int read_page(const volatile char *page)
{
    return page[16]; /* crashes here */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    void *volatile kept = keep_block();
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!kept || page == MAP_FAILED)
        return 1;
    page[16] = 1;
    munmap(page, 4096);
    return read_page(page);
}
