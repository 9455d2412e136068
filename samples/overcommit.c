/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overcommit: the kernel promises more memory than there is, as long as nobody
 * touches it, but not without any limit.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./overcommit; vmtrace-report vmtrace.overcommit.*.vmt
 * Look for: 64 GiB mapped by reserve_space() with an RSS of a few MiB, and one failed
 *           allocation, by ask_too_much().  (vm.overcommit_memory=2 refuses the first, too.)
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define RESERVED ((size_t)64 << 30)

static __attribute__((noinline)) void *reserve_space(void)
{
    return mmap(NULL, RESERVED, PROT_READ | PROT_WRITE, /* promised, never used */
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static __attribute__((noinline)) void *ask_too_much(void)
{
    volatile size_t size = PTRDIFF_MAX / 2; /* more than any address space */
    return malloc(size);                    /* refused */
}

int main(void)
{
    char *reserved = reserve_space();
    if (reserved != MAP_FAILED)
        reserved[0] = 1;
    return ask_too_much() ? 1 : 0;
}
