/* SPDX-License-Identifier: Apache-2.0 */
/* A compact trace turned back into the raw one, byte for byte. */
#ifndef VMTRACE_COMPACT_COMPACT_EXPAND_H
#define VMTRACE_COMPACT_COMPACT_EXPAND_H

#include <stdbool.h>

#include "base/error.h"
#include "reader/source.h"

/* Takes `size` bytes of the raw trace, from `offset`; false ends the work.  Parts come in any
 * order; what does not come is zero. */
typedef bool expand_sink(void *context, uint64_t offset, const uint8_t *bytes, size_t size);

/* Takes the source over.  VMT_ERROR_COMPACT: it is no compact trace, or damaged; what was
 * readable was handed on.  *raw_size is set as soon as it is known. */
enum vmt_error compact_expand(struct source *source, expand_sink *sink, void *context,
                              uint64_t *raw_size, struct error *error);

/* Whether `compact`, which is taken over, stands for exactly the bytes of `raw`. */
enum vmt_error compact_verify(struct source *compact, const struct source *raw,
                              struct error *error);

#endif
