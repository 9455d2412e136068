/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/name_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "symbol/symbolizer.h"

int name_pool_init(struct name_pool *pool)
{
    memset(pool, 0, sizeof(*pool));
    pool->arena = arena_new();
    return pool->arena ? 0 : -1;
}

void name_pool_release(struct name_pool *pool)
{
    if (pool->arena)
        arena_free(pool->arena);
    hash_map_release(&pool->index);
    hash_map_release(&pool->mangled);
    free(pool->readable);
    free(pool->linker);
    memset(pool, 0, sizeof(*pool));
}

/* "name@VERSION" and "name@@VERSION" lose the version, "name@plt" keeps its suffix. */
static const char *make_readable(struct name_pool *pool, const char *name)
{
    const char *version = strchr(name, '@');
    const char *suffix = version && strcmp(version, "@plt") == 0 ? "@plt" : "";
    const char *base = name, *result;
    char *demangled;

    if (version) {
        base = arena_string(pool->arena, name, (size_t)(version - name));
        if (!base)
            return NULL;
    }
    demangled = symbol_demangle(base);
    if (!demangled)
        return *suffix ? name : base;
    result = arena_printf(pool->arena, "%s%s", demangled, suffix);
    free(demangled);
    return result;
}

const char *name_pool_readable(struct name_pool *pool, const char *name)
{
    uint32_t place = hash_map_get(&pool->index, (uintptr_t)name);
    const char *readable;

    if (place != HASH_MAP_NONE)
        return pool->readable[place];
    if (pool->count == pool->room &&
        (!vector_grow(&pool->readable, &pool->room, sizeof(*pool->readable)) ||
         !vector_reserve(&pool->linker, &pool->linker_room, pool->room, sizeof(*pool->linker))))
        return NULL;
    readable = make_readable(pool, name);
    if (!readable || !hash_map_put(&pool->mangled, (uintptr_t)readable, (uint32_t)pool->count) ||
        !hash_map_put(&pool->index, (uintptr_t)name, (uint32_t)pool->count))
        return NULL;
    pool->readable[pool->count] = readable;
    pool->linker[pool->count++] = name;
    return readable;
}

const char *name_pool_linker(const struct name_pool *pool, const char *readable)
{
    uint32_t place = hash_map_get(&pool->mangled, (uintptr_t)readable);
    return place == HASH_MAP_NONE || place >= pool->count ? NULL : pool->linker[place];
}
