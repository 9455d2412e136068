/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "query/report_build.h"
#include "suppress/suppression.h"

const char *report_copy(struct report_build *build, const char *text)
{
    return text ? arena_string(build->arena, text, strlen(text)) : NULL;
}

static struct report *report_empty(void)
{
    struct arena *arena = arena_new();
    struct report *report = arena ? arena_alloc(arena, sizeof(*report)) : NULL;
    if (report)
        report->arena = arena;
    else
        arena_free(arena);
    return report;
}

void report_free(struct report *report)
{
    if (report)
        arena_free(report->arena);
}

/* JIT code is named by the map of the process that was traced. */
static struct symbolizer *report_open_symbolizer(const struct trace_model *model,
                                                 const struct report_options *options)
{
    struct symbolizer_options symbols = {.same_machine = true};
    if (options->symbols)
        symbols = *options->symbols;
    if (symbols.pid == 0)
        symbols.pid = model->header.pid;
    if (!options->symbolizer)
        return symbolizer_new(&symbols);
    symbolizer_next_process(options->symbolizer, symbols.pid);
    return options->symbolizer;
}

static bool report_build_frames(struct report_build *build)
{
    build->report->frames = frame_cache_table(&build->frames);
    build->report->frame_count = build->frames.frame_count;
    return build->report->frames != NULL;
}

static bool report_build_all(struct report_build *build)
{
    if (!report_build_process(build) || !report_build_untraced(build))
        return false;
    report_build_summary(build);
    if (!report_build_sites(build) || !report_build_leaks(build) || !report_suppress_leaks(build))
        return false;
    report_build_estimates(build);
    bool whole = !build->options->findings_only;
    return report_build_lists(build) && (!whole || report_build_retention(build)) &&
           report_build_residency(build) &&
           (whole ? report_build_faults(build) : report_build_inherited(build)) &&
           report_build_errors(build) && report_suppress_errors(build) &&
           report_list_suppressions(build) && report_build_frames(build) &&
           report_build_notes(build);
}

struct report *report_new(const struct trace_model *model, const struct report_options *options)
{
    struct report *report = report_empty();
    if (!report)
        return NULL;
    struct report_build build = {
        .report = report, .arena = report->arena, .model = model, .options = options};
    struct symbolizer *symbolizer =
        options->resolve ? report_open_symbolizer(model, options) : NULL;
    build.stacks = calloc(model->stacks.count, sizeof(*build.stacks));
    bool good = build.stacks && (symbolizer || !options->resolve) &&
                frame_cache_init(&build.frames, build.arena, &model->modules, symbolizer) &&
                report_build_all(&build);
    if (options->progress)
        options->progress(options->progress_context, "resolving symbols", 1000);
    frame_cache_release(&build.frames);
    string_list_release(&build.notes);
    string_list_release(&build.suppression_notes);
    suppression_list_free(build.suppressions);
    free(build.stacks);
    if (!options->symbolizer)
        symbolizer_free(symbolizer);
    if (good)
        return report;
    report_free(report);
    return NULL;
}
