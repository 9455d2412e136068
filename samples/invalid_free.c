/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An invalid free: a pointer into the middle of a block is given to free().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./invalid_free; vmtrace-report vmtrace.invalid_free.*.vmt
 * Look for: in the error section "invalid-free", 8 bytes into a block of 40 bytes that
 *           make_block() allocated; the process ended by SIGABRT.
 */
#include <stdlib.h>
#include <sys/resource.h>

static __attribute__((noinline)) char *make_block(void)
{
    return malloc(40); /* allocated here */
}

static __attribute__((noinline)) void drop_inner(char *pointer)
{
    free(pointer); /* not what malloc returned */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *volatile block = make_block();
    drop_inner(block + 8);
    return 0;
}
