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

#include "thread_state.h"

uint32_t record_stack_changed(struct stream *stream, const struct callstack_start *start);

/* What reader and writer of the stream know may differ, as a record was left half-way: has both
 * begin anew, by a NODES_RESET. */
void record_stack_reset(struct stream *stream);

/* The node of the stack that was put into `stream->callstack` (pc, count, cut), or 0; the thread's
 * last one is forgotten. */
uint32_t record_stack_given(struct stream *stream);

/* The node of the stack at `start`, or 0 when it could not be written.  Afterwards there is
 * room for a hot record. */
static inline uint32_t record_stack(struct stream *stream, const struct callstack_start *start)
{
    struct callstack *stack = &stream->callstack;
    callstack_capture(stack, start);
    if (__builtin_expect(stack->same == stream->node_count && stack->same == stack->count &&
                             stack->same != 0,
                         1))
        return stream->node_of[stack->same - 1];
    return record_stack_changed(stream, start);
}

#endif
