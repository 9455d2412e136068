/* SPDX-License-Identifier: Apache-2.0 */
#include "model/trace_model.h"

#include <stdlib.h>
#include <string.h>

#include "model/error_place.h"
#include "model/trace_reading.h"
#include "model/trace_state.h"

struct trace_model *trace_model_new(void)
{
    struct trace_model *model = calloc(1, sizeof(*model));
    if (!model)
        return NULL;
    model->arena = arena_new();
    if (!model->arena || !stack_tree_init(&model->stacks)) {
        trace_model_free(model);
        return NULL;
    }
    heap_model_init(&model->heap, &model->sites, &model->stacks, &model->errors, &model->threads);
    model->errors.place = error_place_find;
    model->errors.context = model;
    timeline_init(&model->timeline, &model->heap, model->arena);
    fault_model_init(&model->faults, &model->heap, &model->maps, &model->residency, &model->modules,
                     &model->stacks);
    pool_model_init(&model->pools, &model->sites, &model->stacks, &model->heap.eras, model->arena);
    return model;
}

void trace_model_free(struct trace_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->stream_count; i++) {
        node_map_release(&model->streams[i].nodes);
        mapping_list_release(&model->streams[i].removed);
        free(model->streams[i].waiting.faults);
    }
    free(model->streams);
    process_facts_release(&model->facts);
    untraced_list_release(&model->untraced);
    clock_model_release(&model->clock);
    timeline_release(&model->timeline);
    pool_model_release(&model->pools);
    fault_model_release(&model->faults);
    residency_model_release(&model->residency);
    reach_model_release(&model->reach);
    lsan_model_release(&model->lsan);
    mapping_model_release(&model->maps);
    heap_model_release(&model->heap);
    thread_table_release(&model->threads);
    error_model_release(&model->errors);
    unmap_history_release(&model->unmapped);
    site_table_release(&model->sites);
    stack_tree_release(&model->stacks);
    module_table_release(&model->modules);
    arena_free(model->arena);
    free(model);
}

/* Whether the kernel hands out huge pages unasked, or did. */
static bool trace_has_huge_pages(const struct trace_model *model)
{
    const char *mode = process_facts_get(&model->facts, "thp_enabled");
    const struct residency *last = residency_model_last(&model->residency);
    return (mode && strstr(mode, "[always]")) || (last && last->huge > 0);
}

bool trace_model_finish(struct trace_model *model)
{
    for (size_t i = 0; i < model->stream_count; i++) {
        if (!heap_model_abandon(&model->heap, &model->streams[i]) ||
            !fault_model_settle(&model->faults, &model->streams[i], NULL))
            return false;
    }
    fault_model_finish(&model->faults, trace_has_huge_pages(model));
    timeline_finish(&model->timeline, model->last_ticks);
    reach_model_finish(&model->reach);
    return true;
}

static enum vmt_error trace_model_read_source(struct trace_model *model, struct source *source,
                                              struct error *error,
                                              const struct trace_progress *progress)
{
    struct trace_reading reading;
    enum vmt_error code = trace_reading_open(&reading, model, source, error);
    if (code != VMT_OK)
        return code;
    code = trace_reading_run(&reading, TRACE_READING_TO_THE_END, error, progress);
    if (code == VMT_OK && !trace_model_finish(model))
        code = error_no_memory(error);
    trace_reading_close(&reading);
    return code;
}

void trace_model_want_parent(struct trace_model *model)
{
    model->every_parent = true;
}

void trace_model_share_parents(struct trace_model *model, struct parent_shelf *shelf)
{
    model->shelf = shelf;
}

void trace_model_skip_faults(struct trace_model *model)
{
    model->without_faults = true;
}

enum vmt_error trace_model_read(struct trace_model *model, const char *path, struct error *error,
                                const struct trace_progress *progress)
{
    struct source *source;
    model->path = arena_string(model->arena, path, strlen(path));
    if (!model->path)
        return error_no_memory(error);
    enum vmt_error code = source_open(path, &source, error);
    return code == VMT_OK ? trace_model_read_source(model, source, error, progress) : code;
}

enum vmt_error trace_model_read_memory(struct trace_model *model, const void *bytes, size_t size,
                                       struct error *error)
{
    struct source *source;
    model->path = "-";
    enum vmt_error code = source_from_memory(bytes, size, &source, error);
    return code == VMT_OK ? trace_model_read_source(model, source, error, NULL) : code;
}
