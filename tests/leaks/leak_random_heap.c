/* SPDX-License-Identifier: Apache-2.0 */
#include "leak_random.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leak_case.h"

enum {
    MOST_BLOCKS = 800,
    MOST_ROOTS = 64,
    WORD = sizeof(uintptr_t),
};

struct block {
    uintptr_t hidden; /* ~address */
    size_t size;
    unsigned site;
};

struct root {
    volatile uintptr_t *words;
    size_t count;
};

static struct block blocks[MOST_BLOCKS];
static struct root roots[MOST_ROOTS];
static size_t block_count, root_count;
static uint64_t state;
static bool wipes;

void random_begin(uint64_t seed)
{
    state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

size_t random_below(size_t most)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % most;
}

void heap_begin(bool wiped)
{
    wipes = wiped;
}

void roots_add(volatile uintptr_t *address, size_t count)
{
    if (root_count < MOST_ROOTS)
        roots[root_count++] = (struct root){address, count};
}

void roots_remove(volatile uintptr_t *address)
{
    for (size_t i = 0; i < root_count; i++) {
        if (roots[i].words == address)
            roots[i--] = roots[--root_count];
    }
}

/* ---- blocks: a function for each way, which is what the report knows them by ---- */

static NOINLINE void *take_0(size_t size)
{
    return malloc(size);
}

static NOINLINE void *take_1(size_t size)
{
    return calloc(1, size);
}

static NOINLINE void *take_2(size_t size)
{
    return realloc(malloc(size / 3 + 1), size);
}

static NOINLINE void *take_3(size_t size)
{
    return aligned_alloc(64, size);
}

static NOINLINE void *take_4(size_t size)
{
    return memalign(256, size);
}

static NOINLINE void *take_5(size_t size)
{
    void *block = NULL;
    return posix_memalign(&block, 4096, size) ? NULL : block;
}

static NOINLINE void *take_6(size_t size)
{
    return reallocarray(malloc(16), size, 1);
}

static void *(*const ways[])(size_t) = {take_0, take_1, take_2, take_3, take_4, take_5, take_6};

enum { WAYS = sizeof ways / sizeof *ways, REALLOC = WAYS };

static NOINLINE void *take_7(void *block, size_t size)
{
    return realloc(block, size);
}

static size_t random_size(void)
{
    size_t sort = random_below(40);
    return 1 + (sort == 0   ? random_below(300000)
                : sort < 10 ? random_below(2000)
                            : random_below(100));
}

static void *address_of(const struct block *block)
{
    return (void *)~block->hidden; /* NOLINT: it is kept so on purpose */
}

NOINLINE void heap_allocate(void)
{
    if (block_count == MOST_BLOCKS)
        return;
    size_t size = random_size();
    unsigned site = (unsigned)random_below(WAYS);
    void *block = ways[site](size);
    if (!block)
        abort();
    if (wipes)
        memset(block, 0, size);
    blocks[block_count++] = (struct block){~(uintptr_t)block, size, site};
}

/* Whoever points there goes on doing so. */
NOINLINE void heap_free(void)
{
    if (!block_count)
        return;
    struct block *block = &blocks[random_below(block_count)];
    free(address_of(block));
    *block = blocks[--block_count];
}

static void resize(struct block *block)
{
    size_t size = random_size();
    char *moved = take_7(address_of(block), size);
    if (!moved)
        abort();
    if (wipes && size > block->size)
        memset(moved + block->size, 0, size - block->size);
    *block = (struct block){~(uintptr_t)moved, size, REALLOC};
}

/* ---- pointers ---- */

/* To a block's start, mostly; into its middle, where no count or length stands before; behind it;
 * or none. */
static NOINLINE uintptr_t random_pointer(void)
{
    const struct block *block = &blocks[random_below(block_count)];
    switch (random_below(10)) {
    case 0:
        return ~block->hidden + random_below(block->size) / 16 * 16;
    case 1:
        return ~block->hidden + (random_below(block->size) | 1) % (block->size | 1);
    case 2:
        return ~block->hidden + block->size;
    case 3:
        return random_below(1000000);
    default:
        return ~block->hidden;
    }
}

static NOINLINE void change_word(void)
{
    const struct block *block = &blocks[random_below(block_count)];
    uintptr_t value = random_below(4) ? random_pointer() : 0;
    if (block->size < WORD)
        return;
    /* The last place may be at the very end, and not of a whole number of words from the start. */
    size_t place = random_below(block->size - WORD + 1);
    if (random_below(8))
        place &= ~(size_t)(WORD - 1);
    memcpy((char *)address_of(block) + place, &value, WORD);
}

static NOINLINE void change_root(void)
{
    const struct root *root = &roots[random_below(root_count)];
    root->words[random_below(root->count)] = random_below(3) ? random_pointer() : 0;
}

NOINLINE void heap_change(void)
{
    if (!block_count)
        return;
    size_t what = random_below(20);
    if (what == 0)
        resize(&blocks[random_below(block_count)]);
    else if (what < 4 && root_count)
        change_root();
    else
        change_word();
}

void heap_drop_roots(void)
{
    for (size_t i = 0; i < root_count; i++) {
        for (size_t word = 0; word < roots[i].count; word++) {
            if (random_below(3))
                roots[i].words[word] = 0;
        }
    }
}

/* ---- the ledger ---- */

static const struct block *find(uintptr_t value)
{
    for (size_t i = 0; i < block_count; i++) {
        if (value - ~blocks[i].hidden < blocks[i].size)
            return &blocks[i];
    }
    return NULL;
}

static void put(int fd, const char *text, int length)
{
    if (write(fd, text, (size_t)length) != length)
        abort();
}

static void put_pointers(int fd, const char *from, const volatile uintptr_t *words, size_t count)
{
    char line[128];
    for (size_t i = 0; i < count; i++) {
        uintptr_t value = words[i];
        if (value >= 4096 && find(value))
            put(fd, line, snprintf(line, sizeof line, "%s %lx\n", from, (unsigned long)value));
    }
}

NOINLINE void ledger_write(int fd, const char *name)
{
    char line[128];
    put(fd, line, snprintf(line, sizeof line, "state %s\n", name));
    for (size_t i = 0; i < block_count; i++) {
        const struct block *block = &blocks[i];
        put(fd, line,
            snprintf(line, sizeof line, "block %lx %zu take_%u\n", (unsigned long)~block->hidden,
                     block->size, block->site));
        snprintf(line, sizeof line, "edge %lx", (unsigned long)~block->hidden);
        put_pointers(fd, line, address_of(block), block->size / WORD);
    }
    for (size_t i = 0; i < root_count; i++)
        put_pointers(fd, "root", roots[i].words, roots[i].count);
}
