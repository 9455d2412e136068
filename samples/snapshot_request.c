/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: the program marks moments at which it wants to know what is live.
 * Shows vmtrace_snapshot().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./snapshot_request; vmtrace-report
 * vmtrace.snapshot_request.*.vmt Look for: three snapshots; between "empty" and "full" 50 blocks,
 * 50,000 bytes more are live, and at "drained" they are gone again.
 */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

enum { BLOCKS = 50 };

static __attribute__((noinline)) void *make_block(void)
{
    return malloc(1000);
}

int main(void)
{
    void *volatile blocks[BLOCKS];

    vmtrace_snapshot("empty");
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = make_block();
    vmtrace_snapshot("full");
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    vmtrace_snapshot("drained");
    return 0;
}
