/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the process as the program sees it: the stack pointer and the registers of whoever
 * called exit() or one of its kind.  What lies between that and the recorder's work are frames of
 * libc's and of its own, whose slots hold what earlier calls left there; to search them for
 * pointers would hide leaks.
 *
 * And a stack for the work at the end, where the program's has no room for it: a handler on a
 * signal stack may call _exit.
 */
#ifndef VMTRACE_EXIT_FRAME_H
#define VMTRACE_EXIT_FRAME_H

#include "callstack.h"

enum { EXIT_FRAME_VALUES = 48 };

struct exit_frame {
    uint64_t stack_pointer; /* 0: not known */
    unsigned count;
    uint64_t values[EXIT_FRAME_VALUES]; /* that the program may still have in registers */
};

/* What lifecycle_end, which each machine has in a file of its own, was called with: the registers
 * that functions keep, on the caller's stack. */
struct exit_registers;

/* Once, while the library starts.  The argument: libc's quick_exit. */
void exit_frame_resolve(uint64_t quick_exit_address);

/* Overwrites `stack`.  `exits`: by exit(), quick_exit() or main's return, and so in libc. */
void exit_frame_find(struct exit_frame *frame, const struct exit_registers *registers,
                     struct callstack *stack, bool exits);

#endif
