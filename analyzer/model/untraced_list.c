/* SPDX-License-Identifier: Apache-2.0 */
#include "model/untraced_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/vector.h"

/* What a stream's last UNFOLLOWED was about, but for an entry's number + 1. */
#define UNTRACED_NOTHING 0u
#define UNTRACED_ITSELF UINT32_MAX

void untraced_list_release(struct untraced_list *list)
{
    free(list->children);
    hash_map_release(&list->alike);
}

static void take_back(struct untraced_list *list, struct stream_state *stream)
{
    if (stream->untraced == UNTRACED_ITSELF)
        list->successor = VMT_FOLLOWED;
    else if (stream->untraced != UNTRACED_NOTHING)
        list->children[stream->untraced - 1].count--;
    /* Such as a shell's attempts along PATH: they take no single entries away. */
    if (stream->untraced == list->count && list->count <= UNTRACED_SINGLE && list->count &&
        list->children[list->count - 1].count == 0)
        list->count--;
    stream->untraced = UNTRACED_NOTHING;
}

static bool append(struct untraced_list *list, const struct untraced_child *child)
{
    if (list->count == list->capacity &&
        !vector_grow(&list->children, &list->capacity, sizeof(*list->children)))
        return false;
    list->children[list->count++] = *child;
    return true;
}

static uint64_t hash(const struct event_string *path, uint64_t why)
{
    return fnv_add(FNV_BASIS ^ why, path->bytes, path->length);
}

static bool is_alike(const struct untraced_child *child, const struct event_string *path,
                     uint64_t why)
{
    return child->why == why && child->path && strlen(child->path) == path->length &&
           memcmp(child->path, path->bytes, path->length) == 0;
}

/* The entry that stands for all of this sort, or the one for all others, or NULL. */
static struct untraced_child *find(const struct untraced_list *list,
                                   const struct event_string *path, uint64_t why, uint64_t *place)
{
    uint32_t found;
    *place = hash(path, why);
    while ((found = hash_map_get(&list->alike, *place)) != HASH_MAP_NONE) {
        if (is_alike(&list->children[found], path, why))
            return &list->children[found];
        ++*place;
    }
    return list->count == UNTRACED_MOST ? &list->children[UNTRACED_MOST - 1] : NULL;
}

static struct untraced_child *add(struct untraced_list *list, struct arena *arena, uint32_t pid,
                                  const struct event *event)
{
    const struct event_string *path = &event->cold.strings[0];
    struct untraced_child added = {.why = event->cold.values[1], .ticks = event->ticks};
    uint64_t place = 0;
    struct untraced_child *known = NULL;
    if (list->count < UNTRACED_SINGLE)
        added.pid = pid;
    else
        known = find(list, path, added.why, &place);
    if (known)
        return known;
    if (list->count + 1 == UNTRACED_MOST)
        added.why = 0;
    else if (!(added.path = arena_string(arena, path->bytes, path->length)) ||
             (list->count >= UNTRACED_SINGLE &&
              !hash_map_put(&list->alike, place, (uint32_t)list->count)))
        return NULL;
    return append(list, &added) ? &list->children[list->count - 1] : NULL;
}

bool untraced_list_apply(struct untraced_list *list, struct arena *arena,
                         struct stream_state *stream, uint32_t pid, const struct event *event)
{
    const uint64_t *values = event->cold.values;
    if (values[1] == VMT_FOLLOWED) {
        take_back(list, stream);
        return true;
    }
    if (values[0] == pid) {
        list->successor = values[1];
        stream->untraced = UNTRACED_ITSELF;
        return true;
    }
    struct untraced_child *child = add(list, arena, (uint32_t)values[0], event);
    if (!child)
        return false;
    child->count++;
    stream->untraced = (uint32_t)(child - list->children) + 1;
    return true;
}
