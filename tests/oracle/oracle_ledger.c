/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle_ledger.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct slot {
    bool locked;
    struct oracle_block block; /* address NULL: empty */
};

struct site_counts {
    uint64_t allocations, bytes_allocated, failed;
};

static struct slot slots[ORACLE_SLOTS];
static struct site_counts sites[ORACLE_SITES];
static struct oracle_pieces pieces[ORACLE_THREADS];
static uint64_t damaged;

uint64_t random_next(struct oracle_random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(2685821657736338717);
}

unsigned random_below(struct oracle_random *random, unsigned limit)
{
    return (unsigned)((random_next(random) >> 32) * limit >> 32);
}

static void slot_lock(struct slot *slot)
{
    while (__atomic_test_and_set(&slot->locked, __ATOMIC_ACQUIRE))
        sched_yield();
}

static void slot_unlock(struct slot *slot)
{
    __atomic_clear(&slot->locked, __ATOMIC_RELEASE);
}

bool ledger_take(unsigned index, struct oracle_block *block)
{
    struct slot *slot = &slots[index];
    slot_lock(slot);
    *block = slot->block;
    slot->block.address = NULL;
    slot_unlock(slot);
    return block->address != NULL;
}

bool ledger_put(unsigned index, const struct oracle_block *block, struct oracle_block *previous)
{
    struct slot *slot = &slots[index];
    slot_lock(slot);
    *previous = slot->block;
    slot->block = *block;
    slot_unlock(slot);
    return previous->address != NULL;
}

void ledger_count_allocation(unsigned site, size_t size)
{
    __atomic_fetch_add(&sites[site].allocations, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&sites[site].bytes_allocated, size, __ATOMIC_RELAXED);
}

void ledger_count_failure(unsigned site)
{
    __atomic_fetch_add(&sites[site].failed, 1, __ATOMIC_RELAXED);
}

void ledger_count_damage(void)
{
    __atomic_fetch_add(&damaged, 1, __ATOMIC_RELAXED);
}

struct oracle_pieces *ledger_pieces(unsigned thread)
{
    return &pieces[thread];
}

/* snprintf and write: stdio would allocate a buffer. */
static __attribute__((format(printf, 2, 3))) bool put(int fd, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    return length > 0 && write(fd, line, (size_t)length) == length;
}

static bool put_site(int fd, unsigned site)
{
    uint64_t live_blocks = 0, live_bytes = 0;
    for (unsigned i = 0; i < ORACLE_SLOTS; i++) {
        if (slots[i].block.address && slots[i].block.site == site) {
            live_blocks++;
            live_bytes += slots[i].block.size;
        }
    }
    return put(fd,
               "%s\n  \"alloc_site_%02u\": {\"allocations\": %ju, \"bytes_allocated\": %ju, "
               "\"failed\": %ju, \"live_blocks\": %ju, \"live_bytes\": %ju}",
               site ? "," : "", site, (uintmax_t)sites[site].allocations,
               (uintmax_t)sites[site].bytes_allocated, (uintmax_t)sites[site].failed,
               (uintmax_t)live_blocks, (uintmax_t)live_bytes);
}

static bool put_map_site(int fd, unsigned site)
{
    uint64_t live_bytes = 0;
    for (unsigned thread = 0; thread < ORACLE_THREADS; thread++) {
        for (unsigned i = 0; i < pieces[thread].count; i++) {
            const struct oracle_piece *piece = &pieces[thread].list[i];
            if (piece->site == site)
                live_bytes += piece->end - piece->begin;
        }
    }
    return put(fd, "%s\n  \"map_site_%02u\": %ju", site ? "," : "", site, (uintmax_t)live_bytes);
}

int ledger_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    bool good = put(fd, "{\"heap\": {");
    for (unsigned site = 0; site < ORACLE_SITES; site++)
        good = good && put_site(fd, site);
    good = good && put(fd, "},\n\"mapped\": {");
    for (unsigned site = 0; site < ORACLE_SITES; site++)
        good = good && put_map_site(fd, site);
    good = good && put(fd, "},\n\"damaged\": %ju}\n", (uintmax_t)damaged);
    return close(fd) == 0 && good ? 0 : -1;
}
