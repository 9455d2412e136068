/* SPDX-License-Identifier: Apache-2.0 */
#include "model/trace_model.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "compact/trace_input.h"
#include "decode/merge.h"
#include "model/error_place.h"
#include "model/trace_state.h"

/* First quantum of the era table: about a millisecond of a hardware counter; of an event
 * counter, so many events. */
#define MODEL_TICKS_QUANTUM UINT64_C(2000000)
#define MODEL_COUNTER_QUANTUM UINT64_C(1000)

#define MODEL_PROGRESS_EVENTS (UINT64_C(1) << 18)

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

/* What the file header tells, before the first event. */
static bool trace_model_begin(struct trace_model *model, const struct trace_reader *reader)
{
    const struct vmt_file_header *header = &reader->header;
    model->header = *header;
    model->bytes = source_size(reader->source);
    model->last_ticks = header->start_ticks;
    clock_model_init(&model->clock, header);
    mapping_model_init(&model->maps, &model->sites, &model->stacks, model->arena,
                       header->page_size);
    residency_model_init(&model->residency, &model->heap, &model->maps, &model->modules,
                         model->arena, model->path);
    reach_model_init(&model->reach, &model->heap, &model->pools, &model->residency, &model->modules,
                     &model->stacks, &model->inheritance, model->arena);
    model->reach.lsan = &model->lsan;
    model->reach.lossy = header->lost_events || trace_damage_any(&reader->damage);
    if (header->machine == EM_AARCH64)
        model->reach.address_bits = REACH_TAGGED_BITS;
    fault_model_start(&model->faults, header);
    model->heap.sample_interval = header->sample_interval;
    model->heap.inherits = (header->flags & VMT_FLAG_FORKED) || header->lost_events ||
                           header->sample_interval || trace_damage_any(&reader->damage);
    if (header->flags & VMT_FLAG_FORKED)
        model->inheritance.state = INHERIT_UNTOLD;
    model->streams = calloc(reader->stream_count + 1, sizeof(*model->streams));
    if (!model->streams)
        return false;
    model->heap.streams = model->streams;
    model->heap.stream_count = model->stream_count = reader->stream_count;
    for (size_t i = 0; i < model->stream_count; i++) {
        model->streams[i].index = (uint32_t)i;
        model->streams[i].thread = UINT32_MAX;
        model->streams[i].error = model->streams[i].handled = ERROR_NONE;
        model->streams[i].unmap_error = ERROR_NONE;
    }
    uint64_t quantum =
        header->clock == VMT_CLOCK_TICKS ? MODEL_TICKS_QUANTUM : MODEL_COUNTER_QUANTUM;
    return heap_model_start(&model->heap, header->start_ticks, quantum);
}

/* Whether the kernel hands out huge pages unasked, or did. */
static bool trace_has_huge_pages(const struct trace_model *model)
{
    const char *mode = process_facts_get(&model->facts, "thp_enabled");
    const struct residency *last = residency_model_last(&model->residency);
    return (mode && strstr(mode, "[always]")) || (last && last->huge > 0);
}

static bool trace_model_finish(struct trace_model *model, const struct trace_reader *reader)
{
    for (size_t i = 0; i < model->stream_count; i++) {
        if (!heap_model_abandon(&model->heap, &model->streams[i]) ||
            !fault_model_settle(&model->faults, &model->streams[i], NULL))
            return false;
    }
    fault_model_finish(&model->faults, trace_has_huge_pages(model));
    timeline_finish(&model->timeline, model->last_ticks);
    reach_model_finish(&model->reach);
    model->damage = reader->damage;
    return true;
}

static void trace_model_tell(const struct trace_progress *progress,
                             const struct trace_reader *reader, const struct merge *merge)
{
    uint64_t done = reader->chunk_count - merge->chunks_left;
    if (progress && progress->report && reader->chunk_count)
        progress->report(progress->context, "reading the trace",
                         (unsigned)(done * 1000 / reader->chunk_count));
}

/* Of a parent's trace nobody asks what was in memory, and nothing is of interest from the fork on.
 */
static bool trace_is_left_out(const struct event *event)
{
    return event->type == EVENT_COLD && event->op >= VMT_OP_RESIDENCY &&
           event->op <= VMT_OP_SCAN_END;
}

static enum vmt_error trace_model_events(struct trace_model *model, struct trace_reader *reader,
                                         struct error *error, const struct trace_progress *progress)
{
    struct merge merge;
    if (!merge_init(&merge, reader))
        return error_no_memory(error);
    struct event *event;
    size_t stream;
    uint64_t until_progress = MODEL_PROGRESS_EVENTS;
    enum decode_result result;
    while ((result = merge_next(&merge, &event, &stream)) == DECODE_EVENT) {
        if (model->depth && event->ticks >= model->until) {
            result = DECODE_END;
            break;
        }
        if (model->depth && trace_is_left_out(event))
            continue;
        if (!trace_model_apply(model, &model->streams[stream], event))
            break;
        if (--until_progress == 0) {
            until_progress = MODEL_PROGRESS_EVENTS;
            trace_model_tell(progress, reader, &merge);
        }
    }
    trace_model_tell(progress, reader, &merge);
    merge_release(&merge);
    return result == DECODE_END ? VMT_OK : error_no_memory(error);
}

static enum vmt_error trace_model_read_source(struct trace_model *model, struct source *source,
                                              struct error *error,
                                              const struct trace_progress *progress)
{
    struct trace_input input;
    enum vmt_error code = trace_input_open(&input, source, error);
    if (code != VMT_OK)
        return code;
    if (model->depth && input.reader.header.trace_id != model->expected_trace) {
        trace_input_release(&input);
        return error_set(error, VMT_ERROR_FORMAT, "is the trace of another process");
    }
    if (!trace_model_begin(model, &input.reader))
        code = error_no_memory(error);
    if (code == VMT_OK)
        code = trace_model_events(model, &input.reader, error, progress);
    if (code == VMT_OK && !trace_model_finish(model, &input.reader))
        code = error_no_memory(error);
    trace_input_release(&input);
    return code;
}

void trace_model_want_parent(struct trace_model *model)
{
    model->every_parent = true;
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

enum vmt_error trace_model_read_parent(struct trace_model *parent, const char *path,
                                       uint64_t trace_id, uint64_t until, struct error *error)
{
    parent->expected_trace = trace_id;
    parent->until = until;
    return trace_model_read(parent, path, error, NULL);
}

enum vmt_error trace_model_read_memory(struct trace_model *model, const void *bytes, size_t size,
                                       struct error *error)
{
    struct source *source;
    model->path = "-";
    enum vmt_error code = source_from_memory(bytes, size, &source, error);
    return code == VMT_OK ? trace_model_read_source(model, source, error, NULL) : code;
}
