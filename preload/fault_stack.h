/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call stack of code that faulted, from the piece of its stack that the kernel copied when
 * it did.  A stack that goes on beyond that piece is cut.
 *
 * One file per way to unwind: fault_stack_rows.c (x86-64: callstack.h's rows), fault_stack_none.c.
 */
#ifndef VMTRACE_FAULT_STACK_H
#define VMTRACE_FAULT_STACK_H

#include "fault_ring.h"

/* Is there a way? */
bool fault_stack_is_known(void);

/* Puts the stack of the sample at `position` into `pc`, which has room for `depth` frames, as a
 * struct callstack has them; how many.  *cut: outer ones are missing. */
uint32_t fault_stack_unwind(const struct fault_ring *ring, uint64_t position,
                            const struct fault_sample *sample, uint64_t *pc, uint32_t depth,
                            bool *cut);

#endif
