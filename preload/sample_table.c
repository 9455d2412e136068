/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_table.h"

#include "sys.h"

enum {
    BUCKET_PLACES = 8,
    FIRST_BITS = 9, /* buckets of the first table: 4096 places in 32 KiB */
    TABLES = 8,     /* each four times the size of the one before: 89 million places in all */
};

struct bucket {
    uint64_t places[BUCKET_PLACES]; /* 0: free */
} __attribute__((aligned(64)));

uint8_t sample_filter[SAMPLE_FILTER_PLACES] SYS_TABLE;

static struct bucket first_table[1 << FIRST_BITS] SYS_TABLE;
static struct bucket *tables[TABLES] = {first_table}; /* NULL: not made yet, nor are later ones */

static unsigned table_bits(unsigned number)
{
    return FIRST_BITS + 2 * number;
}

static struct bucket *bucket_of(struct bucket *table, unsigned number, uint64_t address)
{
    uint64_t hash = (address >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    return &table[hash >> (64 - table_bits(number))];
}

static struct bucket *make_table(unsigned number)
{
    size_t bytes = sizeof(struct bucket) << table_bits(number);
    struct bucket *fresh = sys_map(bytes), *there = NULL;
    if (!fresh || __atomic_compare_exchange_n(&tables[number], &there, fresh, false,
                                              __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return fresh;
    sys_unmap(fresh, bytes);
    return there;
}

static void count(uint64_t address, int step)
{
    uint8_t *place = &sample_filter[sample_filter_place(address)];
    uint8_t before = __atomic_load_n(place, __ATOMIC_RELAXED);
    while (before != UINT8_MAX &&
           !__atomic_compare_exchange_n(place, &before, (uint8_t)(before + step), false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
}

/* Puts `to` where `from` stands; false if that is nowhere. */
static bool exchange(struct bucket *bucket, uint64_t from, uint64_t to)
{
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        uint64_t there = from;
        if (__atomic_load_n(&bucket->places[i], __ATOMIC_RELAXED) == from &&
            __atomic_compare_exchange_n(&bucket->places[i], &there, to, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

void sample_table_mark(uint64_t address, uint64_t size)
{
    uint64_t last = (address + size - 1) >> 8;
    for (uint64_t at = address >> 8; at <= last; at++)
        sample_filter[sample_filter_place(at << 8)] = UINT8_MAX;
}

static bool add(uint64_t address)
{
    for (unsigned i = 0; i < TABLES; i++) {
        struct bucket *table = __atomic_load_n(&tables[i], __ATOMIC_ACQUIRE);
        if (!table && !(table = make_table(i)))
            return false;
        if (exchange(bucket_of(table, i, address), 0, address))
            return true;
    }
    return false;
}

/* The filter never counts too few, not even in a child that was forked half-way. */
bool sample_table_add(uint64_t address)
{
    count(address, 1);
    bool added = add(address);
    if (!added)
        count(address, -1);
    return added;
}

bool sample_table_remove(uint64_t address)
{
    struct bucket *table;
    for (unsigned i = 0; address && i < TABLES; i++) {
        if (!(table = __atomic_load_n(&tables[i], __ATOMIC_ACQUIRE)))
            return false;
        if (exchange(bucket_of(table, i, address), address, 0)) {
            count(address, -1);
            return true;
        }
    }
    return false;
}

bool sample_table_visit(bool (*visit)(void *context, const void *start, size_t bytes),
                        void *context)
{
    for (unsigned number = 1; number < TABLES; number++) {
        const struct bucket *table = __atomic_load_n(&tables[number], __ATOMIC_ACQUIRE);
        if (table && !visit(context, table, sizeof(struct bucket) << table_bits(number)))
            return false;
    }
    return true;
}
