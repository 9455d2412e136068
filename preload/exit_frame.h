/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the process as the program sees it: the stack pointer and the registers of whoever
 * called exit() or one of its kind.  What lies between that and the recorder's own frames are
 * libc's, whose slots hold what earlier calls left there; to search them for pointers would hide
 * leaks.
 *
 * And a stack for the work at the end, where the program's has no room for it: a handler on a
 * signal stack may call _exit.
 */
#ifndef VMTRACE_EXIT_FRAME_H
#define VMTRACE_EXIT_FRAME_H

#include "callstack.h"

enum { EXIT_FRAME_VALUES = 32 };

struct exit_frame {
    uint64_t stack_pointer; /* 0: not known */
    unsigned count;
    uint64_t values[EXIT_FRAME_VALUES]; /* that the program may still have in registers */
};

/* What lifecycle_end, which is in exit_frame.c, was called with: registers that functions keep, on
 * the caller's stack.  NULL on machines where nobody saves them. */
struct exit_registers {
#if defined(__x86_64__)
    uint64_t r15, r14, r13, r12, rbx, rbp, return_address;
    uint64_t stack[]; /* the caller's */
#else
    uint64_t none;
#endif
};

/* Once, while the library starts. */
void exit_frame_resolve(void);

/* Overwrites `stack`.  `exits`: it was exit() that the program called, or main that returned. */
void exit_frame_find(struct exit_frame *frame, const struct exit_registers *registers,
                     struct callstack *stack, bool exits);

#endif
