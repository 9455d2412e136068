/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange_soak.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[SITES] = {"soak_malloc", "soak_calloc", "soak_memalign",
                                         "soak_realloc", "soak_handler"};

struct counts {
    uint64_t allocations, bytes, failed, live_blocks, live_bytes;
};

static struct counts total[SITES];
/* SITE_HANDLER's are the handler's alone, so that it does not interrupt an addition to them. */
static __thread struct counts mine[SITES] __attribute__((tls_model("initial-exec")));

#define ALLOCATES static __attribute__((noinline))

ALLOCATES void *soak_malloc(size_t size)
{
    return malloc(size);
}

ALLOCATES void *soak_calloc(size_t size)
{
    return calloc(1, size);
}

ALLOCATES void *soak_memalign(size_t size)
{
    return memalign(64, size);
}

ALLOCATES void *soak_realloc(void *old, size_t size)
{
    return realloc(old, size);
}

ALLOCATES void *soak_handler(size_t size)
{
    return malloc(size);
}

static uint32_t check_of(const struct block *block)
{
    return (uint32_t)((uintptr_t)block >> 4) ^ (uint32_t)block->size ^ block->site ^ 0x5a5a5a5a;
}

static struct block *begin(void *memory, enum site site, size_t size)
{
    struct block *block = memory;
    if (!block)
        _exit(92);
    block->site = site;
    block->size = size;
    block->check = check_of(block);
    mine[site].allocations++;
    mine[site].bytes += size;
    return block;
}

void soak_check(const struct block *block)
{
    if (block->check != check_of(block))
        _exit(93);
}

struct block *soak_allocate(enum site site, size_t size)
{
    static void *(*const allocate[SITES])(size_t) = {
        [SITE_MALLOC] = soak_malloc,
        [SITE_CALLOC] = soak_calloc,
        [SITE_MEMALIGN] = soak_memalign,
        [SITE_HANDLER] = soak_handler,
    };
    return begin(allocate[site](size), site, size);
}

struct block *soak_reallocate(struct block *block, size_t size)
{
    return begin(soak_realloc(block, size), SITE_REALLOC, size);
}

void soak_reallocate_in_vain(struct block *block)
{
    if (soak_realloc(block, PTRDIFF_MAX))
        _exit(94);
    mine[SITE_REALLOC].failed++;
}

void soak_free(struct block *block)
{
    soak_check(block);
    block->check = 0;
    free(block);
}

void soak_free_any(struct block *block)
{
    if (block)
        soak_free(block);
}

void soak_count_live(const struct block *block)
{
    if (!block)
        return;
    soak_check(block);
    total[block->site].live_blocks++;
    total[block->site].live_bytes += block->size;
}

void soak_thread_ends(void)
{
    for (int site = 0; site < SITES; site++) {
        __atomic_fetch_add(&total[site].allocations, mine[site].allocations, __ATOMIC_RELAXED);
        __atomic_fetch_add(&total[site].bytes, mine[site].bytes, __ATOMIC_RELAXED);
        __atomic_fetch_add(&total[site].failed, mine[site].failed, __ATOMIC_RELAXED);
    }
}

void soak_write_counts(void)
{
    char line[200];
    for (int site = 0; site < SITES; site++) {
        const struct counts *one = &total[site];
        int length = snprintf(line, sizeof(line), "%s %lu %lu %lu %lu %lu\n", names[site],
                              (unsigned long)one->allocations, (unsigned long)one->bytes,
                              (unsigned long)one->live_blocks, (unsigned long)one->live_bytes,
                              (unsigned long)one->failed);
        if (write(1, line, (size_t)length) != length)
            _exit(95);
    }
}
