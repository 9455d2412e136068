/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unwinding of stacks that the plain walk (callstack_rows.c) leaves alone: with frames
 * that are found through rbp, realigned or foreign stacks, signal frames, stacks deeper than is
 * kept, and those whose end is not known.
 *
 * rbp is often a general register, so it counts only where the CFA of a frame or of one outside of
 * it depends on it; there the word that it was saved in is checked, too, the next time.
 */
#ifndef VMTRACE_FRAME_WALK_H
#define VMTRACE_FRAME_WALK_H

#include "callstack.h"
#include "frame_step.h"

/* Is `frame` the remembered frame `i`? */
static inline bool frame_is_remembered(const struct callstack *stack, const struct frame *frame,
                                       uint32_t i)
{
    return stack->address[i] == frame->sp - 8 && stack->pc[i] == frame->key &&
           (!(stack->slot[i].flags & SLOT_NEED_FP) || stack->slot[i].fp == frame->fp);
}

/* Puts spare_pc[left ..] and spare_address[left ..] onto the `joined` outermost frames that stay.
 */
static inline void frame_walk_keep(struct callstack *stack, uint32_t joined, uint32_t left)
{
    uint32_t fresh = stack->depth - left, same = 0;
    uint32_t old = stack->count - joined, least = fresh < old ? fresh : old;
    const uint64_t *from = &stack->spare_pc[left], *from_address = &stack->spare_address[left];
    uint64_t *to = &stack->pc[joined], *to_address = &stack->address[joined];
    while (same < least && to[same] == from[same])
        same++;
    stack->same = joined + same;
    for (uint32_t i = same; i < fresh; i++)
        to[i] = from[i];
    for (uint32_t i = 0; i < fresh; i++)
        to_address[i] = from_address[i];
    stack->count = stack->reusable = joined + fresh;
    if (joined <= stack->first_linked)
        stack->first_linked = UINT32_MAX;
}

/* How many of the `verified` outermost frames, whose return addresses were found unchanged, have
 * all the words unchanged that they depend on.  Only to be called if verified > first_linked. */
uint32_t frame_walk_check_links(const struct callstack *stack, uint32_t verified);

/* Replaces the contents of `stack` by the stack at `start`, of which at most `verified` frames are
 * the remembered ones. */
void frame_walk(struct callstack *stack, const struct callstack_start *start, uint32_t verified);

#endif
