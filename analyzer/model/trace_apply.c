/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_apply.h"
#include "model/trace_state.h"

/* A chunk carries what a reader needs that did not see the ones before it. */
static bool trace_apply_chunk(struct trace_model *model, struct stream_state *stream,
                              const struct event *event)
{
    const struct event_chunk *chunk = &event->chunk;
    if (chunk->node_epoch != stream->node_epoch) {
        node_map_clear(&stream->nodes);
        stream->node_epoch = chunk->node_epoch;
    }
    if (chunk->gap) {
        heap_model_blind(&model->heap, event->ticks);
        reach_model_gap(&model->reach, stream->index);
    }
    if (stream->lost) {
        stream->lost = false;
        model->heap.lost_streams--;
        heap_model_blind(&model->heap, event->ticks);
    }
    stream->thread = thread_table_get(&model->threads, chunk->tid);
    return stream->thread != UINT32_MAX;
}

static bool trace_apply_nodes(struct trace_model *model, struct stream_state *stream,
                              struct event *event)
{
    struct event_nodes *nodes = &event->nodes;
    uint32_t parent = node_map_get(&stream->nodes, nodes->parent);
    for (uint32_t i = 0; i < nodes->count; i++) {
        uint64_t pc = event_nodes_next(nodes);
        parent = stack_tree_child(&model->stacks, &model->modules, parent, pc, event->ticks);
        if (parent == STACK_NONE || !node_map_add(&stream->nodes, nodes->first + i, parent))
            return false;
    }
    return true;
}

static bool trace_apply_thread(struct trace_model *model, struct stream_state *stream, uint64_t tid)
{
    stream->thread = thread_table_get(&model->threads, (uint32_t)tid);
    stream->last_alloc = 0;
    stream->ignoring = false;
    stream->error = ERROR_NONE;
    return stream->thread != UINT32_MAX;
}

static void trace_apply_lost(struct trace_model *model, struct stream_state *stream, uint64_t ticks)
{
    heap_model_blind(&model->heap, ticks);
    if (!stream->lost)
        model->heap.lost_streams++;
    stream->lost = true;
}

static bool trace_apply_cold(struct trace_model *model, struct stream_state *stream,
                             const struct event *event, uint32_t node)
{
    const struct event_cold *cold = &event->cold;
    switch (event->op) {
    case VMT_OP_CLOCK:
        return clock_model_add(&model->clock, event->ticks, cold->values[0]);
    case VMT_OP_THREAD:
        return trace_apply_thread(model, stream, cold->values[0]);
    case VMT_OP_THREAD_NAME:
        return thread_table_name(&model->threads, model->arena, (uint32_t)cold->values[0],
                                 &cold->strings[0]);
    case VMT_OP_NODES_RESET:
        node_map_clear(&stream->nodes);
        stream->node_epoch++;
        return true;
    case VMT_OP_MODULE_LOAD:
        return module_table_load(&model->modules, model->arena, cold, event->ticks);
    case VMT_OP_MODULE_UNLOAD:
        module_table_unload(&model->modules, cold->values[0], event->ticks);
        return true;
    case VMT_OP_PAUSE:
        model->heap.paused = true;
        heap_model_blind(&model->heap, event->ticks);
        return true;
    case VMT_OP_RESUME:
        model->heap.paused = false;
        heap_model_blind(&model->heap, event->ticks);
        return true;
    case VMT_OP_TEMPORARY:
        stream->temporary = cold->values[0];
        return true;
    case VMT_OP_LOST:
        trace_apply_lost(model, stream, event->ticks);
        reach_model_gap(&model->reach, stream->index);
        break;
    case VMT_OP_CRASH:
        error_apply_crash(model, stream, event, node);
        break;
    case VMT_OP_UNMAP:
        error_apply_unmap(model, stream, event, node);
        break;
    case VMT_OP_UNMAP_FAILED:
        error_apply_unmap_failed(model, stream);
        break;
    case VMT_OP_IGNORE_BEGIN:
    case VMT_OP_IGNORE_END:
    case VMT_OP_IGNORE_OBJECT:
    case VMT_OP_ROOT_REGION:
    case VMT_OP_ROOT_REGION_END:
        return lsan_model_apply(&model->lsan, stream, &model->heap, event);
    case VMT_OP_SCAN:
        model->reach.left_out =
            lsan_roots_left_out(process_facts_get(&model->facts, "lsan_options"));
        break;
    case VMT_OP_UNFOLLOWED:
        return untraced_list_apply(&model->untraced, model->arena, stream, model->header.pid,
                                   event);
    case VMT_OP_FACT:
        return process_facts_apply(&model->facts, model->arena, event) && inherit_find(model);
    default:
        break;
    }
    return process_facts_apply(&model->facts, model->arena, event) &&
           timeline_apply(&model->timeline, event) &&
           (model->without_faults || fault_model_apply(&model->faults, stream, event, node)) &&
           mapping_model_apply(&model->maps, stream, event, node) &&
           error_apply_unmapped(model, stream, event, node) &&
           residency_model_apply(&model->residency, stream->index,
                                 thread_table_tid(&model->threads, stream->thread), event) &&
           reach_model_apply(&model->reach, stream->index, event);
}

static void trace_count_faults(struct trace_model *model, const struct stream_state *stream,
                               uint64_t minor, uint64_t major)
{
    if ((minor | major) && stream->thread < model->threads.count) {
        model->threads.threads[stream->thread].minor += minor;
        model->threads.threads[stream->thread].major += major;
    }
}

static bool trace_apply_hot(struct trace_model *model, struct stream_state *stream,
                            struct event *event, uint32_t node)
{
    trace_count_faults(model, stream, event->minor, event->major);
    stream->last_ticks = event->ticks;
    if (event->type == EVENT_ALLOC && !lsan_model_alloc(&model->lsan, stream, event->address))
        return false;
    if (event->type == EVENT_ALLOC && stream->realloc.active && !model->without_faults &&
        !fault_model_realloc(&model->faults, stream, event))
        return false;
    if (!stream->touched)
        return heap_model_apply(&model->heap, stream, event, node);
    stream->touched = false;
    return fault_model_carry(&model->faults, stream, event) &&
           heap_model_apply(&model->heap, stream, event, node) &&
           fault_model_settle(&model->faults, stream, event);
}

bool trace_model_apply(struct trace_model *model, struct stream_state *stream, struct event *event)
{
    if (event->ticks > model->last_ticks)
        model->last_ticks = event->ticks;
    if (event->type == EVENT_CHUNK)
        return trace_apply_chunk(model, stream, event);
    if (event->type == EVENT_NODES)
        return trace_apply_nodes(model, stream, event);
    model->events++;
    uint32_t node = event->has_stack ? node_map_get(&stream->nodes, event->node) : STACK_NONE;
    if (event->type != EVENT_COLD)
        return trace_apply_hot(model, stream, event, node);
    if (event->op == VMT_OP_FAULTS)
        trace_count_faults(model, stream, event->cold.values[0], event->cold.values[1]);
    else
        stream->last_ticks = event->ticks;
    if (event->op >= VMT_OP_POOL && event->op <= VMT_OP_POOL_CLEAR)
        return pool_model_apply(&model->pools, event, node, stream->index);
    return trace_apply_cold(model, stream, event, node);
}
