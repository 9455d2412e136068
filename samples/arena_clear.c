/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: blocks are handed out one by one and released all at once.
 * Shows vmtrace_pool_clear().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./arena_clear; vmtrace-report vmtrace.arena_clear.*.vmt
 * Look for: in the pools section "request arena" with 3 x 20 blocks, of which the 20 of the
 *           last request are live: it was never cleared.  Peak 2000 bytes.
 */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

struct arena {
    char memory[4096];
    size_t used;
    vmtrace_pool handle;
};

static __attribute__((noinline)) void *arena_take(struct arena *arena, size_t size)
{
    void *block = arena->memory + arena->used;
    arena->used += size;
    vmtrace_pool_alloc(arena->handle, block, size); /* from the arena */
    return block;
}

static __attribute__((noinline)) void arena_clear(struct arena *arena)
{
    arena->used = 0;
    vmtrace_pool_clear(arena->handle);
}

int main(void)
{
    static struct arena arena;

    arena.handle = vmtrace_pool_create("request arena");
    for (int request = 0; request < 3; request++) {
        for (int i = 0; i < 20; i++)
            arena_take(&arena, 100);
        if (request < 2)
            arena_clear(&arena);
    }
    return 0;
}
