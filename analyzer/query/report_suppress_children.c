/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on suppressed blocks is suppressed, too, as in LeakSanitizer, which takes those for
 * roots once it knows them.  The blocks of a site and class may then be so in part: the entry
 * becomes two. */
#include <stdlib.h>
#include <string.h>

#include "query/leak_sums.h"
#include "query/report_suppress.h"
#include "suppress/suppression.h"

struct children {
    struct report_build *build;
    const struct reach_model *reach;
    const uint32_t *hidden_by;         /* by leak: suppression + 1, or 0 */
    uint32_t (*entries)[LEAK_CLASSES]; /* by site: leak + 1, or 0 */
    uint32_t *owners;                  /* by block of the graph: suppression + 1, or 0 */
    uint32_t *waiting;                 /* blocks whose pointers are to be followed */
    size_t waiting_count;
    struct leak_sum *parts; /* by leak: what of it is hidden so */
    size_t part_count;      /* that are not empty */
};

static uint32_t children_entry(const struct children *children, size_t block)
{
    enum report_leak_class class =
        leak_class(children->build->model, children->reach->classes.classes[block]);
    return children->entries[children->reach->graph.blocks[block].site][class];
}

static void children_hide(struct children *children, uint32_t block, uint32_t owner)
{
    children->owners[block] = owner;
    children->waiting[children->waiting_count++] = block;
}

static void children_find_entries(struct children *children)
{
    const struct report *report = children->build->report;
    for (size_t i = 0; i < report->leak_count; i++) {
        size_t site = (size_t)(report->leaks[i].site - children->build->sites);
        children->entries[site][report->leaks[i].class] = (uint32_t)i + 1;
    }
}

/* A block that is possibly held by something else is not for its parent's sake to be hidden, unless
 * that is no better known. */
static void children_follow(struct children *children)
{
    const struct reach_graph *graph = &children->reach->graph;
    const uint8_t *classes = children->reach->classes.classes;
    while (children->waiting_count) {
        uint32_t block = children->waiting[--children->waiting_count];
        for (uint64_t edge = graph->first[block]; edge < graph->first[block + 1]; edge++) {
            uint32_t target = graph->edges[edge] & ~REACH_INTERIOR;
            if (!children->owners[target] && classes[target] != REACH_REACHABLE &&
                (classes[target] != REACH_POSSIBLE || classes[block] == REACH_POSSIBLE))
                children_hide(children, target, children->owners[block]);
        }
    }
}

static void children_mark(struct children *children)
{
    for (size_t i = 0; i < children->reach->graph.block_count; i++) {
        uint32_t entry = children_entry(children, i);
        if (entry && children->hidden_by[entry - 1] && !children->owners[i] &&
            children->reach->classes.classes[i] != REACH_REACHABLE) {
            children_hide(children, (uint32_t)i, children->hidden_by[entry - 1]);
            children_follow(children);
        }
    }
}

/* Estimates may be rounded to more than their sum; where nothing is certain, no leader has any. */
static void children_take(uint64_t *sum, uint64_t part)
{
    *sum -= part < *sum ? part : *sum;
}

/* An indirect block is no longer among those that are lost with its leader. */
static void children_leave(struct children *children, size_t block,
                           const struct sample_weight *weight)
{
    struct report_leak *leaks = report_own_leaks(children->build);
    if (children->reach->classes.classes[block] != REACH_INDIRECT)
        return;
    uint32_t entry = children_entry(children, children->reach->classes.leaders[block]);
    if (!entry || children->hidden_by[entry - 1])
        return;
    children_take(&leaks[entry - 1].indirect_bytes,
                  report_heap_sum(children->build, weight->bytes));
    children_take(&leaks[entry - 1].indirect_blocks,
                  report_heap_sum(children->build, weight->blocks));
}

