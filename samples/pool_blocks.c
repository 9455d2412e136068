/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator of the program's own: fixed cells cut out of one big block.  The
 * calls tell vmtrace of each cell, so that cells have owners and can leak.
 * Shows vmtrace_pool_create(), _alloc(), _resize() and _free().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./pool_blocks; vmtrace-report vmtrace.pool_blocks.*.vmt
 * Look for: in the pools section "cells" with 10 blocks announced, 4 released, one of the
 *           others resized from 16 to 24 bytes; with --show-leak-kinds=all make_cell() in the
 *           leaks with its pool's name, still reachable as the block is that it was cut out of.
 */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

enum { CELLS = 10, CELL = 32 };

struct cell_pool {
    char *memory;
    unsigned used;
    vmtrace_pool handle;
};

static __attribute__((noinline)) void *make_cell(struct cell_pool *pool, size_t size)
{
    void *cell = pool->memory + CELL * pool->used++;
    vmtrace_pool_alloc(pool->handle, cell, size); /* announced */
    return cell;
}

static __attribute__((noinline)) void grow_cell(struct cell_pool *pool, void *cell, size_t size)
{
    vmtrace_pool_resize(pool->handle, cell, cell, size); /* resized in place */
}

static __attribute__((noinline)) void drop_cell(struct cell_pool *pool, void *cell)
{
    vmtrace_pool_free(pool->handle, cell); /* released */
}

int main(void)
{
    void *cells[CELLS];
    static struct cell_pool pool; /* outlives main: so do the pointers to its memory */
    pool.memory = malloc(CELLS * CELL);
    pool.handle = vmtrace_pool_create("cells");
    if (!pool.memory)
        return 1;
    for (int i = 0; i < CELLS; i++)
        cells[i] = make_cell(&pool, 16);
    for (int i = 0; i < 4; i++)
        drop_cell(&pool, cells[i]);
    grow_cell(&pool, cells[5], 24);
    return 0;
}
