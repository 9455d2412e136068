/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write far behind the last block of the heap.  Segmentation fault.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./write_past_end; vmtrace-report vmtrace.write_past_end.*.vmt
 * Look for: in the error section "segfault" in use(), 8192 bytes past the end of a block of 130000
 *           bytes that make_block() allocated.
 */
#include <stdlib.h>
#include <sys/resource.h>

enum { SIZE = 130000 }; /* nearly all of the 132 KiB that glibc's heap begins with */

static __attribute__((noinline)) char *make_block(void)
{
    return malloc(SIZE); /* allocated here */
}

static __attribute__((noinline)) void use(volatile char *block)
{
    block[SIZE + 8192] = 1; /* crashes here */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *volatile block = make_block();
    use(block);
    return 0;
}
