/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragmentation: 40,000 blocks of 256 bytes, then all are freed but every 40th.
 * The survivors hold nearly every page of the heap.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./fragmentation; vmtrace-report vmtrace.fragmentation.*.vmt
 * Look for: small_block() with 1000 blocks, 250 KiB live at the end, while RSS is still
 *           near its peak of 10 MiB and more.
 */
#include <stdlib.h>
#include <string.h>
#include <vmtrace/vmtrace.h>

enum { BLOCKS = 40000, KEEP_EVERY = 40, SIZE = 256 };

char *blocks[BLOCKS];

static __attribute__((noinline)) char *small_block(void)
{
    return malloc(SIZE); /* one in 40 survives */
}

int main(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = small_block();
        if (!blocks[i])
            return 1;
        memset(blocks[i], 1, SIZE);
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (i % KEEP_EVERY != 0)
            free(blocks[i]);
    }
    vmtrace_snapshot("in holes");
    return 0;
}
