/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "query/leak_sums.h"

static const char *const reasons[] = {
    [VMT_SCAN_EXIT] = "exit",
    [VMT_SCAN_SNAPSHOT] = "snapshot",
    [VMT_SCAN_SIGNAL] = "signal",
    [VMT_SCAN_LSAN] = "lsan",
};

static const char *const stops[] = {
    [VMT_STOP_ALONE] = "alone",
    [VMT_STOP_PTRACE] = "ptrace",
    [VMT_STOP_SIGNAL] = "signal",
    [VMT_STOP_NONE] = "none",
};

static void report_scan_sums(const struct report_build *build, const struct reach_scan *scan,
                             struct report_scan *shown)
{
    static const enum report_leak_class classes[REACH_CLASSES] = {
        [REACH_DEFINITE] = REPORT_LEAK_DEFINITE,
        [REACH_INDIRECT] = REPORT_LEAK_INDIRECT,
        [REACH_POSSIBLE] = REPORT_LEAK_POSSIBLE,
        [REACH_REACHABLE] = REPORT_LEAK_REACHABLE,
    };
    for (size_t i = 0; i < REACH_CLASSES; i++) {
        enum report_leak_class class = classes[i];
        if (!shown->certain && class != REPORT_LEAK_REACHABLE)
            class = REPORT_LEAK_POSSIBLE;
        shown->classes[class].bytes += report_heap_sum(build, scan->sums[i].bytes);
        shown->classes[class].blocks += report_heap_sum(build, scan->sums[i].blocks);
    }
}

static bool report_fill_scan(struct report_build *build, const struct reach_scan *scan,
                             struct report_scan *shown)
{
    *shown = (struct report_scan){
        .number = scan->number,
        .reason = reasons[scan->reason],
        .name = report_copy(build, scan->name),
        .t_ns = report_ns(build, scan->ticks),
        .stop = stops[scan->stop],
        .threads = scan->threads,
        .stopped = scan->stopped,
        .pause_ns = scan->pause_ns,
        .duration_ns = scan->duration_ns,
        .pointers = scan->pointers,
        .unreadable_bytes = scan->unreadable_bytes,
        .failure = report_copy(build, scan->failure),
        .certain = scan->all_stopped && !scan->unreadable_bytes && !build->model->reach.lossy,
        .all_blocks = scan->all_blocks,
    };
    if (!scan->failure)
        report_scan_sums(build, scan, shown);
    return shown->name && (shown->failure || !scan->failure);
}

/* Why there is no verdict: the last scan's failure, or why the process never came to one. */
static const char *report_scan_missing(struct report_build *build)
{
    const struct reach_model *reach = &build->model->reach;
    const char *fact = process_facts_get(&build->model->facts, "scan");
    const char *other = process_facts_get(&build->model->facts, "preempted_by");
    if (reach->count)
        return arena_printf(build->arena, "failed: %s", reach->scans[reach->count - 1].failure);
    if (fact && strcmp(fact, "exit") != 0)
        return report_copy(build, fact);
    if (!fact)
        return "off";
    if (other && !build->model->heap.samples)
        return arena_printf(build->arena, "failed: its malloc is that of %s", other);
    switch (build->report->end) {
    case REPORT_END_RUNNING:
        return "failed: the process still runs";
    case REPORT_END_KILLED:
        return "failed: the process was killed";
    case REPORT_END_SIGNAL:
        return arena_printf(build->arena, "failed: the process ended by signal %d",
                            build->report->signal);
    case REPORT_END_EXEC:
        return "failed: the process was replaced by another program";
    default:
        return build->model->heap.samples
                   ? "failed: there is no scan in the trace"
                   : "failed: no allocation was recorded: it made none, or not "
                     "by malloc";
    }
}

/* Nothing that would have told of an allocation is missing. */
static bool report_is_idle(const struct report_build *build)
{
    const struct trace_model *model = build->model;
    const struct heap_model *heap = &model->heap;
    return build->report->forked && build->report->end == REPORT_END_EXIT && heap->samples == 0 &&
           heap->sample_interval == 0 && !heap_model_blind_since(heap, 0) &&
           model->header.lost_events == 0 && !process_facts_get(&model->facts, "preempted_by");
}

bool report_build_scans(struct report_build *build)
{
    const struct reach_model *reach = &build->model->reach;
    struct report *report = build->report;
    struct report_scan *scans = arena_array(build->arena, reach->count, sizeof(*scans));
    if (!scans)
        return false;
    for (size_t i = 0; i < reach->count; i++)
        if (!report_fill_scan(build, &reach->scans[i], &scans[i]))
            return false;
    report->scans = scans;
    report->scan_count = reach->count;
    if (reach_model_judge(reach))
        report->judge = &scans[reach->judged];
    report->idle = report_is_idle(build);
    report->scan = report->judge ? "complete" : report_scan_missing(build);
    return report->scan != NULL;
}

static const struct reach_site *definite_of(const struct reach_scan *scan, uint32_t site)
{
    size_t low = 0, high = scan->definite_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (scan->definite[middle].site < site)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scan->definite_count && scan->definite[low].site == site ? &scan->definite[low]
                                                                          : NULL;
}

void report_scan_leak(struct report_build *build, uint32_t site, struct report_leak *leak)
{
    const struct reach_model *reach = &build->model->reach;
    const struct report *report = build->report;
    if (!report->judge || leak->class != REPORT_LEAK_DEFINITE)
        return;
    for (size_t i = 0; i <= reach->judged; i++) {
        const struct reach_site *found = definite_of(&reach->scans[i], site);
        leak->scans_seen += found != NULL;
        if (reach->scans[i].failure || i == reach->judged)
            continue;
        leak->before = &report->scans[i];
        leak->before_bytes = found ? report_heap_sum(build, found->sum.bytes) : 0;
        leak->before_blocks = found ? report_heap_sum(build, found->sum.blocks) : 0;
    }
}
