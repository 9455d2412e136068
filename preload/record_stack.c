/* SPDX-License-Identifier: Apache-2.0 */
#include "record_stack.h"

#include "modules.h"
#include "sys.h"

#include <string.h>

/* A module went away: its addresses may mean something else from now on.  A signal handler that
 * jumps out of this would leave nodes that are not mapped. */
static __attribute__((noinline, cold)) void forget(struct stream *stream, uint32_t epoch)
{
    struct stream_record record;
    uint64_t before;
    sys_block_signals(&before);
    stream->epoch = epoch;
    stack_nodes_reset(&stream->nodes);
    stream->nodes_written = stream->nodes.next;
    stream->node_count = 0;
    if (stream_record_begin(&record, stream, VMT_OP_NODES_RESET, 0))
        stream_record_end(&record);
    stream->node_epoch++; /* if there is no space, the next chunk says so */
    memset(stream->slots, 0, sizeof(stream->slots));
    memset(&stream->fault_codes, 0, sizeof(stream->fault_codes));
    stream->last_address = stream->last_pc = 0;
    sys_restore_signals(&before);
}

void record_stack_reset(struct stream *stream)
{
    forget(stream, __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED));
}

/* Writes the nodes of frames [first, count), below `parent`, none of which is known yet. */
static __attribute__((noinline)) uint32_t add(struct stream *stream, uint32_t parent,
                                              uint32_t first)
{
    const struct callstack *stack = &stream->callstack;
    for (uint32_t i = first; i < stack->count;) {
        uint32_t part = stack->count - i;
        if (part > STREAM_NODES_MAX)
            part = STREAM_NODES_MAX;
        if (!stream_room(stream, STREAM_MARGIN))
            return 0;
        uint8_t *out = vmt_put_varint(stream->cursor + 1, parent);
        out = vmt_put_varint(out, part);
        for (uint32_t end = i + part; i < end; i++) {
            uint32_t node = stack_nodes_add(&stream->nodes, parent, stack->pc[i]);
            if (!node)
                return 0;
            out = vmt_put_varint(out, vmt_zigzag((int64_t)(stack->pc[i] - stream->last_pc)));
            stream->last_pc = stack->pc[i];
            stream->node_of[i] = parent = node;
        }
        stream_commit(stream, VMT_HOT | VMT_NODES << VMT_HOT_KIND_SHIFT, out);
        stream->nodes_written = stream->nodes.next;
        stream->node_count = i;
    }
    if (modules_stale())
        modules_refresh(stream);
    return stream_room(stream, STREAM_MARGIN) ? parent : 0;
}

/* Frames that are new.  One may be in a module that was loaded a moment ago; without its rows the
 * way was lost or guessed.  Then the stack is captured anew, each time with more modules.  `start`
 * is NULL for a stack that was not captured here. */
static __attribute__((noinline)) uint32_t
add_frames(struct stream *stream, const struct callstack_start *start, uint32_t parent)
{
    if (!start || !modules_stale() || !modules_refresh(stream))
        return add(stream, parent, stream->node_count);
    stream->node_count = 0;
    callstack_forget(&stream->callstack);
    callstack_capture(&stream->callstack, start);
    return record_stack_changed(stream, start);
}

/* The loader allocates, for the first time in a row. */
static __attribute__((noinline, cold)) void look_for_closed(struct stream *stream)
{
    stream->by_loader = true;
    modules_refresh(stream);
}

/* The node of the captured stack, of which the `same` outermost frames have theirs. */
static uint32_t find_nodes(struct stream *stream, const struct callstack_start *start,
                           uint32_t same)
{
    const struct callstack *stack = &stream->callstack;
    uint32_t node = same ? stream->node_of[same - 1] : stack->cut ? VMT_NODE_CUT : VMT_NODE_EMPTY;
    for (uint32_t i = same; i < stack->count; i++) {
        uint32_t child = stack_nodes_find(&stream->nodes, node, stack->pc[i]);
        if (__builtin_expect(!child, 0)) {
            stream->node_count = i;
            return add_frames(stream, start, node);
        }
        stream->node_of[i] = node = child;
    }
    stream->node_count = stack->count;
    return node;
}

uint32_t record_stack_given(struct stream *stream)
{
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED);
    if (epoch != stream->epoch)
        forget(stream, epoch);
    uint32_t node = find_nodes(stream, NULL, 0);
    if (!node && stream->nodes.next != stream->nodes_written)
        stream->epoch--; /* numbers that were never defined: begin anew */
    callstack_forget(&stream->callstack);
    stream->node_count = 0;
    return node;
}

/* `same` is 0 in the first capture of a new module epoch, so such a one is noticed here. */
uint32_t record_stack_changed(struct stream *stream, const struct callstack_start *start)
{
    struct callstack *stack = &stream->callstack;
    if (!(stack->count && modules_is_loader(stack->pc[stack->count - 1])))
        stream->by_loader = false;
    else if (!stream->by_loader)
        look_for_closed(stream);
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED);
    if (__builtin_expect(epoch != stream->epoch, 0))
        forget(stream, epoch);
    uint32_t same = stack->same < stream->node_count ? stack->same : stream->node_count;
    if (__builtin_expect(stack->cut != stream->node_cut, 0)) {
        stream->node_cut = stack->cut;
        same = 0;
    }
    return find_nodes(stream, start, same);
}
