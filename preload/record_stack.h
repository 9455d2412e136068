/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's stack as a node of the stream's tree.
 *
 * Frames that did not change since the thread's last capture keep their nodes; each further frame
 * is one hash look-up below its parent; from the first unknown one inward all are new, and are
 * written as one NODES record.
 */
#ifndef VMTRACE_RECORD_STACK_H
#define VMTRACE_RECORD_STACK_H

#include "modules.h"
#include "thread_state.h"

/* The cold halves of record_stack. */
void record_stack_forget(struct stream *stream, uint32_t epoch);
void record_stack_retry(struct stream *stream, const struct callstack_start *start);
uint32_t record_stack_add(struct stream *stream, uint32_t parent, uint32_t first);

/* The node of the stack at `start`, or 0 when it could not be written.  Afterwards there is
 * room for a hot record. */
static inline uint32_t record_stack(struct stream *stream, const struct callstack_start *start)
{
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED);
    if (__builtin_expect(epoch != stream->epoch, 0))
        record_stack_forget(stream, epoch);
    struct callstack *stack = &stream->callstack;
    callstack_capture(stack, start);
    if (__builtin_expect(stack->cut && modules_stale(), 0))
        record_stack_retry(stream, start);
    uint32_t same = stack->same < stream->node_count ? stack->same : stream->node_count;
    if (__builtin_expect(stack->cut != stream->node_cut, 0)) {
        stream->node_cut = stack->cut;
        same = 0;
    }
    uint32_t node = same ? stream->node_of[same - 1] : stack->cut ? VMT_NODE_CUT : VMT_NODE_EMPTY;
    for (uint32_t i = same; i < stack->count; i++) {
        uint32_t child = stack_nodes_find(&stream->nodes, node, stack->pc[i]);
        if (__builtin_expect(!child, 0)) {
            stream->node_count = i;
            return record_stack_add(stream, node, i);
        }
        stream->node_of[i] = node = child;
    }
    stream->node_count = stack->count;
    return node;
}

#endif
