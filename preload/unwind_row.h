/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of unwinding on x86-64 as data: what a frame's CFA, return address and
 * saved rbp are, given only its rsp and rbp.  A row is a pure function of the program
 * counter, made once from .eh_frame and then used for every capture that passes there.
 *
 * What cannot be said with rsp and rbp alone (CFA in another register, CFA expressions of
 * hand-written assembly) is COMPLEX; unwind_row_base_register knows about some of it.
 */
#ifndef VMTRACE_UNWIND_ROW_H
#define VMTRACE_UNWIND_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "modules.h"

enum unwind_kind {
    UNWIND_NONE,     /* no unwind information covers the pc */
    UNWIND_STANDARD, /* CFA = base + cfa_offset */
    UNWIND_ALIGNED,  /* CFA = word at (base + cfa_offset), + cfa_add: realigned stacks */
    UNWIND_SIGNAL,   /* sigreturn trampoline: registers in the ucontext at rsp */
    UNWIND_END,      /* outermost frame */
    UNWIND_COMPLEX,  /* anything else */
};

/* Where the caller's rbp is. */
enum unwind_fp {
    UNWIND_FP_SAME,   /* still in rbp */
    UNWIND_FP_AT_CFA, /* word at CFA + fp_offset */
    UNWIND_FP_AT_FP,  /* word at rbp + fp_offset */
    UNWIND_FP_AT_SP,  /* word at rsp + fp_offset */
};

struct unwind_row {
    uint8_t kind;        /* enum unwind_kind; the rest counts for STANDARD and ALIGNED only */
    uint8_t base_fp;     /* base register: 0 rsp, 1 rbp */
    uint8_t fp_rule;     /* enum unwind_fp */
    uint8_t interrupted; /* the caller's pc is an interrupted instruction */
    int32_t cfa_offset;
    int32_t cfa_add;
    int32_t ra_offset; /* return address: word at CFA + ra_offset */
    int32_t fp_offset;
};

/* Offsets from rsp in the frame of the sigreturn trampoline, which is where the kernel put
 * struct ucontext (arch/x86/include/uapi/asm/sigcontext.h). */
enum {
    UNWIND_SIGNAL_REGISTERS = 40,
    UNWIND_SIGNAL_FP = 120,
    UNWIND_SIGNAL_SP = 160,
    UNWIND_SIGNAL_PC = 168,
};

/* The row of `pc`, which `module` covers.  `exact`: pc is an interrupted instruction and not
 * a return address (whose row is the one of the call before it).  Async-signal-safe. */
void unwind_row_find(const struct module *module, uint64_t pc, bool exact, struct unwind_row *row);

/* The offset from the CFA at which the frame at `pc` saved DWARF register `number` of its caller.
 * False when it is kept somewhere else, or nowhere; *same then says "still in the register". */
bool unwind_register_saved(const struct module *module, uint64_t pc, bool exact, unsigned number,
                           int64_t *offset, bool *same);

/* For a COMPLEX row whose CFA is another general register plus a constant, with return address and
 * rbp at constant offsets: that register's DWARF number, and the rest in `row` as if it were the
 * base of a STANDARD row.  False when the row is not of this kind. */
bool unwind_row_base_register(const struct module *module, uint64_t pc, bool exact,
                              unsigned *number, struct unwind_row *row);

#endif
