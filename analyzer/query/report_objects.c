/* SPDX-License-Identifier: Apache-2.0 */
/* Lost blocks one by one, for programs whose LSAN_OPTIONS say report_objects=1. */
#include <stdlib.h>

#include <vmtrace/lsan_options.h>

#include "query/leak_sums.h"

struct object_work {
    struct report_build *build;
    struct report_leak *leaks;         /* the report's */
    uint32_t (*entries)[LEAK_CLASSES]; /* by site: leak + 1, or 0 */
};

static bool objects_reserve(struct object_work *work)
{
    const struct report *report = work->build->report;
    for (size_t i = 0; i < report->leak_count; i++) {
        struct report_leak *leak = &work->leaks[i];
        if (leak->class >= REPORT_LEAK_REACHABLE)
            continue;
        leak->objects = arena_array(work->build->arena, leak->recorded, sizeof(*leak->objects));
        if (!leak->objects)
            return false;
        work->entries[leak->site - work->build->sites][leak->class] = (uint32_t)i + 1;
    }
    return true;
}

static void objects_fill(struct object_work *work)
{
    const struct trace_model *model = work->build->model;
    for (size_t i = 0; i < model->reach.graph.block_count; i++) {
        enum report_leak_class class = leak_class(model, model->reach.classes.classes[i]);
        const struct live_block *block = leak_sums_still_live(model, i);
        uint32_t entry = block ? work->entries[block->site][class] : 0;
        if (!entry || work->leaks[entry - 1].object_count >= work->leaks[entry - 1].recorded)
            continue;
        struct report_leak *leak = &work->leaks[entry - 1];
        leak->objects[leak->object_count++] =
            (struct report_object){model->reach.graph.blocks[i].start, block->size};
    }
}

bool report_list_objects(struct report_build *build, struct report_leak *leaks)
{
    const struct trace_model *model = build->model;
    const char *options = process_facts_get(&model->facts, "lsan_options");
    struct object_work work = {.build = build, .leaks = leaks};
    if (!build->report->judge || !lsan_option_is(options, "report_objects", false))
        return true;
    work.entries = calloc(model->sites.count + 1, sizeof(*work.entries));
    bool good = work.entries && objects_reserve(&work);
    if (good)
        objects_fill(&work);
    free(work.entries);
    return good;
}
