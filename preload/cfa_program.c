/* SPDX-License-Identifier: Apache-2.0 */
#include "cfa_program.h"

/* gcc nests one deep, hand-written assembly two. */
#define REMEMBERED 4

/* DWARF 5, table 7.29, and the GNU extensions of binutils' include/dwarf2.def. */
enum {
    OP_ADVANCE = 0x40, /* the primary opcodes: operand in the low six bits */
    OP_OFFSET = 0x80,
    OP_RESTORE = 0xc0,
    OP_NOP = 0x00,
    OP_SET_LOC = 0x01,
    OP_ADVANCE1 = 0x02,
    OP_ADVANCE2 = 0x03,
    OP_ADVANCE4 = 0x04,
    OP_OFFSET_EXTENDED = 0x05,
    OP_RESTORE_EXTENDED = 0x06,
    OP_UNDEFINED = 0x07,
    OP_SAME_VALUE = 0x08,
    OP_REGISTER = 0x09,
    OP_REMEMBER = 0x0a,
    OP_RESTORE_STATE = 0x0b,
    OP_DEF_CFA = 0x0c,
    OP_DEF_CFA_REGISTER = 0x0d,
    OP_DEF_CFA_OFFSET = 0x0e,
    OP_DEF_CFA_EXPRESSION = 0x0f,
    OP_EXPRESSION = 0x10,
    OP_OFFSET_EXTENDED_SF = 0x11,
    OP_DEF_CFA_SF = 0x12,
    OP_DEF_CFA_OFFSET_SF = 0x13,
    OP_VAL_OFFSET = 0x14,
    OP_VAL_OFFSET_SF = 0x15,
    OP_VAL_EXPRESSION = 0x16,
    OP_GNU_ARGS_SIZE = 0x2e,
    OP_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct run {
    struct eh_cursor code;
    const struct eh_frame *frame;
    struct cfa_state *state;
    const struct cfa_state *initial; /* NULL while the CIE's own instructions run */
    struct cfa_state remembered[REMEMBERED];
    unsigned depth;
    uint64_t location;
    uint64_t pc;
};

/* Registers that are not tracked (vector ones) have no rule. */
static void set_rule(struct run *run, uint64_t number, enum cfa_how how, int64_t value)
{
    if (number < CFA_REGISTERS)
        run->state->rule[number] = (struct cfa_rule){how, value};
}

static void restore_rule(struct run *run, uint64_t number)
{
    if (!run->initial)
        eh_fail(&run->code);
    else if (number < CFA_REGISTERS)
        run->state->rule[number] = run->initial->rule[number];
}

/* Leaves the cursor behind the block, and returns the block's address. */
static int64_t take_block(struct run *run)
{
    int64_t address = (int64_t)run->code.at;
    eh_skip(&run->code, eh_uleb(&run->code));
    return address;
}

static int64_t factored(struct run *run)
{
    return (int64_t)eh_uleb(&run->code) * run->frame->data_align;
}

static int64_t factored_signed(struct run *run)
{
    return eh_sleb(&run->code) * run->frame->data_align;
}

static void define_cfa(struct run *run, uint64_t number, int64_t offset)
{
    run->state->cfa = (struct cfa_rule){CFA_OFFSET, offset};
    run->state->cfa_register = number;
}

static void push_state(struct run *run)
{
    if (run->depth == REMEMBERED)
        eh_fail(&run->code);
    else
        run->remembered[run->depth++] = *run->state;
}

static void pop_state(struct run *run)
{
    if (run->depth == 0)
        eh_fail(&run->code);
    else
        *run->state = run->remembered[--run->depth];
}

static void run_cfa_rule(struct run *run, uint8_t op)
{
    struct eh_cursor *code = &run->code;
    uint64_t number;
    switch (op) {
    case OP_DEF_CFA:
        number = eh_uleb(code);
        define_cfa(run, number, (int64_t)eh_uleb(code));
        break;
    case OP_DEF_CFA_SF:
        number = eh_uleb(code);
        define_cfa(run, number, factored_signed(run));
        break;
    case OP_DEF_CFA_REGISTER:
        run->state->cfa_register = eh_uleb(code);
        break;
    case OP_DEF_CFA_OFFSET:
        run->state->cfa.value = (int64_t)eh_uleb(code);
        break;
    case OP_DEF_CFA_OFFSET_SF:
        run->state->cfa.value = factored_signed(run);
        break;
    case OP_DEF_CFA_EXPRESSION:
        run->state->cfa = (struct cfa_rule){CFA_EXPRESSION, take_block(run)};
        break;
    default:
        eh_fail(code);
    }
}

static void run_register_rule(struct run *run, uint8_t op)
{
    uint64_t number = eh_uleb(&run->code);
    switch (op) {
    case OP_OFFSET_EXTENDED:
        set_rule(run, number, CFA_OFFSET, factored(run));
        break;
    case OP_OFFSET_EXTENDED_SF:
        set_rule(run, number, CFA_OFFSET, factored_signed(run));
        break;
    case OP_GNU_NEGATIVE_OFFSET_EXTENDED:
        set_rule(run, number, CFA_OFFSET, -factored(run));
        break;
    case OP_RESTORE_EXTENDED:
        restore_rule(run, number);
        break;
    case OP_UNDEFINED:
        set_rule(run, number, CFA_UNDEFINED, 0);
        break;
    case OP_SAME_VALUE:
        set_rule(run, number, CFA_SAME, 0);
        break;
    case OP_REGISTER:
    case OP_VAL_OFFSET:
    case OP_VAL_OFFSET_SF:
        eh_uleb(&run->code); /* signed or not: as many bytes */
        set_rule(run, number, CFA_OTHER, 0);
        break;
    case OP_EXPRESSION:
        set_rule(run, number, CFA_EXPRESSION, take_block(run));
        break;
    case OP_VAL_EXPRESSION:
        take_block(run);
        set_rule(run, number, CFA_OTHER, 0);
        break;
    default:
        eh_fail(&run->code);
    }
}

static void run_extended(struct run *run, uint8_t op)
{
    struct eh_cursor *code = &run->code;
    switch (op) {
    case OP_NOP:
        break;
    case OP_SET_LOC:
        run->location = eh_pointer(code, run->frame->encoding, 0);
        break;
    case OP_ADVANCE1:
    case OP_ADVANCE2:
    case OP_ADVANCE4:
        run->location += eh_unsigned(code, 1u << (op - OP_ADVANCE1)) * run->frame->code_align;
        break;
    case OP_REMEMBER:
        push_state(run);
        break;
    case OP_RESTORE_STATE:
        pop_state(run);
        break;
    case OP_GNU_ARGS_SIZE:
        eh_uleb(code);
        break;
    default:
        if ((op >= OP_DEF_CFA && op <= OP_DEF_CFA_EXPRESSION) || op == OP_DEF_CFA_SF ||
            op == OP_DEF_CFA_OFFSET_SF)
            run_cfa_rule(run, op);
        else
            run_register_rule(run, op);
    }
}

static bool run_instructions(struct run *run, struct eh_cursor code)
{
    run->code = code;
    while (run->code.at < run->code.end && run->location <= run->pc) {
        uint8_t byte = *run->code.at++;
        uint8_t low = byte & 0x3f;
        switch (byte & 0xc0) {
        case OP_ADVANCE:
            run->location += low * run->frame->code_align;
            break;
        case OP_OFFSET:
            set_rule(run, low, CFA_OFFSET, factored(run));
            break;
        case OP_RESTORE:
            restore_rule(run, low);
            break;
        default:
            run_extended(run, low);
        }
    }
    return !run->code.bad;
}

bool cfa_run(const struct eh_frame *frame, uint64_t pc, struct cfa_state *state)
{
    struct cfa_state initial;
    struct run run;
    memset(state, 0, sizeof(*state));
    run.frame = frame;
    run.state = state;
    run.initial = NULL;
    run.depth = 0;
    run.location = frame->pc_start;
    run.pc = pc;
    if (!run_instructions(&run, frame->initial))
        return false;
    initial = *state;
    run.initial = &initial;
    run.location = frame->pc_start;
    return run_instructions(&run, frame->instructions);
}
