/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_places.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "model/region_owner.h"

/* x86-64's thread pointer stands at the end of static thread-local storage and at the start of
 * glibc's struct pthread (0x900 bytes, nptl/descr.h).  How much lies below it is not known: on a
 * thread's stack, whose words are roots in any case, what is usual, for the name's sake; in memory
 * that seems to be the allocator's more than is likely, so that no root is lost. */
#define TLS_ABOVE UINT64_C(0x900)
#define TLS_BELOW_USUAL UINT64_C(0xa00)
#define TLS_BELOW_LARGEST (UINT64_C(256) << 10)

/* Where a thread's storage lies at most. */
struct tls_window {
    uint64_t start, usual, end;
    uint32_t tid;
};

struct places_builder {
    struct reach_places *places;
    const struct reach_moment *moment;
    struct tls_window *windows; /* by address */
    size_t window_count, next_window;
};

void reach_places_release(struct reach_places *places)
{
    free(places->places);
    *places = (struct reach_places){0};
}

static int compare_windows(const void *left, const void *right)
{
    const struct tls_window *a = left, *b = right;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* It begins behind the last live block below the thread pointer: that one is no part of it. */
static uint64_t window_start(const struct block_order *order, uint64_t pointer)
{
    uint64_t start = pointer > TLS_BELOW_LARGEST ? pointer - TLS_BELOW_LARGEST : 0;
    size_t above = block_order_find(order, pointer);
    if (above > 0 && order->blocks[above - 1].end > start)
        start = order->blocks[above - 1].end;
    return start;
}

static bool windows_init(struct places_builder *builder)
{
    const struct reach_moment *moment = builder->moment;
    builder->windows = malloc((moment->thread_count + 1) * sizeof(*builder->windows));
    if (!builder->windows)
        return false;
    for (size_t i = 0; i < moment->thread_count; i++) {
        uint64_t pointer = moment->threads[i].thread_pointer, end;
        if (pointer < TLS_BELOW_USUAL || __builtin_add_overflow(pointer, TLS_ABOVE, &end))
            continue;
        builder->windows[builder->window_count++] =
            (struct tls_window){window_start(moment->order, pointer), pointer - TLS_BELOW_USUAL,
                                end, moment->threads[i].tid};
    }
    qsort(builder->windows, builder->window_count, sizeof(*builder->windows), compare_windows);
    return true;
}

bool reach_moment_lives(const struct reach_moment *moment, uint32_t tid)
{
    size_t low = 0, high = moment->thread_count;
    if (!moment->all_threads)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (moment->threads[middle].tid < tid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < moment->thread_count && moment->threads[low].tid == tid;
}

static bool place_add(struct reach_places *places, uint64_t start, uint64_t end, uint32_t kind,
                      uint32_t tid)
{
    struct reach_place *last = places->count ? &places->places[places->count - 1] : NULL;
    if (start >= end)
        return true;
    if (last && last->end == start && last->kind == kind && last->tid == tid) {
        last->end = end;
        return true;
    }
    if (places->count == places->capacity &&
        !vector_grow(&places->places, &places->capacity, sizeof(*places->places)))
        return false;
    places->places[places->count++] = (struct reach_place){start, end, tid, kind};
    return true;
}

/* Where thread-local storage may lie: what is around a thread pointer is named so. */
static bool place_add_around(struct places_builder *builder, uint64_t start, uint64_t end,
                             uint32_t kind, uint32_t tid)
{
    while (builder->next_window < builder->window_count &&
           builder->windows[builder->next_window].end <= start)
        builder->next_window++;
    for (size_t i = builder->next_window; i < builder->window_count; i++) {
        const struct tls_window *window = &builder->windows[i];
        uint64_t from = kind == REACH_NO_ROOT ? window->start : window->usual;
        if (window->end - TLS_ABOVE >= end && window->end - TLS_ABOVE - end > TLS_BELOW_LARGEST)
            break;
        from = from > start ? from : start;
        uint64_t to = window->end < end ? window->end : end;
        if (from >= to)
            continue;
        if (!place_add(builder->places, start, from, kind, tid) ||
            !place_add(builder->places, from, to, REACH_ROOT_TLS, window->tid))
            return false;
        start = to;
    }
    return place_add(builder->places, start, end, kind, tid);
}

/* The stack of a thread that has ended: libc keeps it for the next one, unless it was the
 * program's own memory, which it is again. */
static bool place_dead_stack(struct places_builder *builder, uint64_t start, uint64_t end)
{
    const struct mapping_list *list = &builder->moment->residency->maps->list;
    size_t first, last = mapping_list_overlapping(list, start, end, &first);
    for (size_t i = last; i > first; i--) { /* they fall */
        const struct mapping *mapping = &list->mappings[i - 1];
        uint64_t from = mapping->start > start ? mapping->start : start;
        uint64_t to = mapping->end < end ? mapping->end : end;
        if (!place_add(builder->places, start, from, REACH_NO_ROOT, 0) ||
            !place_add(builder->places, from, to, REACH_ROOT_MAPPING, 0))
            return false;
        start = to;
    }
    return place_add(builder->places, start, end, REACH_NO_ROOT, 0);
}

static bool place_stack(struct places_builder *builder, uint64_t start,
                        const struct stretch *stretch)
{
    if (stretch->tid && !reach_moment_lives(builder->moment, stretch->tid))
        return place_dead_stack(builder, start, stretch->end);
    return place_add_around(builder, start, stretch->end, REACH_ROOT_STACK, stretch->tid);
}

static uint32_t place_data_kind(const struct places_builder *builder, const struct stretch *stretch)
{
    const struct module *module = &builder->moment->residency->modules->modules[stretch->module];
    const char *slash = strrchr(module->path, '/');
    const char *name = slash ? slash + 1 : module->path;
    return strcmp(name, "libc.so.6") == 0 ? REACH_LIBC_DATA : REACH_ROOT_DATA;
}

static bool place_stretch(struct places_builder *builder, uint64_t start,
                          const struct stretch *stretch)
{
    switch (stretch->pages) {
    case PART_TRACER:
        return place_add(builder->places, start, stretch->end, REACH_NO_ROOT, 0);
    case PART_STACKS:
        return place_stack(builder, start, stretch);
    case PART_MAPPINGS:
        return place_add(builder->places, start, stretch->end, REACH_ROOT_MAPPING, 0);
    case PART_FREE:
        return place_add_around(builder, start, stretch->end,
                                builder->moment->all_blocks ? REACH_NO_ROOT : REACH_ROOT_OTHER, 0);
    default:
        if (stretch->program_data)
            return place_add(builder->places, start, stretch->end,
                             place_data_kind(builder, stretch), 0);
        return place_add_around(builder, start, stretch->end, REACH_ROOT_OTHER, 0);
    }
}

static bool place_region(struct places_builder *builder, size_t index)
{
    const struct reach_moment *moment = builder->moment;
    const struct residency_region *region = &moment->capture->regions[index];
    struct stretch stretch;
    for (uint64_t at = region->start; at < region->end; at = stretch.end) {
        stretch = region_owner(moment->residency, moment->capture, moment->order, index, at);
        if (!place_stretch(builder, at, &stretch))
            return false;
    }
    return true;
}

bool reach_places_init(struct reach_places *places, const struct reach_moment *moment)
{
    struct places_builder builder = {.places = places, .moment = moment};
    *places = (struct reach_places){0};
    bool good = windows_init(&builder);
    for (size_t i = 0; good && i < moment->capture->region_count; i++)
        good = place_region(&builder, i);
    free(builder.windows);
    if (!good)
        reach_places_release(places);
    return good;
}
