/* SPDX-License-Identifier: Apache-2.0 */
/*
 * u64 -> u32, open addressing, for indexes into arrays.  Keys may be any number; entries are
 * never removed.  (Live blocks have a table of their own, model/block_table.h.)
 */
#ifndef VMTRACE_BASE_HASH_MAP_H
#define VMTRACE_BASE_HASH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_MAP_NONE UINT32_MAX

struct hash_map_entry {
    uint64_t key;
    uint32_t value; /* HASH_MAP_NONE: an empty place */
};

/* All zero is an empty map. */
struct hash_map {
    struct hash_map_entry *entries;
    size_t count;
    unsigned bits; /* 1 << bits places; 0: none yet */
};

void hash_map_release(struct hash_map *map);

/* The value, or HASH_MAP_NONE. */
uint32_t hash_map_get(const struct hash_map *map, uint64_t key);

/* Adds or replaces; `value` is not HASH_MAP_NONE.  False when out of memory. */
bool hash_map_put(struct hash_map *map, uint64_t key, uint32_t value);

/* Fibonacci hashing: the high `bits` of the product (Knuth, TAOCP 3, 6.4). */
static inline size_t hash_map_place(uint64_t key, unsigned bits)
{
    return (size_t)((key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

#endif
