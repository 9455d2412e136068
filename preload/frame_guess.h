/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame to its caller in code without unwind information: generated code, hand-written
 * assembly.  Rather no caller than a wrong one.  Cold.
 */
#ifndef VMTRACE_FRAME_GUESS_H
#define VMTRACE_FRAME_GUESS_H

#include "frame_step.h"

/* Replaces `frame` by its caller.  Compilers of the just-in-time sort usually keep frame pointers:
 * their chain is followed within the thread's own stack, to where a call is that may have led
 * here, and where no other one may.  `crashed`: the frame is the innermost one, and perhaps no
 * code at all but where a bad pointer led. */
enum frame_step frame_guess(const struct stack_bounds *bounds, bool crashed, struct frame *frame);

#endif
