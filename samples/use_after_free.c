/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Use after free, of a block so large that the C library has unmapped it.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./use_after_free; vmtrace-report vmtrace.use_after_free.*.vmt
 * Look for: in the error section "segfault" in use(), 500 bytes into a freed block of 1000000 bytes
 *           that make_block() allocated; with VMTRACE_FREE_STACKS=on also that forget() freed it.
 */
#include <stdlib.h>
#include <sys/resource.h>

static __attribute__((noinline)) char *make_block(void)
{
    return malloc(1000000); /* allocated here */
}

static __attribute__((noinline)) void forget(char *block)
{
    free(block); /* freed here */
}

static __attribute__((noinline)) void use(volatile char *block)
{
    block[500] = 1; /* crashes here */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *volatile block = make_block();
    forget(block);
    use(block);
    return 0;
}
