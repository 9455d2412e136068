/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DWARF expressions (DWARF 5, 2.5), evaluated with registers left symbolic.  Enough for what
 * occurs on x86-64: PLT stubs, `breg, deref, plus_uconst` of OpenSSL's assembly, the saved
 * CFA of realigned frames, the registers of glibc's sigreturn trampoline.
 */
#include "cfa_program.h"

#define STACK_MAX 8

enum {
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08, /* ... CONST8S 0x0f: size and sign in the low bits */
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_MUL = 0x1e,
    OP_OR = 0x21,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_SHR = 0x25,
    OP_EQ = 0x29,
    OP_GE = 0x2a,
    OP_GT = 0x2b,
    OP_LE = 0x2c,
    OP_LT = 0x2d,
    OP_NE = 0x2e,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70,
    OP_BREG31 = 0x8f,
};

struct machine {
    struct eh_cursor code;
    uint64_t pc;
    struct cfa_value stack[STACK_MAX];
    unsigned depth;
};

static void push(struct machine *machine, struct cfa_value value)
{
    if (machine->depth == STACK_MAX)
        eh_fail(&machine->code);
    else
        machine->stack[machine->depth++] = value;
}

static void push_constant(struct machine *machine, int64_t value)
{
    push(machine, (struct cfa_value){.form = CFA_CONSTANT, .add = value});
}

static struct cfa_value pop(struct machine *machine)
{
    if (machine->depth == 0) {
        eh_fail(&machine->code);
        return (struct cfa_value){.form = CFA_CONSTANT};
    }
    return machine->stack[--machine->depth];
}

static int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void push_register(struct machine *machine, uint8_t number)
{
    int64_t offset = eh_sleb(&machine->code);
    if (number == CFA_RIP)
        push_constant(machine, wrap_add((int64_t)machine->pc, offset));
    else
        push(machine, (struct cfa_value){.form = CFA_LINEAR, .number = number, .add = offset});
}

static void dereference(struct machine *machine)
{
    struct cfa_value value = pop(machine);
    if (value.form != CFA_LINEAR)
        eh_fail(&machine->code);
    push(machine, (struct cfa_value){
                      .form = CFA_WORD, .number = value.number, .offset = value.add, .add = 0});
}

/* False: an operator that is not known. */
static bool fold(uint8_t op, int64_t a, int64_t b, int64_t *result)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case OP_AND:
        *result = a & b;
        return true;
    case OP_OR:
        *result = a | b;
        return true;
    case OP_MUL:
        *result = (int64_t)(x * y);
        return true;
    case OP_SHL:
        *result = y < 64 ? (int64_t)(x << y) : 0;
        return true;
    case OP_SHR:
        *result = y < 64 ? (int64_t)(x >> y) : 0;
        return true;
    case OP_EQ:
        *result = a == b;
        return true;
    case OP_GE:
        *result = a >= b;
        return true;
    case OP_GT:
        *result = a > b;
        return true;
    case OP_LE:
        *result = a <= b;
        return true;
    case OP_LT:
        *result = a < b;
        return true;
    case OP_NE:
        *result = a != b;
        return true;
    default:
        return false;
    }
}

static void apply(struct machine *machine, uint8_t op)
{
    struct cfa_value b = pop(machine), a = pop(machine);
    if (op == OP_PLUS && a.form == CFA_CONSTANT) {
        b.add = wrap_add(b.add, a.add);
        push(machine, b);
    } else if (b.form != CFA_CONSTANT) {
        eh_fail(&machine->code);
    } else if (op == OP_PLUS) {
        a.add = wrap_add(a.add, b.add);
        push(machine, a);
    } else if (op == OP_MINUS) {
        a.add = (int64_t)((uint64_t)a.add - (uint64_t)b.add);
        push(machine, a);
    } else if (a.form != CFA_CONSTANT || !fold(op, a.add, b.add, &a.add)) {
        eh_fail(&machine->code);
    } else {
        push(machine, a);
    }
}

static void execute(struct machine *machine, uint8_t op)
{
    struct eh_cursor *code = &machine->code;
    if (op >= OP_LIT0 && op <= OP_LIT31) {
        push_constant(machine, op - OP_LIT0);
    } else if (op >= OP_BREG0 && op <= OP_BREG31) {
        push_register(machine, op - OP_BREG0);
    } else if (op >= OP_CONST1U && op <= OP_CONST8S) {
        unsigned bytes = 1u << ((op - OP_CONST1U) >> 1);
        push_constant(machine, op & 1 ? eh_signed(code, bytes) : (int64_t)eh_unsigned(code, bytes));
    } else if (op == OP_CONSTU) {
        push_constant(machine, (int64_t)eh_uleb(code));
    } else if (op == OP_CONSTS) {
        push_constant(machine, eh_sleb(code));
    } else if (op == OP_PLUS_UCONST) {
        struct cfa_value value = pop(machine);
        value.add = wrap_add(value.add, (int64_t)eh_uleb(code));
        push(machine, value);
    } else if (op == OP_DEREF) {
        dereference(machine);
    } else {
        apply(machine, op);
    }
}

bool cfa_expression(const struct eh_frame *frame, uint64_t address, uint64_t pc,
                    struct cfa_value *result)
{
    struct machine machine = {.pc = pc, .depth = 0};
    const uint8_t *end = frame->instructions.end;
    /* The block lies in the FDE, or in its CIE. */
    if (address < (uint64_t)frame->instructions.at || address > (uint64_t)end)
        end = frame->initial.end;
    machine.code = (struct eh_cursor){(const uint8_t *)address, end, false};
    uint64_t size = eh_uleb(&machine.code);
    if (size > (uint64_t)(machine.code.end - machine.code.at))
        return false;
    machine.code.end = machine.code.at + size;
    while (machine.code.at < machine.code.end)
        execute(&machine, *machine.code.at++);
    if (machine.code.bad || machine.depth != 1)
        return false;
    *result = machine.stack[0];
    return true;
}
