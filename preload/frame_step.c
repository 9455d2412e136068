/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_step.h"

#include "frame_guess.h"
#include "row_table.h"

/* No frame on a stack of unknown size is larger. */
#define FOREIGN_FRAME_MAX (UINT64_C(256) << 20)
/* Registers are saved this near to the frame's ends. */
#define SAVED_AREA 256

bool frame_reaches(const struct stack_bounds *bounds, uint64_t sp, uint64_t cfa)
{
    /* The word below the CFA is what is read. */
    bool own = stack_bounds_hold(bounds, cfa - 8);
    if (stack_bounds_hold(bounds, sp))
        return own && cfa > sp;
    return own || (cfa > sp && cfa - sp <= FOREIGN_FRAME_MAX);
}

static bool set_caller(struct frame *frame, uint64_t pc, uint64_t exact)
{
    if (pc >= ROW_PC_MAX)
        return false;
    frame->key = pc | exact;
    return true;
}

static enum frame_step step_signal(struct frame *frame)
{
    uint64_t sp = frame->sp;
    frame->fp = frame_word(sp + UNWIND_SIGNAL_FP);
    frame->sp = frame_word(sp + UNWIND_SIGNAL_SP);
    return set_caller(frame, frame_word(sp + UNWIND_SIGNAL_PC), ROW_EXACT) ? FRAME_STEP_OK
                                                                           : FRAME_STEP_LOST;
}

/* The part that is the same for all rows with a CFA. */
static enum frame_step step_to(const struct stack_bounds *bounds, struct callstack_slot *slot,
                               const struct unwind_row *row, uint64_t cfa, struct frame *frame)
{
    if (!frame_reaches(bounds, frame->sp, cfa))
        return FRAME_STEP_LOST;
    if (row->fp_rule == UNWIND_FP_AT_CFA)
        slot->fp_word = cfa + (uint64_t)(int64_t)row->fp_offset;
    else if (row->fp_rule == UNWIND_FP_AT_FP)
        slot->fp_word = frame->fp + (uint64_t)(int64_t)row->fp_offset;
    else if (row->fp_rule == UNWIND_FP_AT_SP)
        slot->fp_word = frame->sp + (uint64_t)(int64_t)row->fp_offset;
    if (slot->fp_word) {
        if (slot->fp_word < frame->sp - SAVED_AREA || slot->fp_word > cfa + SAVED_AREA)
            return FRAME_STEP_LOST;
        frame->fp = frame_word(slot->fp_word);
    }
    frame->sp = cfa;
    uint64_t pc = frame_word(cfa + (uint64_t)(int64_t)row->ra_offset);
    return set_caller(frame, pc, row->interrupted ? ROW_EXACT : 0) ? FRAME_STEP_OK
                                                                   : FRAME_STEP_LOST;
}

static enum frame_step step_row(const struct stack_bounds *bounds, struct callstack_slot *slot,
                                const struct unwind_row *row, struct frame *frame,
                                uint32_t *next_flags)
{
    uint64_t cfa = (row->base_fp ? frame->fp : frame->sp) + (uint64_t)(int64_t)row->cfa_offset;
    if (row->base_fp)
        slot->flags |= SLOT_BASE_FP;
    if (row->kind == UNWIND_ALIGNED) {
        /* Hand-written assembly keeps it in the red zone. */
        if (!frame_reaches(bounds, frame->sp - SAVED_AREA, cfa + 8))
            return FRAME_STEP_LOST;
        cfa = frame_word(cfa) + (uint64_t)(int64_t)row->cfa_add;
        slot->link = row->cfa_offset;
        slot->flags |= SLOT_LINKED;
        if (!row->base_fp || row->cfa_add != 0)
            slot->flags |= SLOT_ODD;
    }
    if (row->ra_offset != -8 || row->interrupted || row->fp_rule == UNWIND_FP_AT_SP) {
        slot->flags |= SLOT_ODD;
        *next_flags = SLOT_ODD | SLOT_ODD_STEP;
    }
    return step_to(bounds, slot, row, cfa, frame);
}

/* From the registers of an interrupted instruction, which the kernel put above `sp`. */
static uint64_t signal_register(uint64_t sp, unsigned number)
{
    /* By DWARF number the index into ucontext's gregs: REG_RAX, REG_RDX, ... of sys/ucontext.h. */
    static const uint8_t place[] = {13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7};
    return frame_word(sp + UNWIND_SIGNAL_REGISTERS + 8 * (uint64_t)place[number]);
}

/* A register as it was in the present frame: saved by the next frame inside of it that says so, or
 * by the kernel.  What the innermost frames left in the register itself is not known here.  A CFA
 * in a caller-saved register (hand-written assembly) means that the callee leaves it alone. */
static bool find_register(const struct frame_trail *trail, unsigned number, uint64_t *value)
{
    for (uint32_t i = 1; i < trail->count; i++) {
        struct module module;
        struct unwind_row row;
        int64_t offset;
        bool same, exact = (trail->key[i] & ROW_EXACT) != 0;
        uint64_t pc = trail->key[i] & (ROW_PC_MAX - 1);
        row_table_expand(row_table_find(trail->key[i]), &row);
        if (row.kind == UNWIND_SIGNAL) {
            *value = signal_register(trail->address[i] + 8, number);
            return true;
        }
        if ((trail->slot[i - 1].flags & SLOT_ODD_STEP) ||
            !modules_find(exact ? pc : pc - 1, &module))
            return false;
        if (unwind_register_saved(&module, pc, exact, number, &offset, &same)) {
            if (offset >= 0 || offset < -SAVED_AREA)
                return false;
            *value = frame_word(trail->address[i - 1] + 8 + (uint64_t)offset);
            return true;
        }
        if (!same)
            return false;
    }
    return false;
}

/* ld.so's lazy binding keeps its stack in rbx while it aligns it for the vector registers; much
 * hand-written assembly in rax, until a signal interrupts it. */
static enum frame_step step_complex(const struct stack_bounds *bounds,
                                    const struct frame_trail *trail, struct frame *frame)
{
    struct module module;
    struct unwind_row row;
    uint64_t base, pc = frame->key & (ROW_PC_MAX - 1);
    bool exact = (frame->key & ROW_EXACT) != 0;
    if (!modules_find(exact ? pc : pc - 1, &module))
        return FRAME_STEP_LOST;
    unsigned number;
    if (!unwind_row_base_register(&module, pc, exact, &number, &row) ||
        !find_register(trail, number, &base))
        return FRAME_STEP_LOST;
    return step_to(bounds, trail->slot, &row, base + (uint64_t)(int64_t)row.cfa_offset, frame);
}

enum frame_step frame_step_odd(const struct stack_bounds *bounds, const struct frame_trail *trail,
                               uint64_t word, struct frame *frame, uint32_t *next_flags)
{
    struct unwind_row row;
    struct callstack_slot *slot = trail->slot;
    row_table_expand(word, &row);
    *next_flags = 0;
    switch (row.kind) {
    case UNWIND_END:
        return FRAME_STEP_END;
    case UNWIND_STANDARD:
    case UNWIND_ALIGNED:
        return step_row(bounds, slot, &row, frame, next_flags);
    case UNWIND_SIGNAL:
        slot->flags |= SLOT_ODD;
        *next_flags = SLOT_ODD | SLOT_ODD_STEP;
        return step_signal(frame);
    case UNWIND_COMPLEX:
        slot->flags |= SLOT_ODD;
        return step_complex(bounds, trail, frame);
    default:
        slot->flags |= SLOT_ODD;
        return frame_guess(bounds, trail->count == 1, frame);
    }
}
