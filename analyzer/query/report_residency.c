/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the resident pages were at each snapshot. */
#include <stdlib.h>
#include <string.h>

#include "query/report_build.h"

_Static_assert((int)PART_COUNT == (int)REPORT_PARTS && (int)PART_FREE == (int)REPORT_PART_FREE &&
                   (int)PART_FILES == (int)REPORT_PART_FILES &&
                   (int)PART_TRACER == (int)REPORT_PART_TRACER,
               "the same parts");

static struct report_bytes resident_bytes(const struct residency_bytes *bytes)
{
    return (struct report_bytes){bytes->size, bytes->resident, bytes->swapped};
}

static int compare_sites(const void *left, const void *right)
{
    const struct report_resident_site *a = left, *b = right;
    if (a->bytes.resident != b->bytes.resident)
        return a->bytes.resident > b->bytes.resident ? -1 : 1;
    if (a->bytes.size != b->bytes.size)
        return a->bytes.size > b->bytes.size ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

/* Else what is not known to be live may be, too: of a fork's parent, or left out. */
static bool resident_blocks_known(const struct report_build *build)
{
    return !(build->model->header.flags & VMT_FLAG_FORKED) && !build->model->header.sample_interval;
}

static bool resident_sites(struct report_build *build, const struct residency *from,
                           struct report_residency *to)
{
    size_t kept = 0;
    struct report_resident_site *sites =
        arena_array(build->arena, from->site_count, sizeof(*sites));
    if (!sites)
        return false;
    for (size_t i = 0; i < from->site_count; i++) {
        const struct residency_site *site = &from->sites[i];
        uint32_t kind = build->model->sites.sites[site->site].kind;
        uint64_t used = site->bytes.resident + site->bytes.swapped;
        if (kind >= SITE_POOL) /* pools lie in blocks and mappings, which have owners */
            continue;
        sites[kept++] = (struct report_resident_site){
            .site = &build->sites[site->site],
            .part = kind >= SITE_MMAP ? REPORT_PART_MAPPINGS : REPORT_PART_LIVE,
            .blocks = site->blocks,
            .bytes = resident_bytes(&site->bytes),
            .untouched = site->bytes.size > used ? site->bytes.size - used : 0,
            .huge = site->huge < site->bytes.resident ? site->huge : site->bytes.resident,
            .of_files = site->of_files,
            .pss = site->pss < site->bytes.resident ? site->pss : site->bytes.resident,
            .pinned = resident_blocks_known(build) ? site->pinned : 0,
        };
    }
    qsort(sites, kept, sizeof(*sites), compare_sites);
    to->sites = sites;
    to->site_count = kept;
    return true;
}

static bool resident_files(struct report_build *build, const struct residency *from,
                           struct report_residency *to)
{
    struct report_resident_file *files =
        arena_array(build->arena, from->file_count, sizeof(*files));
    if (!files)
        return false;
    for (size_t i = 0; i < from->file_count; i++) {
        files[i].name = report_copy(build, from->files[i].name);
        files[i].bytes = resident_bytes(&from->files[i].bytes);
        if (from->files[i].name && !files[i].name)
            return false;
    }
    to->files = files;
    to->file_count = from->file_count;
    return true;
}

static bool resident_snapshot(struct report_build *build, const struct residency *from,
                              struct report_residency *to)
{
    static const char *const reasons[] = {
        [VMT_RESIDENCY_EXIT] = "exit",
        [VMT_RESIDENCY_SNAPSHOT] = "snapshot",
        [VMT_RESIDENCY_SIGNAL] = "signal",
        [VMT_RESIDENCY_PEAK] = "peak",
    };
    bool whole = resident_blocks_known(build);
    *to = (struct report_residency){
        .reason = reasons[from->reason],
        .name = report_copy(build, from->name),
        .t_ns = report_ns(build, from->ticks),
        .rss_bytes = from->rss_bytes,
        .kernel_rss_bytes = from->kernel_rss ? from->kernel_rss : REPORT_UNKNOWN,
        .virtual_bytes = from->virtual_bytes,
        .swap_bytes = from->swap_bytes,
        .page_table_bytes = from->page_table_bytes,
        .locked_bytes = from->locked_bytes,
        .pss_bytes = from->pss,
        .anonymous_bytes = from->anonymous,
        .shared_clean = from->shared_clean,
        .shared_dirty = from->shared_dirty,
        .private_clean = from->private_clean,
        .private_dirty = from->private_dirty,
        .huge_bytes = from->huge,
        .error = from->error,
        .duration_ns = from->duration_ns,
        .program_data = from->program_data,
        .free_pages = whole ? from->free_pages : REPORT_UNKNOWN,
        .pinned = whole ? from->pinned : REPORT_UNKNOWN,
        .guessed = from->guessed,
    };
    for (size_t i = 0; i < REPORT_PARTS; i++)
        to->parts[i] = resident_bytes(&from->parts[i]);
    return to->name && resident_sites(build, from, to) && resident_files(build, from, to);
}

/* What the lists of sites say: as of the last snapshot. */
static void resident_at_end(struct report_build *build, const struct residency *last)
{
    for (size_t i = 0; i < build->model->sites.count; i++) {
        if (build->model->sites.sites[i].kind < SITE_POOL)
            build->sites[i].resident_bytes = build->sites[i].swapped_bytes = 0;
    }
    for (size_t i = 0; i < last->site_count; i++) {
        const struct residency_site *site = &last->sites[i];
        if (build->model->sites.sites[site->site].kind < SITE_POOL) {
            build->sites[site->site].resident_bytes = site->bytes.resident;
            build->sites[site->site].swapped_bytes = site->bytes.swapped;
        }
    }
}

/* A snapshot that the program asked for is followed by the residency of the same name. */
static void resident_snapshots(struct report_build *build)
{
    const struct report_memory *memory = build->memory;
    size_t next = 0;
    for (size_t i = 0; i < build->report->snapshot_count; i++) {
        struct report_snapshot *snapshot = &build->snapshots[i];
        while (next < memory->residency_count && memory->residencies[next].t_ns < snapshot->t_ns)
            next++;
        const struct report_residency *at =
            next < memory->residency_count ? &memory->residencies[next] : NULL;
        if (!at || strcmp(at->reason, "snapshot") != 0 || strcmp(at->name, snapshot->name) != 0)
            continue;
        snapshot->residency = next++;
        snapshot->rss_bytes = at->rss_bytes;
    }
}

/* Each snapshot is preceded by a point of the time line. */
static void resident_samples(struct report_build *build)
{
    const struct report_memory *memory = build->memory;
    size_t next = 0;
    for (size_t i = 0; i < memory->residency_count && !build->report->forked; i++) {
        const struct report_residency *at = &memory->residencies[i];
        while (next < build->report->sample_count && build->samples[next].t_ns <= at->t_ns)
            next++;
        if (next > 0 && at->rss_bytes)
            build->samples[next - 1].free_heap_bytes = at->parts[REPORT_PART_FREE].resident;
    }
}

bool report_build_residency(struct report_build *build)
{
    const struct residency_model *model = &build->model->residency;
    struct report_memory *memory = arena_alloc(build->arena, sizeof(*memory));
    struct report_residency *list = arena_array(build->arena, model->count, sizeof(*list));
    if (!memory || !list)
        return false;
    for (size_t i = 0; i < model->count; i++) {
        if (!resident_snapshot(build, &model->snapshots[i], &list[i]))
            return false;
        if (list[i].rss_bytes > list[memory->highest].rss_bytes)
            memory->highest = i;
    }
    memory->residencies = list;
    memory->residency_count = model->count;
    build->report->memory = build->memory = memory;
    resident_snapshots(build);
    resident_samples(build);
    if (model->count)
        resident_at_end(build, residency_model_last(model));
    return report_build_growth(build) && report_build_trend(build) && report_build_map(build);
}
