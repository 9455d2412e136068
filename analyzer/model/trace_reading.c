/* SPDX-License-Identifier: Apache-2.0 */
#include "model/trace_reading.h"

#include <elf.h>
#include <stdlib.h>

#include "model/trace_state.h"

/* First quantum of the era table: about a millisecond of a hardware counter; of an event
 * counter, so many events. */
#define MODEL_TICKS_QUANTUM UINT64_C(2000000)
#define MODEL_COUNTER_QUANTUM UINT64_C(1000)

#define MODEL_PROGRESS_EVENTS (UINT64_C(1) << 18)

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

static void trace_tell(const struct trace_progress *progress, const struct trace_reading *reading)
{
    const struct trace_reader *reader = &reading->input.reader;
    uint64_t done = reader->chunk_count - reading->merge.chunks_left;
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

enum vmt_error trace_reading_open(struct trace_reading *reading, struct trace_model *model,
                                  struct source *source, struct error *error)
{
    *reading = (struct trace_reading){.model = model};
    enum vmt_error code = trace_input_open(&reading->input, source, error);
    if (code != VMT_OK)
        return code;
    if (model->depth && reading->input.reader.header.trace_id != model->expected_trace)
        code = error_set(error, VMT_ERROR_FORMAT, "is the trace of another process");
    else if (!trace_model_begin(model, &reading->input.reader) ||
             !merge_init(&reading->merge, &reading->input.reader))
        code = error_no_memory(error);
    if (code != VMT_OK)
        trace_input_release(&reading->input);
    return code;
}

void trace_reading_close(struct trace_reading *reading)
{
    merge_release(&reading->merge);
    trace_input_release(&reading->input);
}

/* Sets reading->event to the next one, unless it is there.  False: there is none, or no memory. */
static bool trace_next(struct trace_reading *reading, enum decode_result *result)
{
    *result = DECODE_EVENT;
    if (!reading->event)
        *result = reading->ended ? DECODE_END
                                 : merge_next(&reading->merge, &reading->event, &reading->stream);
    if (*result == DECODE_EVENT)
        return true;
    reading->event = NULL;
    reading->ended = true;
    return false;
}

enum vmt_error trace_reading_run(struct trace_reading *reading, uint64_t until, struct error *error,
                                 const struct trace_progress *progress)
{
    struct trace_model *model = reading->model;
    uint64_t until_progress = MODEL_PROGRESS_EVENTS;
    enum decode_result result;
    while (trace_next(reading, &result) &&
           (until == TRACE_READING_TO_THE_END || reading->event->ticks < until)) {
        struct event *event = reading->event;
        reading->event = NULL;
        if (model->depth && trace_is_left_out(event))
            continue;
        if (!trace_model_apply(model, &model->streams[reading->stream], event))
            return error_no_memory(error);
        if (--until_progress == 0) {
            until_progress = MODEL_PROGRESS_EVENTS;
            trace_tell(progress, reading);
        }
    }
    trace_tell(progress, reading);
    model->damage = reading->input.reader.damage;
    return result == DECODE_END || result == DECODE_EVENT ? VMT_OK : error_no_memory(error);
}
