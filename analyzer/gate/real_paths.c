/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/real_paths.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/vector.h"

struct real_path {
    const char *path;
    const char *real; /* or NULL */
};

void real_paths_release(struct real_paths *paths)
{
    free(paths->list);
    hash_map_release(&paths->index);
    arena_free(paths->arena);
    *paths = (struct real_paths){0};
}

/* Of a path that is not known yet, with a hash that none has. */
static const char *real_paths_add(struct real_paths *paths, const char *path, uint64_t hash)
{
    char real[PATH_MAX];
    if ((!paths->arena && !(paths->arena = arena_new())) ||
        (paths->count == paths->capacity &&
         !vector_grow(&paths->list, &paths->capacity, sizeof(*paths->list))))
        return NULL;
    struct real_path *entry = &paths->list[paths->count];
    *entry = (struct real_path){.path = arena_string(paths->arena, path, strlen(path))};
    if (realpath(path, real))
        entry->real = arena_string(paths->arena, real, strlen(real));
    if (!entry->path || !hash_map_put(&paths->index, hash, (uint32_t)paths->count))
        return NULL;
    paths->count++;
    return entry->real;
}

const char *real_paths_find(struct real_paths *paths, const char *path)
{
    uint64_t hash = fnv_add(FNV_BASIS, path, strlen(path));
    uint32_t place;
    for (; (place = hash_map_get(&paths->index, hash)) != HASH_MAP_NONE; hash++)
        if (strcmp(paths->list[place].path, path) == 0)
            return paths->list[place].real;
    return real_paths_add(paths, path, hash);
}
