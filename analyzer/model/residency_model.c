/* SPDX-License-Identifier: Apache-2.0 */
#include "model/residency_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/vector.h"
#include "model/residency_join.h"

#define OWN_MEMORY "[vmtrace]" /* name of a REGION that only says whose a part of others is */
#define ADDRESS_MAX (UINT64_C(1) << 57)   /* of user space on every machine; sums stay below */
#define KERNEL_REGION (UINT64_C(1) << 20) /* [vsyscall] is shown, above user space */
#define PAGE_SIZE_MAX (UINT64_C(1) << 30)
/* Larger than a thread's stack: what a process without a limit says of its first one. */
#define STACK_LARGEST (UINT64_C(1) << 30)

void residency_model_init(struct residency_model *model, const struct heap_model *heap,
                          const struct mapping_model *maps, const struct module_table *modules,
                          struct arena *arena, const char *trace_path)
{
    const char *slash = trace_path ? strrchr(trace_path, '/') : NULL;
    *model =
        (struct residency_model){.heap = heap, .maps = maps, .modules = modules, .arena = arena};
    model->trace = slash ? slash + 1 : trace_path;
}

void residency_capture_release(struct residency_capture *capture)
{
    free(capture->regions);
    free(capture->runs);
    free(capture->own);
    *capture = (struct residency_capture){0};
}

static void residency_release(struct residency *snapshot)
{
    free(snapshot->sites);
    free(snapshot->files);
}

void residency_model_release(struct residency_model *model)
{
    for (size_t i = 0; i < model->count; i++)
        residency_release(&model->snapshots[i]);
    residency_capture_release(&model->capture);
    free(model->snapshots);
    free(model->regions);
    free(model->stacks);
    free(model->names);
    hash_map_release(&model->by_name);
}

const struct residency *residency_model_last(const struct residency_model *model)
{
    return model->count ? &model->snapshots[model->count - 1] : NULL;
}

/* One copy of each name; "" when there are too many. */
static const char *residency_name(struct residency_model *model, const struct event_string *name)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        uint64_t hash = fnv_add(FNV_BASIS ^ seed, name->bytes, name->length);
        uint32_t index = hash_map_get(&model->by_name, hash);
        if (index == HASH_MAP_NONE) {
            if (model->name_count == RESIDENCY_NAMES)
                return "";
            char *copy = arena_string(model->arena, name->bytes, name->length);
            if (!copy ||
                (model->name_count == model->name_capacity &&
                 !vector_grow(&model->names, &model->name_capacity, sizeof(*model->names))) ||
                !hash_map_put(&model->by_name, hash, (uint32_t)model->name_count))
                return NULL;
            model->names[model->name_count++] = copy;
            return copy;
        }
        const char *known = model->names[index];
        if (strlen(known) == name->length && memcmp(known, name->bytes, name->length) == 0)
            return known;
    }
    return "";
}

/* As residency_name; most files have several regions in a row. */
static const char *residency_region_name(struct residency_model *model,
                                         const struct residency_capture *capture,
                                         const struct event_string *name)
{
    const char *last =
        capture->region_count ? capture->regions[capture->region_count - 1].name : "";
    if (strlen(last) == name->length && memcmp(last, name->bytes, name->length) == 0)
        return last;
    return residency_name(model, name);
}

static bool residency_begin(struct residency_model *model, uint32_t stream,
                            const struct event *event)
{
    const uint64_t *values = event->cold.values;
    struct residency_capture *capture = &model->capture;
    if (capture->open)
        model->unfinished++;
    capture->open = true;
    capture->cut = false;
    capture->stream = stream;
    capture->region_count = capture->run_count = capture->own_count = 0;
    capture->header = (struct residency){
        .ticks = event->ticks,
        .reason = values[0] <= VMT_RESIDENCY_PEAK ? (uint32_t)values[0] : VMT_RESIDENCY_SNAPSHOT,
        .rough_rss = values[1],
        .virtual_bytes = values[2],
        .swap_bytes = values[3],
        .page_table_bytes = values[4],
        .locked_bytes = values[5],
        .name = residency_name(model, &event->cold.strings[0]),
    };
    return capture->header.name != NULL;
}

static bool residency_own(struct residency_capture *capture, uint64_t start, uint64_t end)
{
    if (capture->own_count == RESIDENCY_REGIONS)
        return true;
    if (capture->own_count == capture->own_capacity &&
        !vector_grow(&capture->own, &capture->own_capacity, sizeof(*capture->own)))
        return false;
    capture->own[capture->own_count++] = (struct address_range){start, end};
    return true;
}

