/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "query/process_state.h"
#include "query/report_build.h"

static int report_compare_arguments(const void *left, const void *right)
{
    const struct argument *a = left, *b = right;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool report_build_argv(struct report_build *build)
{
    const struct process_facts *facts = &build->model->facts;
    size_t count = facts->argument_count;
    struct argument *sorted = arena_array(build->arena, count, sizeof(*sorted));
    const char **argv = arena_array(build->arena, count + 1, sizeof(*argv));
    if (!sorted || !argv)
        return false;
    if (count) {
        memcpy(sorted, facts->arguments, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), report_compare_arguments);
    }
    for (size_t i = 0; i < count; i++) {
        argv[i] = report_copy(build, sorted[i].text);
        if (!argv[i])
            return false;
    }
    build->report->argv = argv;
    build->report->argc = count;
    return true;
}

static bool report_build_facts(struct report_build *build)
{
    const struct process_facts *facts = &build->model->facts;
    struct {
        const char *key, *value;
    } *list = arena_array(build->arena, facts->fact_count, sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < facts->fact_count; i++) {
        list[i].key = report_copy(build, facts->facts[i].key);
        list[i].value = report_copy(build, facts->facts[i].value);
        if (!list[i].key || !list[i].value)
            return false;
    }
    build->report->facts = (void *)list;
    build->report->fact_count = facts->fact_count;
    return true;
}

static void report_build_end(struct report_build *build)
{
    struct report *report = build->report;
    const struct process_facts *facts = &build->model->facts;
    const struct vmt_file_header *header = &build->model->header;
    report->exit_status = -1;
    report->signal = facts->crash_signal;
    report->user_cpu_ns = report->system_cpu_ns = REPORT_UNKNOWN;
    if (facts->ended) {
        report->end = REPORT_END_EXIT;
        report->exit_status = (int)(facts->end_status & 0xff);
        report->user_cpu_ns = facts->end_user_ns;
        report->system_cpu_ns = facts->end_system_ns;
    } else if (facts->crash_signal || header->end_state == VMT_END_SIGNAL) {
        report->end = REPORT_END_SIGNAL;
        if (!report->signal)
            report->signal = (int)(header->end_status & 0x7f);
    } else if (facts->replaced || header->end_state == VMT_END_EXEC) {
        report->end = REPORT_END_EXEC;
    } else if (header->end_state == VMT_END_EXIT) { /* its END record was lost */
        report->end = REPORT_END_EXIT;
        report->exit_status = (int)(header->end_status & 0xff);
    } else {
        report->end = process_state_running(header) ? REPORT_END_RUNNING : REPORT_END_KILLED;
    }
}

/* The recorder's word, else the main module, else what the program was called as. */
static const char *report_find_exe(const struct trace_model *model)
{
    const char *exe = process_facts_get(&model->facts, "exe");
    for (size_t i = 0; !exe && i < model->modules.count; i++) {
        if (model->modules.modules[i].flags & VMT_MODULE_MAIN)
            exe = model->modules.modules[i].path;
    }
    if (!exe && model->facts.argument_count)
        exe = model->facts.arguments[0].text;
    return exe ? exe : "unknown";
}

bool report_build_process(struct report_build *build)
{
    struct report *report = build->report;
    const struct trace_model *model = build->model;
    report->pid = model->header.pid;
    report->ppid = model->header.ppid;
    report->exe = report_copy(build, report_find_exe(model));
    report->trace_path = report_copy(build, model->path);
    report->start_time_ns = model->header.start_realtime_ns;
    report->duration_ns = report_ns(build, model->last_ticks);
    report->forked = model->header.flags & VMT_FLAG_FORKED;
    report_build_end(build);
    return report->exe && report->trace_path && report_build_argv(build) &&
           (build->options->findings_only || report_build_facts(build));
}

static void report_summarise_heap(struct report_build *build)
{
    struct report *report = build->report;
    const struct heap_model *heap = &build->model->heap;
    report->sample_interval = heap->sample_interval;
    report->recorded = heap->samples;
    report->allocations = report_heap_sum(build, heap->allocations);
    report->frees = report_heap_sum(build, heap->frees);
    report->bytes_allocated = report_heap_sum(build, heap->bytes_allocated);
    report->bytes_freed = report_heap_sum(build, heap->bytes_freed);
    report->failed_allocations = heap->failed;
    report->reallocations = report_heap_sum(build, heap->reallocations);
    report->temporary = report_heap_sum(build, heap->temporary);
    report->peak_live_bytes = report_heap_sum(build, heap->peak_bytes);
    report->peak_live_blocks = report_heap_sum(build, heap->peak_blocks);
    report->most_live_blocks = report_heap_sum(build, heap->most_blocks);
    report->live_bytes_at_end = report_heap_sum(build, heap->live_bytes);
    report->live_blocks_at_end = report_heap_sum(build, heap->live_blocks);
    report->attributed_minor = heap->attributed_minor;
    report->attributed_major = heap->attributed_major;
    report->inherited_frees = heap->inherited_frees;
    report->impossible = heap->impossible;
}

static void report_summarise_maps(struct report *report, const struct mapping_model *maps)
{
    report->mapped_bytes = maps->mapped_bytes;
    report->unmapped_bytes = maps->unmapped_bytes;
    report->map_calls = maps->map_calls;
    report->unmap_calls = maps->unmap_calls;
    report->live_mapped_bytes = maps->live_bytes;
    report->advise_calls = maps->advise_calls;
    report->advised_bytes = maps->advised_bytes;
}

static void report_summarise_memory(struct report *report, const struct trace_model *model)
{
    const struct timeline *timeline = &model->timeline;
    const struct process_facts *facts = &model->facts;
    bool sampled = timeline->sample_total > 0;
    report->minor_faults = report->major_faults = REPORT_UNKNOWN;
    report->peak_rss_bytes = sampled ? timeline->peak_rss_bytes : REPORT_UNKNOWN;
    report->rss_at_end_bytes = sampled ? timeline->last_sample.rss_bytes : REPORT_UNKNOWN;
    report->virtual_at_end_bytes = sampled ? timeline->last_sample.virtual_bytes : REPORT_UNKNOWN;
    if (sampled) {
        report->minor_faults = timeline->last_sample.minor;
        report->major_faults = timeline->last_sample.major;
    }
    if (!facts->ended)
        return;
    report->minor_faults = facts->end_minor;
    report->major_faults = facts->end_major;
    if (facts->end_max_rss && (!sampled || facts->end_max_rss > report->peak_rss_bytes))
        report->peak_rss_bytes = facts->end_max_rss;
}

void report_build_summary(struct report_build *build)
{
    static const char *const sources[] = {"off", "perf", "rusage"};
    struct report *report = build->report;
    const struct trace_model *model = build->model;
    uint32_t source = model->header.fault_source;
    report_summarise_heap(build);
    report_summarise_maps(report, &model->maps);
    report_summarise_memory(report, model);
    report->peak_t_ns = report_ns(build, model->heap.peak_ticks);
    report->most_live_blocks_t_ns = report_ns(build, model->heap.most_blocks_ticks);
    report->fault_source = source < sizeof(sources) / sizeof(*sources) ? sources[source] : "off";
    report->kernel_faults = model->header.flags & VMT_FLAG_KERNEL_FAULTS;
    report->exact_faults = model->header.flags & VMT_FLAG_EXACT_FAULTS;
    report->lost_events = model->header.lost_events;
    report->threads_seen = model->threads.count;
    report->trace_bytes = model->bytes;
    report->trace_events = model->events;
}
