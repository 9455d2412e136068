/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "query/report_build.h"

static bool report_build_samples(struct report_build *build)
{
    const struct timeline *timeline = &build->model->timeline;
    struct report_sample *list = arena_array(build->arena, timeline->sample_count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < timeline->sample_count; i++) {
        const struct memory_sample *sample = &timeline->samples[i];
        list[i] = (struct report_sample){
            report_ns(build, sample->ticks),
            sample->rss_bytes,
            sample->virtual_bytes,
            report_heap_sum(build, sample->live_bytes),
            sample->minor,
            sample->major,
            sample->swap_bytes,
            REPORT_UNKNOWN,
        };
    }
    build->report->samples = build->samples = list;
    build->report->sample_count = timeline->sample_count;
    return true;
}

static void report_phase_leaks(const struct report_build *build, const struct phase *phase,
                               struct report_phase *shown)
{
    const struct reach_sum *before = build->leaked;
    if (!before)
        return;
    shown->leaked_bytes = report_heap_sum(build, before[phase->end_era].bytes) -
                          report_heap_sum(build, before[phase->first_era].bytes);
    shown->leaked_blocks = report_heap_sum(build, before[phase->end_era].blocks) -
                           report_heap_sum(build, before[phase->first_era].blocks);
}

static bool report_build_phases(struct report_build *build)
{
    const struct timeline *timeline = &build->model->timeline;
    struct report_phase *list = arena_array(build->arena, timeline->phase_count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < timeline->phase_count; i++) {
        const struct phase *phase = &timeline->phases[i];
        list[i] = (struct report_phase){
            .name = report_copy(build, phase->name),
            .begin_ns = report_ns(build, phase->begin_ticks),
            .end_ns = report_ns(build, phase->end_ticks),
            .ended = phase->ended,
            .allocations = report_heap_sum(build, phase->allocations),
            .frees = report_heap_sum(build, phase->frees),
            .bytes_allocated = report_heap_sum(build, phase->bytes_allocated),
            .live_bytes_begin = report_heap_sum(build, phase->live_bytes_begin),
            .live_bytes_end = report_heap_sum(build, phase->live_bytes_end),
            .survivors_bytes = report_heap_sum(build, phase->survivors_bytes),
            .survivors_blocks = report_heap_sum(build, phase->survivors_blocks),
            .peak_live_bytes = report_heap_sum(build, phase->peak_bytes),
            .leaked_bytes = REPORT_UNKNOWN,
            .leaked_blocks = REPORT_UNKNOWN,
        };
        report_phase_leaks(build, phase, &list[i]);
        if (!list[i].name)
            return false;
    }
    build->report->phases = list;
    build->report->phase_count = timeline->phase_count;
    return true;
}

static bool report_build_snapshots(struct report_build *build)
{
    const struct timeline *timeline = &build->model->timeline;
    struct report_snapshot *list =
        arena_array(build->arena, timeline->snapshot_count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < timeline->snapshot_count; i++) {
        const struct snapshot *snapshot = &timeline->snapshots[i];
        list[i] = (struct report_snapshot){report_copy(build, snapshot->name),
                                           report_ns(build, snapshot->ticks),
                                           report_heap_sum(build, snapshot->live_bytes),
                                           report_heap_sum(build, snapshot->live_blocks),
                                           snapshot->rss_bytes,
                                           REPORT_NO_RESIDENCY};
        if (!list[i].name)
            return false;
    }
    build->snapshots = list;
    build->report->snapshots = list;
    build->report->snapshot_count = timeline->snapshot_count;
    return true;
}

static int report_compare_threads(const void *left, const void *right)
{
    const struct report_thread *a = left, *b = right;
    if (a->bytes_allocated != b->bytes_allocated)
        return a->bytes_allocated > b->bytes_allocated ? -1 : 1;
    return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static bool report_build_threads(struct report_build *build)
{
    const struct thread_table *table = &build->model->threads;
    struct report_thread *list = arena_array(build->arena, table->count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const struct thread_entry *thread = &table->threads[i];
        list[i] = (struct report_thread){thread->tid,
                                         report_copy(build, thread->name),
                                         report_heap_sum(build, thread->allocations),
                                         report_heap_sum(build, thread->frees),
                                         report_heap_sum(build, thread->bytes_allocated),
                                         thread->minor,
                                         thread->major};
        if (thread->name && !list[i].name)
            return false;
    }
    qsort(list, table->count, sizeof(*list), report_compare_threads);
    build->report->threads = list;
    build->report->thread_count = table->count;
    return true;
}

static int report_compare_pools(const void *left, const void *right)
{
    const struct report_pool *a = left, *b = right;
    if (a->live_bytes != b->live_bytes)
        return a->live_bytes > b->live_bytes ? -1 : 1;
    if (a->bytes_allocated != b->bytes_allocated)
        return a->bytes_allocated > b->bytes_allocated ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool report_build_pools(struct report_build *build)
{
    const struct pool_model *pools = &build->model->pools;
    struct report_pool *list = arena_array(build->arena, pools->name_count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < pools->name_count; i++) {
        const struct pool_name *pool = &pools->names[i];
        list[i] = (struct report_pool){report_copy(build, pool->name),
                                       pool->allocations,
                                       pool->frees,
                                       pool->bytes_allocated,
                                       pool->live_bytes,
                                       pool->live_blocks,
                                       pool->peak_bytes};
        if (!list[i].name)
            return false;
    }
    qsort(list, pools->name_count, sizeof(*list), report_compare_pools);
    build->report->pools = list;
    build->report->pool_count = pools->name_count;
    return true;
}

static void report_hex(const struct module *module, char *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t bytes = module->build_id_size < size / 2 ? module->build_id_size : size / 2;
    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = digits[module->build_id[i] >> 4];
        text[2 * i + 1] = digits[module->build_id[i] & 15];
    }
    text[2 * bytes] = '\0';
}

static bool report_build_modules(struct report_build *build)
{
    const struct module_table *table = &build->model->modules;
    struct report_module *list = arena_array(build->arena, table->count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const struct module *module = &table->modules[i];
        list[i].path = report_copy(build, module->path);
        list[i].start = module->start;
        list[i].end = module->end;
        report_hex(module, list[i].build_id, sizeof(list[i].build_id));
        if (!list[i].path)
            return false;
    }
    build->report->modules = list;
    build->report->module_count = table->count;
    return true;
}

bool report_build_lists(struct report_build *build)
{
    return report_build_samples(build) && report_build_phases(build) &&
           report_build_snapshots(build) && report_build_threads(build) &&
           report_build_pools(build) && report_build_modules(build);
}
