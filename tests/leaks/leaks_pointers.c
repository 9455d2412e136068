/* SPDX-License-Identifier: Apache-2.0 */
/* One block and one pointer: what shapes of a pointer keep it. */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "leak_case.h"

static void *volatile kept, *volatile kept_too;
static volatile uintptr_t word;

LEAK_CASE(no_pointer)
{
    leak_use(malloc(40));
}

LEAK_CASE(start_pointer)
{
    kept = malloc(40);
}

LEAK_CASE(interior_pointer)
{
    kept = (char *)malloc(40) + 8;
}

LEAK_CASE(last_byte_pointer)
{
    kept = (char *)malloc(40) + 39;
}

LEAK_CASE(past_end_pointer)
{
    kept = (char *)malloc(40) + 40;
}

LEAK_CASE(before_start_pointer)
{
    kept = (char *)malloc(40) - 1;
}

LEAK_CASE(start_and_interior_pointer)
{
    kept = malloc(40);
    kept_too = (char *)kept + 16;
}

LEAK_CASE(two_interior_pointers)
{
    kept = (char *)malloc(40) + 16;
    kept_too = (char *)kept + 8;
}

/* Pointers are looked for at multiples of 8 only. */
LEAK_CASE(misaligned_pointer)
{
    static struct __attribute__((packed, aligned(8))) {
        uint32_t before;
        void *pointer;
        uint32_t after;
    } record;
    record.pointer = malloc(40);
    leak_use(&record);
}

LEAK_CASE(tagged_low_bits)
{
    word = (uintptr_t)malloc(40) | 1;
}

LEAK_CASE(tagged_high_bits)
{
    word = (uintptr_t)malloc(40) | UINT64_C(0x1234) << 48;
}

LEAK_CASE(inverted_pointer)
{
    word = ~(uintptr_t)malloc(40);
}

LEAK_CASE(halved_pointer)
{
    static uint32_t halves[4];
    uintptr_t block = (uintptr_t)malloc(40);
    halves[1] = (uint32_t)block;
    halves[2] = block >> 32;
    leak_use(halves);
}

LEAK_CASE(overwritten_pointer)
{
    kept = malloc(40);
    kept = NULL;
}

LEAK_CASE(static_local)
{
    static void *here;
    here = malloc(40);
    leak_use(&here);
}

static void *initialised = &initialised;

LEAK_CASE(initialised_data)
{
    initialised = malloc(40);
    leak_use(&initialised);
}

LEAK_CASE(zero_size_kept)
{
    kept = malloc(0);
}

LEAK_CASE(zero_size_lost)
{
    leak_use(malloc(0));
}

LEAK_CASE(zero_size_interior)
{
    kept = (char *)malloc(0) + 1;
}

static NOINLINE void *take_aligned(size_t alignment, size_t size)
{
    void *block = NULL;
    return posix_memalign(&block, alignment, size) ? NULL : block;
}

LEAK_CASE(aligned_kept)
{
    kept = take_aligned(4096, 100);
    kept_too = aligned_alloc(64, 128);
}

LEAK_CASE(aligned_interior)
{
    kept = (char *)memalign(256, 1000) + 256;
}

LEAK_CASE(aligned_lost)
{
    leak_use(take_aligned(65536, 100));
}

LEAK_CASE(large_kept)
{
    kept = malloc(1 << 20);
}

LEAK_CASE(large_interior)
{
    kept = (char *)malloc(1 << 20) + (1 << 19);
}

LEAK_CASE(large_lost)
{
    leak_use(malloc(1 << 20));
}

static NOINLINE void *take_child(void)
{
    return malloc(24);
}

/* Pages in between were never touched. */
LEAK_CASE(large_holds_pointer)
{
    void **block = malloc(8 << 20);
    block[(7 << 20) / sizeof *block] = take_child();
    kept = block;
}

LEAK_CASE(large_lost_holds_pointer)
{
    void **block = malloc(8 << 20);
    block[(7 << 20) / sizeof *block] = take_child();
    leak_use(block);
}

LEAK_CASE(calloc_holds_pointer)
{
    void **block = calloc(100, sizeof *block);
    block[99] = take_child();
    kept = block;
}

/* Behind what was asked for, where malloc rounds up: not the block's. */
LEAK_CASE(slack_holds_pointer)
{
    char *block = calloc(1, 17);
    if (malloc_usable_size(block) >= 24)
        leak_use(block + 16);
    kept = block;
    leak_use(take_child());
}

LEAK_CASE(realloc_grown)
{
    char *block = NULL;
    for (size_t size = 16; size <= 100000; size *= 2)
        block = realloc(block, size);
    kept = block;
}

LEAK_CASE(realloc_grown_lost)
{
    char *block = NULL;
    for (size_t size = 16; size <= 100000; size *= 2)
        block = realloc(block, size);
    leak_use(block);
}

/* The pointer to the block as it was is left behind where the block moved. */
LEAK_CASE(realloc_old_pointer)
{
    kept = malloc(24);
    leak_use(malloc(24));
    leak_use(realloc(kept, 4000));
}

LEAK_CASE(realloc_shrunk)
{
    char *block = malloc(4000);
    kept_too = block + 2000;
    leak_use(realloc(block, 100));
}

LEAK_CASE(realloc_holds_pointers)
{
    void **table = NULL;
    for (size_t i = 0; i < 200; i++) {
        table = realloc(table, (i + 1) * sizeof *table);
        table[i] = take_child();
    }
    kept = table;
}

LEAK_CASE(strdup_kept_and_lost)
{
    kept = strdup("kept");
    leak_use(strndup("lost", 3));
}

/* sqlite's own accounting: the size in front, the program has the address behind it. */
LEAK_CASE(length_prefixed)
{
    uint64_t *block = malloc(sizeof *block + 32);
    block[0] = 32;
    kept = block + 1;
}

LEAK_CASE(length_prefixed_wrong)
{
    uint64_t *block = malloc(sizeof *block + 32);
    block[0] = 33;
    kept = block + 1;
}

LEAK_CASE(length_prefixed_children)
{
    void **block = malloc(4 * sizeof *block);
    block[0] = (void *)(uintptr_t)24;
    block[1] = take_child();
    block[2] = block[3] = NULL;
    kept = block + 1;
}

static NOINLINE void lose_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        leak_use(malloc(i % 100 + 1));
}

LEAK_CASE(many_sizes_lost)
{
    lose_all(1000);
}
