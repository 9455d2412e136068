/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The middle of a global variable is given to free().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./free_global; vmtrace-report vmtrace.free_global.*.vmt
 * Look for: in the error section "invalid-free" in drop(), "48 bytes into the variable cache"; the
 *           process ended by SIGABRT.
 */
#include <stdlib.h>
#include <sys/resource.h>

static char cache[4096] __attribute__((aligned(4096)));

static __attribute__((noinline)) void drop(char *entry)
{
    free(entry); /* freed here */
}

int main(void)
{
    char *volatile entry = cache + 48;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    drop(entry);
    return 0;
}
