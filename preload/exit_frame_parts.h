/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exit_frame.c has for the machines' files, each of which defines lifecycle_end, in assembly,
 * struct exit_registers, which that pushes, and exit_frame_find.
 */
#ifndef VMTRACE_EXIT_FRAME_PARTS_H
#define VMTRACE_EXIT_FRAME_PARTS_H

#include "exit_frame.h"

/* Where lifecycle_end's work is to have its stack, or 0: `here`. */
uint64_t exit_frame_stack(uint64_t here);

/* That work is done, and it had a stack of its own. */
void exit_frame_leave(void);

/* What the program may still have in a register. */
void exit_frame_add(struct exit_frame *frame, uint64_t value);

/* Is it an address in libc's exit() or quick_exit()? */
bool exit_frame_is_exit(uint64_t pc);

/* Is it in the recorder's code? */
bool exit_frame_is_own(uint64_t pc);

#endif
