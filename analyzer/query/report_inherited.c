/* SPDX-License-Identifier: Apache-2.0 */
/* What a forked child has from its parent, and what became of it. */
#include "query/fault_sums.h"

static const char *report_inherit_state(enum inherit_state state)
{
    static const char *const names[] = {
        [INHERIT_NONE] = NULL,
        [INHERIT_UNTOLD] = "untold",
        [INHERIT_MISSING] = "missing",
        [INHERIT_OTHER] = "other",
        [INHERIT_UNREADABLE] = "unreadable",
        [INHERIT_LARGE] = "large",
        [INHERIT_TAKEN] = "taken",
    };
    return names[state];
}

static void report_count_copies(struct report_inherited *inherited,
                                const struct report_fault_target *target)
{
    uint64_t copies = target->counts.kinds[REPORT_FAULT_COPY];
    if (!target->site || !target->site->inherited)
        return;
    inherited->copies += copies;
    if (copies > inherited->copied_faults) {
        inherited->copied = target->site;
        inherited->copied_faults = copies;
    }
}

bool report_build_inherited(struct report_build *build)
{
    const struct inheritance *from = &build->model->inheritance;
    const struct heap_model *heap = &build->model->heap;
    struct report *report = build->report;
    report->inherited = (struct report_inherited){
        .state = report_inherit_state(from->state),
        .trace = report_copy(build, from->path),
        .pid = from->pid,
        .taken = from->state == INHERIT_TAKEN,
        .blocks = report_heap_sum(build, from->blocks),
        .bytes = report_heap_sum(build, from->bytes),
        .mappings = from->mappings,
        .live_blocks = report_heap_sum(build, heap->inherited_blocks),
        .live_bytes = report_heap_sum(build, heap->inherited_bytes),
    };
    for (size_t i = 0; i < report->fault_target_count; i++)
        report_count_copies(&report->inherited, report->fault_targets[i]);
    return !from->path || report->inherited.trace;
}
