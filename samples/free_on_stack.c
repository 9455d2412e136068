/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer on the stack is given to free().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./free_on_stack; vmtrace-report vmtrace.free_on_stack.*.vmt
 * Look for: in the error section "invalid-free" in drop(), "on the stack of the main thread"; the
 *           process ended by SIGABRT.
 */
#include <stdlib.h>
#include <sys/resource.h>

static __attribute__((noinline)) void drop(char *buffer)
{
    free(buffer); /* freed here */
}

int main(void)
{
    char buffer[64] __attribute__((aligned(16))) = "";
    char *volatile start = buffer + 16;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    drop(start);
    return 0;
}
