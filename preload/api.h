/* SPDX-License-Identifier: Apache-2.0 */
/* The program's side of vmtrace.h. */
#ifndef VMTRACE_API_H
#define VMTRACE_API_H

#include "vmtrace/vmtrace.h"

#include <stdbool.h>

/* Answers madvise(query, size, VMTRACE_API_ADVICE).  False: that was no query of ours. */
bool api_answer(void *query, size_t size);

#endif
