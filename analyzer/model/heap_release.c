/* SPDX-License-Identifier: Apache-2.0 */
#include "model/heap_release.h"

enum heap_family { HEAP_FAMILY_MALLOC, HEAP_FAMILY_NEW, HEAP_FAMILY_NEW_ARRAY };

static enum heap_family heap_alloc_family(uint32_t kind)
{
    uint32_t subkind = kind >> 8;
    if ((kind & 0xff) == VMT_NEW || subkind == VMT_SUB_NEW_ALIGNED)
        return HEAP_FAMILY_NEW;
    if ((kind & 0xff) == VMT_NEW_ARRAY || subkind == VMT_SUB_NEW_ARRAY_ALIGNED)
        return HEAP_FAMILY_NEW_ARRAY;
    return HEAP_FAMILY_MALLOC;
}

static enum heap_family heap_release_family(const struct event *event)
{
    if (event->kind == VMT_DELETE || event->subkind == VMT_SUB_DELETE_ALIGNED)
        return HEAP_FAMILY_NEW;
    if (event->kind == VMT_DELETE_ARRAY || event->subkind == VMT_SUB_DELETE_ARRAY_ALIGNED)
        return HEAP_FAMILY_NEW_ARRAY;
    return HEAP_FAMILY_MALLOC;
}

static struct memory_error heap_error(const struct heap_model *heap,
                                      const struct stream_state *stream, const struct event *event,
                                      uint32_t node, enum memory_error_kind kind)
{
    return (struct memory_error){
        .kind = kind,
        .address = event->address,
        .ticks = event->ticks,
        .tid = thread_table_tid(heap->threads, stream->thread),
        .node = node,
        .allocated = STACK_NONE,
        .freed = STACK_NONE,
        .released_kind = SITE_KIND(event->kind, event->subkind),
    };
}

bool heap_release_unknown(struct heap_model *heap, struct stream_state *stream,
                          const struct event *event, uint32_t node)
{
    if (heap->sample_interval)
        return false;
    const struct freed_block *freed = freed_history_find(&heap->history, event->address);
    struct memory_error error = heap_error(heap, stream, event, node, ERROR_INVALID_FREE);
    if (freed && !heap_model_blind_since(heap, freed->ticks)) {
        error.kind = event->type == EVENT_REALLOC_BEGIN ? ERROR_REALLOC_FREED : ERROR_DOUBLE_FREE;
        error.place = ERROR_PLACE_BLOCK;
        error.block_size = freed->size;
        error.allocated = heap->sites->sites[freed->site].node;
        error.freed = freed->node;
    } else if (heap->inherits) {
        return false;
    } else if (heap->errors->place && heap->errors->count < ERROR_MAX) {
        heap->errors->place(heap->errors->context, &error);
    }
    stream->error = error_model_add(heap->errors, &error);
    return true;
}

void heap_release_check(struct heap_model *heap, struct stream_state *stream,
                        const struct event *event, uint32_t node, const struct live_block *block)
{
    uint32_t kind = heap->sites->sites[block->site].kind;
    if (heap->sample_interval || heap_alloc_family(kind) == heap_release_family(event))
        return;
    struct memory_error error = heap_error(heap, stream, event, node, ERROR_MISMATCHED_FREE);
    error.place = ERROR_PLACE_BLOCK;
    error.block_size = block->size;
    error.allocated = heap->sites->sites[block->site].node;
    error.allocated_kind = kind;
    stream->error = error_model_add(heap->errors, &error);
}

void heap_release_outcome(struct heap_model *heap, struct stream_state *stream, uint32_t node)
{
    if (stream->error != ERROR_NONE && node != STACK_NONE)
        error_model_set_stack(heap->errors, stream->error, node);
    stream->error = ERROR_NONE;
}
