/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells a signal handler of the interrupted code. */
#ifndef VMTRACE_CRASH_CONTEXT_H
#define VMTRACE_CRASH_CONTEXT_H

#include "record.h"

#include <ucontext.h>

/* Fills in the frame, the registers and, of `flags`, how memory was accessed. */
void crash_context_read(const ucontext_t *context, struct crash_facts *facts);

#endif
