/* SPDX-License-Identifier: Apache-2.0 */
/* Pointers that lie in memory which is nobody's any more. */
#include <stdlib.h>
#include <string.h>

#include "leak_case.h"

static void *volatile kept;

static NOINLINE void *take_child(void)
{
    return malloc(24);
}

/* Behind the words that the allocator itself uses in a free block. */
LEAK_CASE(pointer_in_freed_block)
{
    void **block = malloc(100 * sizeof *block);
    block[50] = take_child();
    free(block);
}

LEAK_CASE(pointer_in_freed_large_block)
{
    void **block = malloc(1 << 20);
    block[1000] = take_child();
    free(block);
}

LEAK_CASE(pointer_to_freed_block)
{
    void *block = malloc(40);
    kept = block;
    free(block);
}

/* The new block never writes what the old one left there: memcheck knows, memory does not. */
LEAK_CASE(stale_pointer_in_reused_block)
{
    void **block = malloc(100 * sizeof *block);
    block[50] = take_child();
    free(block);
    kept = malloc(100 * sizeof *block);
}

LEAK_CASE(stale_pointer_wiped_by_calloc)
{
    void **block = malloc(100 * sizeof *block);
    block[50] = take_child();
    free(block);
    kept = calloc(100, sizeof *block);
}

static NOINLINE void leave_in_frame(void)
{
    void *volatile local = malloc(40);
    leak_use(local);
}

LEAK_CASE(pointer_in_left_frame)
{
    leave_in_frame();
}

static NOINLINE void leave_deep(int depth)
{
    void *volatile local[16];
    memset((void *)local, 0, sizeof local);
    if (depth == 0)
        local[7] = malloc(40);
    else
        leave_deep(depth - 1);
    leak_use((void *)local);
}

LEAK_CASE(pointer_in_deep_left_frame)
{
    leave_deep(20);
}

/* The list that the allocator threads through its free blocks is no pointer of the program's. */
LEAK_CASE(free_lists)
{
    static void *blocks[64];
    for (int i = 0; i < 64; i++)
        blocks[i] = malloc(200);
    for (int i = 0; i < 64; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    for (int i = 1; i < 64; i += 4)
        blocks[i] = NULL;
}
