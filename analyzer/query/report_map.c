/* SPDX-License-Identifier: Apache-2.0 */
/* The address space at the last snapshot, and the segments of binaries. */
#include <stdlib.h>

#include "model/region_owner.h"
#include "query/report_build.h"

static enum report_part map_owner(const struct residency_region *region)
{
    enum residency_part most = region->owner;
    for (size_t i = 0; i < PART_COUNT; i++)
        if (region->parts[i].resident > region->parts[most].resident)
            most = (enum residency_part)i;
    return (enum report_part)most;
}

static const char *map_thread(struct report_build *build, uint32_t tid)
{
    const struct thread_table *threads = &build->model->threads;
    uint32_t index = tid ? hash_map_get(&threads->by_tid, tid) : HASH_MAP_NONE;
    return index < threads->count ? report_copy(build, threads->threads[index].name) : NULL;
}

static bool map_region(struct report_build *build, const struct residency_region *from,
                       struct report_region *to)
{
    const struct module_table *modules = &build->model->modules;
    *to = (struct report_region){
        .start = from->start,
        .end = from->end,
        .offset = from->offset,
        .readable = from->flags & VMT_REGION_READ,
        .writable = from->flags & VMT_REGION_WRITE,
        .executable = from->flags & VMT_REGION_EXECUTE,
        .shared = from->flags & VMT_REGION_SHARED,
        .name = report_copy(build, from->name),
        .rss = from->rss,
        .pss = from->pss,
        .clean = from->shared_clean + from->private_clean,
        .dirty = from->shared_dirty + from->private_dirty,
        .swap = from->swap,
        .locked = from->locked,
        .huge = from->huge,
        .anonymous = from->anonymous,
        .owner = map_owner(from),
        .site = from->site < build->model->sites.count ? &build->sites[from->site] : NULL,
        .module = from->module < modules->count
                      ? report_copy(build, modules->modules[from->module].path)
                      : NULL,
        .tid = from->tid,
        .thread = map_thread(build, from->tid),
    };
    for (size_t i = 0; i < REPORT_PARTS; i++)
        to->parts[i] = from->parts[i].resident;
    return to->name != NULL;
}

/* Data that the loader made read-only after relocation was written before. */
static void map_add_segment(struct report_segments *segments, const struct residency_region *region)
{
    struct report_bytes *sum = &segments->read_only;
    if (region->flags & VMT_REGION_EXECUTE)
        sum = &segments->code;
    else if (!region_is_file(region))
        sum = &segments->zero;
    else if ((region->flags & VMT_REGION_WRITE) || region->anonymous)
        sum = &segments->data;
    sum->size += region->end - region->start;
    sum->resident += region->rss;
    sum->swapped += region->swap;
}

static uint64_t segments_resident(const struct report_segments *segments)
{
    return segments->code.resident + segments->read_only.resident + segments->data.resident +
           segments->zero.resident;
}

static int compare_segments(const void *left, const void *right)
{
    const struct report_segments *a = left, *b = right;
    uint64_t first = segments_resident(a), second = segments_resident(b);
    if (first != second)
        return first > second ? -1 : 1;
    return a->path < b->path ? -1 : a->path > b->path;
}

static bool map_segments(struct report_build *build)
{
    const struct residency_model *model = &build->model->residency;
    const struct module_table *modules = &build->model->modules;
    size_t kept = 0;
    struct report_segments *all = arena_array(build->arena, modules->count, sizeof(*all));
    if (!all)
        return false;
    for (size_t i = 0; i < model->region_count; i++) {
        const struct residency_region *region = &model->regions[i];
        if (region->module >= modules->count)
            continue;
        struct report_segments *segments = &all[region->module];
        segments->path = modules->modules[region->module].path;
        segments->tracer = modules->modules[region->module].flags & VMT_MODULE_TRACER;
        map_add_segment(segments, region);
    }
    for (size_t i = 0; i < modules->count; i++) {
        if (!all[i].path)
            continue;
        all[i].path = report_copy(build, all[i].path);
        if (!all[i].path)
            return false;
        all[kept++] = all[i];
    }
    qsort(all, kept, sizeof(*all), compare_segments);
    build->memory->segments = all;
    build->memory->segment_count = kept;
    return true;
}

static size_t map_find(const struct report_region *regions, size_t count, uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (regions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void map_count_faults(const struct report_build *build, struct report_region *regions)
{
    const struct fault_model *faults = &build->model->faults;
    size_t count = build->memory->region_count, places = 0;
    bool known = faults->pages.count > 0;
    for (size_t i = 0; i < count; i++)
        regions[i].faulted = known ? 0 : REPORT_UNKNOWN;
    if (known)
        places = (size_t)1 << faults->pages.bits;
    for (size_t i = 0; i < places; i++) {
        uint64_t page = faults->pages.places[i].key;
        if (page == 0)
            continue;
        uint64_t address = (page - 1) << faults->page_shift;
        size_t at = map_find(regions, count, address);
        if (at < count && regions[at].start <= address)
            regions[at].faulted++;
    }
}

bool report_build_map(struct report_build *build)
{
    const struct residency_model *model = &build->model->residency;
    struct report_region *regions =
        arena_array(build->arena, model->region_count, sizeof(*regions));
    if (!regions)
        return false;
    for (size_t i = 0; i < model->region_count; i++)
        if (!map_region(build, &model->regions[i], &regions[i]))
            return false;
    build->memory->regions = regions;
    build->memory->region_count = model->region_count;
    map_count_faults(build, regions);
    return map_segments(build);
}
