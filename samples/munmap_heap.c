/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that malloc returned is given to munmap(), and then used.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./munmap_heap; vmtrace-report vmtrace.munmap_heap.*.vmt
 * Look for: in the error section "munmap-of-heap" in give_back(), of a block that make_block()
 *           allocated, and the segmentation fault that came of it in use().
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { PAGE = 4096, SIZE = 1 << 20 };

static __attribute__((noinline)) char *make_block(void)
{
    return malloc(SIZE); /* allocated here */
}

static __attribute__((noinline)) void give_back(char *block)
{
    uintptr_t page = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;
    munmap((void *)page, SIZE / 2); /* unmapped here */
}

static __attribute__((noinline)) void use(volatile char *block)
{
    block[2 * PAGE] = 1; /* crashes here */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *volatile block = make_block();
    give_back(block);
    use(block);
    return 0;
}
