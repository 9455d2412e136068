/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block is given to realloc() after it was freed, and another owner has not come yet.  glibc does
 * not notice.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./realloc_freed; vmtrace-report vmtrace.realloc_freed.*.vmt
 * Look for: in the error section "realloc-after-free" in grow(), of a block of 40 bytes that
 *           make_block() allocated; with VMTRACE_FREE_STACKS=on also that forget() freed it.
 */
#include <stdlib.h>

static __attribute__((noinline)) char *make_block(void)
{
    return malloc(40); /* allocated here */
}

static __attribute__((noinline)) void forget(char *block)
{
    free(block); /* freed here */
}

static __attribute__((noinline)) char *grow(char *block)
{
    return realloc(block, 24); /* too late */
}

int main(void)
{
    char *volatile block = make_block();
    forget(block);
    block = grow(block);
    return 0;
}
