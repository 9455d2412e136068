/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy on write: after fork the child shares its parent's pages until it writes
 * to them; each first write is a minor fault that copies a page.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./cow_fork; vmtrace-report vmtrace.cow_fork.*.vmt
 * Look for: two traces.  In the child's, 1000 minor faults on after_copying() although
 *           it allocated nothing big; in the parent's, next to none on after_waiting().
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 1000 };

static __attribute__((noinline)) void after_copying(void)
{
    free(malloc(10)); /* child */
}

static __attribute__((noinline)) void before_waiting(void)
{
    free(malloc(20));
}

static __attribute__((noinline)) void after_waiting(void)
{
    free(malloc(30)); /* parent */
}

int main(void)
{
    const size_t size = PAGES * (size_t)sysconf(_SC_PAGESIZE);
    char *shared = malloc(size);
    if (!shared)
        return 1;
    memset(shared, 1, size);
    before_waiting();

    pid_t child = fork();
    if (child < 0)
        return 1;
    if (child == 0) {
        memset(shared, 2, size);
        after_copying();
        free(shared);
        _exit(7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    after_waiting();
    free(shared);
    return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : 1;
}
