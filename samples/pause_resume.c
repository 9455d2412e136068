/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pause and resume: what happens in between is not recorded, except that blocks
 * which are known already are released.  Shows vmtrace_pause() and vmtrace_resume().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./pause_resume; vmtrace-report vmtrace.pause_resume.*.vmt
 *           and with VMTRACE_START=paused: then only after_pause() is seen.
 * Look for: before_pause() with 5 allocations, all freed although that was during the
 *           pause; after_pause() with 3, all live; nothing of during_pause().
 */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

static __attribute__((noinline)) void *before_pause(void)
{
    return malloc(10); /* seen, and its release too */
}

static __attribute__((noinline)) void *during_pause(void)
{
    return malloc(20); /* not seen */
}

static __attribute__((noinline)) void *after_pause(void)
{
    return malloc(30); /* seen */
}

/* Volatile: unrolled loops would be several call sites. */
static volatile int more = 3;

int main(void)
{
    void *volatile before[5], *volatile during[7], *volatile after[3];

    for (int i = 0; i < 5; i++)
        before[i] = before_pause();
    vmtrace_pause();
    for (int i = 0; i < 7; i++)
        during[i] = during_pause();
    for (int i = 0; i < 5; i++)
        free(before[i]);
    vmtrace_resume();
    for (int i = 0; i < more; i++)
        after[i] = after_pause();
    for (int i = 0; i < 7; i++)
        free(during[i]);
    return after[2] ? 0 : 1;
}