bool residency_capture_region(struct residency_model *model, struct residency_capture *capture,
                              const struct event *event)
{
    const uint64_t *values = event->cold.values;
    const struct event_string *name = &event->cold.strings[0];
    uint64_t end;
    if (values[1] == 0 || __builtin_add_overflow(values[0], values[1], &end) ||
        (end > ADDRESS_MAX && values[1] > KERNEL_REGION))
        return true;
    if (name->length == sizeof(OWN_MEMORY) - 1 &&
        memcmp(name->bytes, OWN_MEMORY, name->length) == 0)
        return residency_own(capture, values[0], end);
    if (capture->region_count == RESIDENCY_REGIONS) {
        capture->cut = true;
        return true;
    }
    if (capture->region_count == capture->region_capacity &&
        !vector_grow(&capture->regions, &capture->region_capacity, sizeof(*capture->regions)))
        return false;
    struct residency_region *region = &capture->regions[capture->region_count];
    *region = (struct residency_region){
        .start = values[0],
        .end = end,
        .flags = (uint32_t)values[2],
        .offset = values[3],
        .device = values[4],
        .inode = values[5],
        .rss = end <= ADDRESS_MAX ? values[6] : 0,
        .pss = values[7],
        .shared_clean = values[8],
        .shared_dirty = values[9],
        .private_clean = values[10],
        .private_dirty = values[11],
        .anonymous = values[12],
        .huge = values[13],
        .swap = values[14],
        .locked = values[15],
        .name = residency_region_name(model, capture, name),
    };
    capture->region_count++;
    return region->name != NULL;
}

static bool residency_pages(struct residency_model *model, const struct event *event)
{
    struct residency_capture *capture = &model->capture;
    const uint8_t *cursor = (const uint8_t *)event->cold.rest.bytes;
    const uint8_t *end = cursor + event->cold.rest.length;
    uint64_t address = event->cold.values[0], page_size = event->cold.values[1], run;
    if (page_size == 0 || page_size > PAGE_SIZE_MAX || (page_size & (page_size - 1)))
        return true;
    while (cursor < end && vmt_get_varint(&cursor, end, &run)) {
        uint64_t bytes, behind;
        if (__builtin_mul_overflow(run >> 4, page_size, &bytes) ||
            __builtin_add_overflow(address, bytes, &behind))
            return true;
        struct page_run pages = {address, behind, run & 15, (uint32_t)page_size};
        address = behind;
        if (bytes == 0 || behind > ADDRESS_MAX ||
            !(pages.state & (VMT_PAGE_PRESENT | VMT_PAGE_SWAPPED)))
            continue;
        if (capture->run_count == RESIDENCY_RUNS) {
            capture->cut = true;
            return true;
        }
        if (capture->run_count == capture->run_capacity &&
            !vector_grow(&capture->runs, &capture->run_capacity, sizeof(*capture->runs)))
            return false;
        capture->runs[capture->run_count++] = pages;
    }
    return true;
}

