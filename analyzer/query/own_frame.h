/* SPDX-License-Identifier: Apache-2.0 */
/* The frame that a reader of a call stack looks for. */
#ifndef VMTRACE_QUERY_OWN_FRAME_H
#define VMTRACE_QUERY_OWN_FRAME_H

#include "query/report.h"

/* Index of the program's own frame that called for memory, past its wrappers of malloc if there
 * is anything past them; stack->count if there is none of its own. */
size_t own_frame_index(const struct report_stack *stack);

/* That frame, the innermost one if none is the program's own, NULL for an empty stack or NULL. */
const struct report_frame *own_frame(const struct report_stack *stack);

#endif
