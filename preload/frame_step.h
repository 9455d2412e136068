/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame to its caller where a packed row does not tell (see row_table.h): large or
 * realigned frames, signal trampolines, frames found through another callee-saved register,
 * code without unwind information.  Cold.
 */
#ifndef VMTRACE_FRAME_STEP_H
#define VMTRACE_FRAME_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "callstack.h"

/* A frame whose callees have returned.  `key`: its pc, with ROW_EXACT if it was interrupted. */
struct frame {
    uint64_t key, sp, fp;
};

/* Flags of struct callstack_slot. */
enum {
    SLOT_BASE_FP = 1,   /* the frame's own CFA depends on fp */
    SLOT_NEED_FP = 2,   /* that, or an outer frame's does and this one hands fp on */
    SLOT_WATCH = 4,     /* the caller needs its fp: the word at fp_word counts */
    SLOT_LINKED = 8,    /* `link` counts */
    SLOT_ODD = 16,      /* foreign, or depends on more than a slot says: never taken as unchanged */
    SLOT_ODD_STEP = 32, /* the frame was not reached by a return: address is not below its sp */
};

enum frame_step {
    FRAME_STEP_OK,
    FRAME_STEP_END,  /* the frame is the outermost one */
    FRAME_STEP_LOST, /* there are more, but no way to them */
};

/* Any word of memory, whatever the program's type of it is, or whether it is still in use. */
__attribute__((no_sanitize("address", "alignment"))) static inline uint64_t
frame_word(uint64_t address)
{
    return *(const volatile uint64_t *)address;
}

/* May the caller of a frame at `sp` have its frame at `cfa`?  Such memory can be read: it lies in
 * the thread's own stack, or, on another stack, where proper unwind information says so. */
bool frame_reaches(const struct stack_bounds *bounds, uint64_t sp, uint64_t cfa);

/* The frames of a walk so far, innermost last: the present one's pc key, address and slot, which
 * are followed by those of its callees. */
struct frame_trail {
    const uint64_t *key, *address;
    struct callstack_slot *slot;
    uint32_t count;
};

/* Replaces `frame`, whose odd row is `word`, by its caller.  Completes its slot, and sets
 * *next_flags to SLOT_ODD or 0 for the caller's. */
enum frame_step frame_step_odd(const struct stack_bounds *bounds, const struct frame_trail *trail,
                               uint64_t word, struct frame *frame, uint32_t *next_flags);

#endif
