/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the call-frame instructions of an FDE up to one program counter (DWARF 5, 6.4.2), and
 * reads the DWARF expressions that they may contain, as far as these are linear in one
 * register.
 */
#ifndef VMTRACE_CFA_PROGRAM_H
#define VMTRACE_CFA_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "eh_frame.h"

/* DWARF register numbers (System V ABI, AMD64 supplement, figure 3.36). */
enum {
    CFA_RBX = 3,
    CFA_RBP = 6,
    CFA_RSP = 7,
    CFA_RIP = 16,
    CFA_REGISTERS = 17,
};

enum cfa_how {
    CFA_UNSET, /* no rule: for callee-saved registers that means unchanged */
    CFA_SAME,
    CFA_UNDEFINED,
    CFA_OFFSET,     /* saved at CFA + value; as the CFA's own rule: register + value */
    CFA_EXPRESSION, /* saved at the result of the expression block at address `value` */
    CFA_OTHER,      /* in another register, or a value expression */
};

struct cfa_rule {
    enum cfa_how how;
    int64_t value;
};

struct cfa_state {
    struct cfa_rule cfa; /* OFFSET or EXPRESSION */
    uint64_t cfa_register;
    struct cfa_rule rule[CFA_REGISTERS];
};

/* The rules in force at `pc`.  False for instructions that are malformed or unknown. */
bool cfa_run(const struct eh_frame *frame, uint64_t pc, struct cfa_state *state);

/* value = constant, register + add, or (word at register + offset) + add */
struct cfa_value {
    enum { CFA_CONSTANT, CFA_LINEAR, CFA_WORD } form;
    uint8_t number; /* DWARF register */
    int64_t offset;
    int64_t add;
};

/* Evaluates the expression block at `address` (its length as uleb128, then its bytes), in the
 * frame at `pc`, whose rip is thereby a constant.  False if the result has none of the forms. */
bool cfa_expression(const struct eh_frame *frame, uint64_t address, uint64_t pc,
                    struct cfa_value *result);

#endif