static int compare_resident(const void *left, const void *right)
{
    const struct residency_site *a = left, *b = right;
    if (a->bytes.resident != b->bytes.resident)
        return a->bytes.resident > b->bytes.resident ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

/* A newer snapshot comes: this one keeps what may matter for what grew since. */
static void residency_shrink(struct residency *snapshot)
{
    if (snapshot->site_count)
        qsort(snapshot->sites, snapshot->site_count, sizeof(*snapshot->sites), compare_resident);
    if (snapshot->site_count <= RESIDENCY_SITES)
        return;
    snapshot->site_count = RESIDENCY_SITES;
    void *smaller = realloc(snapshot->sites, RESIDENCY_SITES * sizeof(*snapshot->sites));
    if (smaller)
        snapshot->sites = smaller;
}

/* The highest, the first and those that were asked for stay as long as there are others. */
static void residency_make_room(struct residency_model *model)
{
    size_t highest = 0, victim = 1;
    for (size_t i = 1; i < model->count; i++)
        if (model->snapshots[i].rss_bytes > model->snapshots[highest].rss_bytes)
            highest = i;
    for (size_t i = 1; i + 1 < model->count; i++) {
        if (i != highest && model->snapshots[i].reason == VMT_RESIDENCY_PEAK) {
            victim = i;
            break;
        }
    }
    residency_release(&model->snapshots[victim]);
    model->count--;
    memmove(model->snapshots + victim, model->snapshots + victim + 1,
            (model->count - victim) * sizeof(*model->snapshots));
    model->dropped++;
}

/* Whether there is time to join this one.  That of the exit always is. */
static bool residency_affords(struct residency_model *model)
{
    if (model->next > 0)
        model->next--;
    if (model->next > 0 && (model->exited || model->capture.header.reason != VMT_RESIDENCY_EXIT)) {
        model->dropped++;
        return false;
    }
    model->exited |= model->capture.header.reason == VMT_RESIDENCY_EXIT;
    model->work += model->heap->blocks.count + model->heap->sites->count;
    if (model->work >= RESIDENCY_WORK) {
        model->work = 0;
        model->stride = model->stride ? model->stride * 2 : 2;
    }
    model->next = model->stride;
    return true;
}

static bool residency_finish(struct residency_model *model, const struct event *event)
{
    const uint64_t *values = event->cold.values;
    struct residency_capture *capture = &model->capture;
    struct residency *header = &capture->header;
    capture->open = false;
    header->error = values[0];
    header->kernel_rss = values[1] <= ADDRESS_MAX ? values[1] : 0;
    header->pss = values[2];
    header->anonymous = values[3];
    if (values[4])
        header->swap_bytes = values[4];
    header->duration_ns = values[5];
    if (capture->region_count == 0) { /* nothing could be read */
        model->unfinished++;
        return true;
    }
    if (!residency_affords(model))
        return true;
    if (model->count)
        residency_shrink(&model->snapshots[model->count - 1]);
    if (model->count == RESIDENCY_MAX)
        residency_make_room(model);
    if (model->count == model->capacity &&
        !vector_grow(&model->snapshots, &model->capacity, sizeof(*model->snapshots)))
        return false;
    if (!residency_join(model, &model->snapshots[model->count]))
        return false;
    model->count++;
    free(model->regions);
    model->regions = capture->regions;
    model->region_count = capture->region_count;
    capture->regions = NULL;
    capture->region_capacity = 0;
    return true;
}

/* ---- stacks ---- */

/* Index of the first range that ends behind `address`. */
size_t residency_stack_find(const struct residency_model *model, uint64_t address)
{
    size_t low = 0, high = model->stack_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (model->stacks[middle].high <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Forgets what overlaps: a thread whose memory is something else now has ended. */
static size_t residency_stack_clear(struct residency_model *model, uint64_t low, uint64_t high)
{
    size_t first = residency_stack_find(model, low), last = first;
    while (last < model->stack_count && model->stacks[last].low < high)
        last++;
    if (first != last)
        memmove(model->stacks + first, model->stacks + last,
                (model->stack_count - last) * sizeof(*model->stacks));
    model->stack_count -= last - first;
    return first;
}

static bool residency_stack(struct residency_model *model, uint32_t tid, const uint64_t *values)
{
    if (values[0] >= values[1] || values[1] - values[0] > STACK_LARGEST)
        return true;
    size_t place = residency_stack_clear(model, values[0], values[1]);
    if (model->stack_count == model->stack_capacity &&
        !vector_grow(&model->stacks, &model->stack_capacity, sizeof(*model->stacks)))
        return false;
    memmove(model->stacks + place + 1, model->stacks + place,
            (model->stack_count - place) * sizeof(*model->stacks));
    model->stacks[place] = (struct stack_range){values[0], values[1], tid};
    model->stack_count++;
    return true;
}

static void residency_map(struct residency_model *model, const uint64_t *values)
{
    uint64_t end;
    if (values[2] && !__builtin_add_overflow(values[1], values[2], &end))
        residency_stack_clear(model, values[1], end);
}

bool residency_model_apply(struct residency_model *model, uint32_t stream, uint32_t tid,
                           const struct event *event)
{
    bool open = model->capture.open && model->capture.stream == stream;
    switch (event->op) {
    case VMT_OP_STACK:
        return residency_stack(model, tid, event->cold.values);
    case VMT_OP_MAP:
        residency_map(model, event->cold.values);
        return true;
    case VMT_OP_RESIDENCY:
        return residency_begin(model, stream, event);
    case VMT_OP_REGION:
        return !open || residency_capture_region(model, &model->capture, event);
    case VMT_OP_PAGES:
        return !open || residency_pages(model, event);
    case VMT_OP_RESIDENCY_END:
        return !open || residency_finish(model, event);
    default:
        return true;
    }
}