static void children_sum(struct children *children)
{
    struct report_build *build = children->build;
    const struct heap_model *heap = &build->model->heap;
    for (size_t i = 0; i < children->reach->graph.block_count; i++) {
        uint32_t owner = children->owners[i], entry = children_entry(children, i);
        const struct live_block *block = owner ? leak_sums_still_live(build->model, i) : NULL;
        if (!block || !entry || children->hidden_by[entry - 1])
            continue;
        struct sample_weight weight = sample_weigh(heap->sample_interval, block->size);
        struct leak_sum *part = &children->parts[entry - 1];
        struct suppression *suppression = &build->suppressions->items[owner - 1];
        children->part_count += part->recorded == 0;
        part->recorded++;
        part->bytes += weight.bytes;
        part->blocks += weight.blocks;
        sample_variance_add(&part->variance, &weight);
        suppression->bytes += report_heap_sum(build, weight.bytes);
        suppression->blocks += report_heap_sum(build, weight.blocks);
        children_leave(children, i, &weight);
    }
}

static void children_split_objects(const struct children *children, struct report_leak *leak)
{
    size_t kept = 0;
    for (size_t i = 0; i < leak->object_count; i++) {
        size_t block = reach_graph_find(&children->reach->graph, leak->objects[i].address);
        if (block == SIZE_MAX || !children->owners[block])
            leak->objects[kept++] = leak->objects[i];
    }
    leak->object_count = kept;
}

/* Takes the hidden part out of the leak; it is returned. */
static struct report_leak children_split(const struct children *children, struct report_leak *leak,
                                         const struct leak_sum *part)
{
    uint64_t interval = leak->estimated ? children->build->model->heap.sample_interval : 0;
    struct report_leak hidden = *leak;
    hidden.bytes = sample_estimate(interval, part->bytes);
    hidden.blocks = sample_estimate(interval, part->blocks);
    hidden.recorded = part->recorded;
    hidden.indirect_bytes = hidden.indirect_blocks = 0;
    hidden.object_count = 0;
    children_split_objects(children, leak);
    if (interval)
        hidden.margin = report_margin(interval, &part->variance, part->recorded);
    children_take(&leak->bytes, hidden.bytes);
    children_take(&leak->blocks, hidden.blocks);
    leak->recorded -= hidden.recorded;
    return hidden;
}

static bool children_apply(struct children *children)
{
    struct report_build *build = children->build;
    struct report *report = build->report;
    size_t count = report->leak_count, next = count;
    struct report_leak *leaks =
        arena_array(build->arena, count + children->part_count, sizeof(*leaks));
    if (!leaks)
        return false;
    memcpy(leaks, report->leaks, count * sizeof(*leaks));
    for (size_t i = 0; i < count; i++) {
        const struct leak_sum *part = &children->parts[i];
        if (part->recorded == 0)
            continue;
        if (part->recorded >= leaks[i].recorded) {
            report_suppress(report, &leaks[i]);
            continue;
        }
        leaks[next] = children_split(children, &leaks[i], part);
        report_suppress(report, &leaks[next++]);
    }
    qsort(leaks, next, sizeof(*leaks), report_compare_leaks);
    report->leaks = leaks;
    report->leak_count = next;
    return true;
}

bool report_suppress_children(struct report_build *build, const uint32_t *hidden_by)
{
    const struct trace_model *model = build->model;
    struct children children = {.build = build, .reach = &model->reach, .hidden_by = hidden_by};
    size_t blocks = model->reach.graph.block_count;
    if (!reach_model_judge(&model->reach))
        return true;
    children.entries = calloc(model->sites.count + 1, sizeof(*children.entries));
    children.owners = calloc(blocks + 1, sizeof(*children.owners));
    children.waiting = calloc(blocks + 1, sizeof(*children.waiting));
    children.parts = calloc(build->report->leak_count + 1, sizeof(*children.parts));
    bool good = children.entries && children.owners && children.waiting && children.parts;
    if (good) {
        children_find_entries(&children);
        children_mark(&children);
        children_sum(&children);
        good = children.part_count == 0 || children_apply(&children);
    }
    free(children.entries);
    free(children.owners);
    free(children.waiting);
    free(children.parts);
    return good;
}
