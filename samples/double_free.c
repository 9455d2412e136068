/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A double free.  The C library notices and aborts the program.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./double_free; vmtrace-report vmtrace.double_free.*.vmt
 * Look for: in the error section "double-free" of a block of 40 bytes, freed by
 *           second_owner(), allocated by make_block(); the process ended by SIGABRT.
 */
#include <stdlib.h>
#include <sys/resource.h>

static __attribute__((noinline)) char *make_block(void)
{
    return malloc(40); /* allocated here */
}

static __attribute__((noinline)) void first_owner(char *block)
{
    free(block); /* freed here */
}

static __attribute__((noinline)) void second_owner(char *block)
{
    free(block); /* freed again here */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *volatile block = make_block();
    first_owner(block);
    second_owner(block);
    return 0;
}
