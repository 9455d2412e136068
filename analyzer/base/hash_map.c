/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash_map.h"

#include <stdlib.h>

#define HASH_MAP_FIRST_BITS 5

void hash_map_release(struct hash_map *map)
{
    free(map->entries);
    *map = (struct hash_map){0};
}

/* The place of `key`, or the empty place where it belongs. */
static struct hash_map_entry *hash_map_find(const struct hash_map *map, uint64_t key)
{
    size_t mask = ((size_t)1 << map->bits) - 1;
    size_t place = hash_map_place(key, map->bits);
    while (map->entries[place].value != HASH_MAP_NONE && map->entries[place].key != key)
        place = (place + 1) & mask;
    return &map->entries[place];
}

uint32_t hash_map_get(const struct hash_map *map, uint64_t key)
{
    return map->entries ? hash_map_find(map, key)->value : HASH_MAP_NONE;
}

static bool hash_map_resize(struct hash_map *map, unsigned bits)
{
    struct hash_map larger = {NULL, map->count, bits};
    size_t places = (size_t)1 << bits;
    larger.entries = malloc(places * sizeof(*larger.entries));
    if (!larger.entries)
        return false;
    for (size_t i = 0; i < places; i++)
        larger.entries[i] = (struct hash_map_entry){0, HASH_MAP_NONE};
    for (size_t i = 0; map->entries && i < (size_t)1 << map->bits; i++) {
        if (map->entries[i].value != HASH_MAP_NONE)
            *hash_map_find(&larger, map->entries[i].key) = map->entries[i];
    }
    free(map->entries);
    *map = larger;
    return true;
}

bool hash_map_put(struct hash_map *map, uint64_t key, uint32_t value)
{
    /* At most three quarters full. */
    if (!map->entries || map->count + 1 > ((size_t)3 << map->bits) / 4) {
        unsigned bits = map->entries ? map->bits + 1 : HASH_MAP_FIRST_BITS;
        if (!hash_map_resize(map, bits))
            return false;
    }
    struct hash_map_entry *entry = hash_map_find(map, key);
    if (entry->value == HASH_MAP_NONE)
        map->count++;
    *entry = (struct hash_map_entry){key, value};
    return true;
}
