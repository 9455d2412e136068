/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_apply.h"

#include <signal.h>

static struct memory_error error_of(const struct trace_model *model,
                                    const struct stream_state *stream, const struct event *event,
                                    uint32_t node, enum memory_error_kind kind)
{
    return (struct memory_error){
        .kind = kind,
        .ticks = event->ticks,
        .tid = thread_table_tid(&model->threads, stream->thread),
        .node = node,
        .allocated = STACK_NONE,
        .freed = STACK_NONE,
    };
}

/* The first number of a CRASH's last field is its flags, the others are registers. */
static unsigned error_read_registers(const struct event_cold *cold, unsigned *flags,
                                     uint64_t *registers, unsigned most)
{
    const uint8_t *cursor = (const uint8_t *)cold->rest.bytes, *end = cursor + cold->rest.length;
    uint64_t value = 0;
    unsigned count = 0;
    vmt_get_varint(&cursor, end, &value);
    *flags = (unsigned)value;
    while (count < most && vmt_get_varint(&cursor, end, &registers[count]))
        count++;
    return count;
}

/* Whether it is the signal of before, that the program's handler sent again or left to the default
 * action. */
static bool error_is_same_crash(const struct trace_model *model, const struct stream_state *stream,
                                const struct memory_error *error)
{
    if (stream->handled == ERROR_NONE || stream->handled >= model->errors.count ||
        (error->flags & VMT_CRASH_HANDLED))
        return false;
    const struct memory_error *before = &model->errors.errors[stream->handled];
    return before->signal == error->signal && before->tid == error->tid &&
           (error->code <= 0 || before->node == error->node);
}

/* If it was the release that was just found to be wrong, its stack is where that happened. */
void error_apply_crash(struct trace_model *model, struct stream_state *stream,
                       const struct event *event, uint32_t node)
{
    uint64_t registers[32];
    const uint64_t *values = event->cold.values;
    struct memory_error error = error_of(model, stream, event, node, ERROR_CRASH);
    unsigned count = error_read_registers(&event->cold, &error.flags, registers, 32);
    error.signal = values[0] < 128 ? (int)values[0] : 0;
    error.code = (int)(int64_t)values[1];
    error.address = values[2];
    error.follows = stream->error != ERROR_NONE;
    if (error.follows)
        error_model_set_stack(&model->errors, stream->error, node);
    stream->error = ERROR_NONE;
    if (error_is_same_crash(model, stream, &error)) {
        model->errors.errors[stream->handled].flags &= ~VMT_CRASH_HANDLED;
        stream->handled = ERROR_NONE;
        return;
    }
    if (error.code > 0 && (error.signal == SIGSEGV || error.signal == SIGBUS)) {
        error_place_find(model, &error);
        error_place_registers(model, &error, registers, count);
    }
    uint32_t index = error_model_add(&model->errors, &error);
    stream->handled = error.flags & VMT_CRASH_HANDLED ? index : ERROR_NONE;
}

/* Does the program's own mapping hold all of the range? */
static bool error_is_mapped(const struct mapping_list *list, uint64_t start, uint64_t end)
{
    size_t first, last = mapping_list_overlapping(list, start, end, &first);
    uint64_t covered = 0;
    for (size_t i = first; i < last; i++) {
        uint64_t low = list->mappings[i].start > start ? list->mappings[i].start : start;
        uint64_t high = list->mappings[i].end < end ? list->mappings[i].end : end;
        covered += high - low;
    }
    return covered == end - start;
}

static const struct live_block *error_block_within(const struct trace_model *model, uint64_t start,
                                                   uint64_t end)
{
    size_t position = 0;
    const struct live_block *block, *lowest = NULL;
    while ((block = block_table_next(&model->heap.blocks, &position))) {
        if (block->address < end && block->address + block->size > start &&
            (!lowest || block->address < lowest->address))
            lowest = block;
    }
    return lowest;
}

void error_apply_unmap(struct trace_model *model, struct stream_state *stream,
                       const struct event *event, uint32_t node)
{
    const uint64_t *values = event->cold.values;
    uint64_t start = values[1], end, mask = model->maps.page_size - 1;
    stream->unmap_error = ERROR_NONE;
    if ((values[0] & VMT_MAP_ALLOCATOR) || (start & mask) != 0 || values[2] == 0 ||
        model->heap.sample_interval || __builtin_add_overflow(start, values[2], &end) ||
        end > UINT64_MAX - mask)
        return;
    end = (end + mask) & ~mask;
    if (error_is_mapped(&model->maps.list, start, end))
        return;
    struct memory_error error = error_of(model, stream, event, node, ERROR_UNMAPPED_HEAP);
    const struct live_block *block =
        error_may_walk(model, &error) ? error_block_within(model, start, end) : NULL;
    if (!block)
        return;
    error.address = start;
    error.place = ERROR_PLACE_BLOCK;
    error.offset = end - start;
    error.block_size = block->size;
    error.allocated = model->sites.sites[block->site].node;
    stream->unmap_error = error_model_add(&model->errors, &error);
}

bool error_apply_unmapped(struct trace_model *model, const struct stream_state *stream,
                          const struct event *event, uint32_t node)
{
    for (size_t i = 0; event->op == VMT_OP_UNMAP && i < stream->removed.count; i++) {
        const struct mapping *piece = &stream->removed.mappings[i];
        struct unmapped_piece gone = {piece->start, piece->end, piece->site, node};
        if (piece->site != SITE_NONE && !unmap_history_push(&model->unmapped, &gone))
            return false;
    }
    return true;
}

void error_apply_unmap_failed(struct trace_model *model, struct stream_state *stream)
{
    if (stream->unmap_error != ERROR_NONE)
        error_model_take_back(&model->errors, stream->unmap_error);
    stream->unmap_error = ERROR_NONE;
}
