/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_guess.h"

#include <string.h>

#include "row_table.h"

/* Code made at run time lies in one region; calls reach 2 GiB, regions are smaller. */
#define JIT_REGION (UINT64_C(256) << 20)
/* From the stack pointer in _start up to argc. */
#define ENTRY_FRAME_SIZE 64
/* A frame in which another return address might lie is not looked through further. */
#define GUESSED_FRAME_MAX 4096

static bool in_module(uint64_t pc)
{
    struct module module;
    return modules_peek(pc, &module);
}

static uint8_t kind_of_row(uint64_t key)
{
    struct unwind_row row;
    row_table_expand(row_table_find(key), &row);
    return row.kind;
}

/* Is `pc` code without frame description? */
static bool is_unknown_code(uint64_t pc)
{
    return !in_module(pc) || kind_of_row(pc | ROW_EXACT) == UNWIND_NONE;
}

/* Where a PLT entry at `pc` jumps to, `pc` itself if there is none. */
static uint64_t behind_plt(uint64_t pc)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    const uint8_t *code = (const uint8_t *)pc;
    int32_t distance;
    if (memcmp(code, endbr64, sizeof(endbr64)) == 0)
        code += sizeof(endbr64);
    if (code[0] == 0xf2) /* bnd */
        code++;
    if (code[0] != 0xff || code[1] != 0x25) /* jmp *distance(%rip) */
        return pc;
    memcpy(&distance, code + 2, sizeof(distance));
    uint64_t slot = (uint64_t)code + 6 + (uint64_t)(int64_t)distance;
    return in_module(slot) ? frame_word(slot) : pc;
}

/* Is there before `pc`, in code with a frame description, a call that may lead to code without
 * one? */
static bool calls_out(uint64_t pc)
{
    uint8_t kind = kind_of_row(pc);
    if (kind == UNWIND_NONE || kind == UNWIND_END)
        return false;
    const uint8_t *code = (const uint8_t *)pc;
    for (int size = 2; size <= 7; size++) { /* call r/m64: ff /2, with its operands */
        if (code[-size] == 0xff && (code[1 - size] & 0x38) == 0x10)
            return true;
    }
    if (code[-5] != 0xe8) /* call rel32 */
        return false;
    int32_t distance;
    memcpy(&distance, code - 4, sizeof(distance));
    uint64_t target = pc + (uint64_t)(int64_t)distance;
    return is_unknown_code(target) || is_unknown_code(behind_plt(target));
}

/* May a call that returns to `pc` have led to code without frame description? */
static bool is_way_in(uint64_t pc)
{
    return pc < ROW_PC_MAX && in_module(pc - 1) && calls_out(pc);
}

/* May the function at `inner`, which keeps a frame pointer, have been called from before `pc`? */
static bool is_caller(uint64_t pc, uint64_t inner)
{
    if (pc == 0 || pc >= ROW_PC_MAX)
        return false;
    if (in_module(pc - 1))
        return calls_out(pc);
    uint64_t distance = pc > inner ? pc - inner : inner - pc;
    return distance < JIT_REGION && !in_module(inner);
}

/* Code that leaves rbp alone lets it point to a frame further out: then the true return address
 * lies in between. */
static bool is_ambiguous(const struct stack_bounds *bounds, const struct frame *frame)
{
    if (frame->fp - frame->sp > GUESSED_FRAME_MAX)
        return true;
    for (uint64_t at = frame->sp; at < frame->fp; at += 8) {
        uint64_t word = frame_word(at);
        if (!stack_bounds_hold(bounds, word) && is_way_in(word))
            return true;
    }
    return false;
}

/* Is there a chain of frame pointers to go on with? */
static bool has_chain(const struct stack_bounds *bounds, const struct frame *frame)
{
    uint64_t fp = frame->fp;
    return fp % 8 == 0 && frame->sp % 8 == 0 && fp >= frame->sp &&
           stack_bounds_hold(bounds, fp + 15) &&
           is_caller(frame_word(fp + 8), frame->key & (ROW_PC_MAX - 1));
}

enum frame_step frame_guess(const struct stack_bounds *bounds, bool crashed, struct frame *frame)
{
    if (!stack_bounds_hold(bounds, frame->sp))
        return FRAME_STEP_LOST;
    if (bounds->high - frame->sp <= ENTRY_FRAME_SIZE)
        return FRAME_STEP_END;
    bool chain = has_chain(bounds, frame);
    if ((frame->key & ROW_EXACT) && (crashed || !chain) && is_way_in(frame_word(frame->sp))) {
        /* A leaf, a function's first instruction, or a call through a bad pointer. */
        frame->key = frame_word(frame->sp);
        frame->sp += 8;
        return FRAME_STEP_OK;
    }
    if (!chain || is_ambiguous(bounds, frame))
        return FRAME_STEP_LOST;
    uint64_t fp = frame->fp;
    *frame = (struct frame){.key = frame_word(fp + 8), .sp = fp + 16, .fp = frame_word(fp)};
    return FRAME_STEP_OK;
}
