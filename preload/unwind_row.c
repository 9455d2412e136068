/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind_row.h"

#include "cfa_program.h"

static bool fits(int64_t value)
{
    return value == (int32_t)value;
}

/* The rules at `pc` and the FDE they come from. */
static bool find_rules(const struct module *module, uint64_t pc, bool exact, struct eh_frame *frame,
                       struct cfa_state *state)
{
    uint64_t place = exact ? pc : pc - 1;
    return eh_frame_find(module, place, frame) && cfa_run(frame, place, state) &&
           frame->return_register == CFA_RIP;
}

/* CFA = register `number` + constant, or one memory word there + constant. */
static bool set_cfa(const struct eh_frame *frame, const struct cfa_state *state, uint64_t pc,
                    unsigned *number, struct unwind_row *row)
{
    struct cfa_value value = {.form = CFA_LINEAR, .add = state->cfa.value};
    if (state->cfa.how == CFA_OFFSET && state->cfa_register < CFA_REGISTERS)
        value.number = (uint8_t)state->cfa_register;
    else if (state->cfa.how != CFA_EXPRESSION ||
             !cfa_expression(frame, (uint64_t)state->cfa.value, pc, &value))
        return false;
    if (value.form == CFA_CONSTANT || !fits(value.add) || !fits(value.offset))
        return false;
    row->kind = value.form == CFA_WORD ? UNWIND_ALIGNED : UNWIND_STANDARD;
    row->base_fp = value.number == CFA_RBP;
    row->cfa_offset = (int32_t)(value.form == CFA_WORD ? value.offset : value.add);
    row->cfa_add = (int32_t)(value.form == CFA_WORD ? value.add : 0);
    *number = value.number;
    return true;
}

static bool set_return_address(const struct cfa_state *state, struct unwind_row *row)
{
    const struct cfa_rule *rule = &state->rule[CFA_RIP];
    if (rule->how != CFA_OFFSET || !fits(rule->value))
        return false;
    row->ra_offset = (int32_t)rule->value;
    return true;
}

static bool set_fp(const struct eh_frame *frame, const struct cfa_state *state, uint64_t pc,
                   struct unwind_row *row)
{
    const struct cfa_rule *rule = &state->rule[CFA_RBP];
    struct cfa_value value = {.add = rule->value};
    row->fp_rule = UNWIND_FP_SAME;
    switch (rule->how) {
    case CFA_UNSET:
    case CFA_SAME:
    case CFA_UNDEFINED: /* nobody outside depends on it then */
        return true;
    case CFA_OFFSET:
        row->fp_rule = UNWIND_FP_AT_CFA;
        break;
    case CFA_EXPRESSION:
        if (!cfa_expression(frame, (uint64_t)rule->value, pc, &value) || value.form != CFA_LINEAR ||
            (value.number != CFA_RBP && value.number != CFA_RSP))
            return false;
        row->fp_rule = value.number == CFA_RBP ? UNWIND_FP_AT_FP : UNWIND_FP_AT_SP;
        break;
    default:
        return false;
    }
    row->fp_offset = (int32_t)value.add;
    return fits(value.add);
}

static bool saved_at_sp(const struct eh_frame *frame, const struct cfa_state *state,
                        unsigned number, uint64_t pc, int64_t offset)
{
    struct cfa_value value;
    const struct cfa_rule *rule = &state->rule[number];
    return rule->how == CFA_EXPRESSION &&
           cfa_expression(frame, (uint64_t)rule->value, pc, &value) && value.form == CFA_LINEAR &&
           value.number == CFA_RSP && value.add == offset;
}

/* glibc describes its trampoline with an expression for each register. */
static bool is_trampoline(const struct eh_frame *frame, const struct cfa_state *state, uint64_t pc)
{
    return frame->signal && saved_at_sp(frame, state, CFA_RIP, pc, UNWIND_SIGNAL_PC) &&
           saved_at_sp(frame, state, CFA_RBP, pc, UNWIND_SIGNAL_FP);
}

static bool ends_stack(const struct cfa_state *state)
{
    return state->rule[CFA_RIP].how == CFA_UNDEFINED || state->rule[CFA_RIP].how == CFA_UNSET;
}

/* makecontext lets a coroutine's first function return to the first byte of glibc's
 * __start_context.  No call does that: the byte before it belongs to no code, or the function says
 * that it has no caller. */
static bool is_artificial_return(const struct module *module, uint64_t pc)
{
    struct eh_frame frame, before;
    struct cfa_state state;
    return find_rules(module, pc, true, &frame, &state) && frame.pc_start == pc &&
           (ends_stack(&state) || !eh_frame_find(module, pc - 1, &before));
}

void unwind_row_find(const struct module *module, uint64_t pc, bool exact, struct unwind_row *row)
{
    struct eh_frame frame;
    struct cfa_state state;
    memset(row, 0, sizeof(*row));
    if (!exact && is_artificial_return(module, pc)) {
        row->kind = UNWIND_END;
        return;
    }
    if (!find_rules(module, pc, exact, &frame, &state))
        return;
    if (ends_stack(&state)) {
        row->kind = UNWIND_END;
        return;
    }
    if (is_trampoline(&frame, &state, pc)) {
        row->kind = UNWIND_SIGNAL;
        return;
    }
    unsigned base;
    bool good = set_cfa(&frame, &state, pc, &base, row);
    row->interrupted = frame.signal;
    if (!good || (base != CFA_RSP && base != CFA_RBP) || state.rule[CFA_RSP].how != CFA_UNSET ||
        !set_return_address(&state, row) || !set_fp(&frame, &state, pc, row)) {
        memset(row, 0, sizeof(*row));
        row->kind = UNWIND_COMPLEX;
    }
}

bool unwind_register_saved(const struct module *module, uint64_t pc, bool exact, unsigned number,
                           int64_t *offset, bool *same)
{
    struct eh_frame frame;
    struct cfa_state state;
    *same = false;
    if (number >= CFA_REGISTERS || !find_rules(module, pc, exact, &frame, &state))
        return false;
    enum cfa_how how = state.rule[number].how;
    *same = how == CFA_UNSET || how == CFA_SAME;
    *offset = state.rule[number].value;
    return how == CFA_OFFSET;
}

bool unwind_row_base_register(const struct module *module, uint64_t pc, bool exact,
                              unsigned *number, struct unwind_row *row)
{
    struct eh_frame frame;
    struct cfa_state state;
    memset(row, 0, sizeof(*row));
    if (!find_rules(module, pc, exact, &frame, &state) || frame.signal ||
        !set_cfa(&frame, &state, pc, number, row))
        return false;
    return *number != CFA_RSP && *number != CFA_RBP && *number < CFA_RIP &&
           row->kind == UNWIND_STANDARD && state.rule[CFA_RSP].how == CFA_UNSET &&
           set_return_address(&state, row) && set_fp(&frame, &state, pc, row);
}
