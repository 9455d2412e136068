/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says which anonymous memory is the recorder's: the kernel joins it with its neighbours'.
 */
#ifndef VMTRACE_OWN_MEMORY_H
#define VMTRACE_OWN_MEMORY_H

#include "stream.h"

/* REGION records named "[vmtrace]" for the streams and their stack nodes; false: no space.  Other
 * threads go on meanwhile, so one that grows just now may be told as it was. */
bool own_memory_write(struct stream *stream);

/* The same pieces (start NULL or no bytes: nothing), until `visit` returns false. */
bool own_memory_visit(bool (*visit)(void *context, const void *start, size_t bytes), void *context);

#endif
