/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lazy allocation: malloc hands out addresses, touching makes memory of them.
 * Two blocks of 32 MiB, of which only the second is written to.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./lazy; vmtrace-report vmtrace.lazy.*.vmt
 * Look for: live bytes of 32 and 64 MiB at the last two snapshots, but an RSS that grows
 *           by 32 MiB only; about 8192 minor faults (4 KiB pages) hang on touched_block(),
 *           next to none on untouched_block().
 */
#include <stdlib.h>
#include <string.h>
#include <vmtrace/vmtrace.h>

#define SIZE (32u << 20) /* bytes; malloc maps a block of this size by itself */

static __attribute__((noinline)) char *untouched_block(void)
{
    return malloc(SIZE); /* never touched */
}

static __attribute__((noinline)) char *touched_block(void)
{
    return malloc(SIZE); /* touched */
}

int main(void)
{
    vmtrace_snapshot("before");
    char *untouched = untouched_block();
    vmtrace_snapshot("untouched");
    char *touched = touched_block();
    if (!touched || !untouched)
        return 1;
    memset(touched, 1, SIZE);
    vmtrace_snapshot("touched");

    /* A fault counts for the thread's next event: the release of the block just touched. */
    free(touched);
    free(untouched);
    return 0;
}
