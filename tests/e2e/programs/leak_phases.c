/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaks that grow: 3 blocks of 64 bytes in phase "first", 6 more in "second", none in "third";
 * a snapshot after each, and blocks that are released later in between.
 */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

static void *volatile slot;
static void *volatile kept[8];

static __attribute__((noinline)) void lose(int count)
{
    for (int i = 0; i < count; i++) {
        slot = malloc(64); /* lost */
        slot = NULL;
    }
}

static __attribute__((noinline)) void lose_once(void)
{
    slot = malloc(500); /* lost once */
    slot = NULL;
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char bytes[16384];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = 0;
}

static void run_phase(const char *name, int lost)
{
    vmtrace_phase_begin(name);
    for (int i = 0; i < 8; i++)
        kept[i] = malloc(100);
    lose(lost);
    clear_stack();
    vmtrace_phase_end(name);
    vmtrace_snapshot(name);
    for (int i = 0; i < 8; i++) {
        free(kept[i]);
        kept[i] = NULL;
    }
}

int main(void)
{
    run_phase("first", 3);
    run_phase("second", 6);
    lose_once();
    run_phase("third", 0);
    return 0;
}
