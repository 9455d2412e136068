/* SPDX-License-Identifier: Apache-2.0 */
/* A raw trace written in the compact form. */
#ifndef VMTRACE_COMPACT_COMPACT_WRITER_H
#define VMTRACE_COMPACT_COMPACT_WRITER_H

#include <stdio.h>

#include "base/error.h"
#include "reader/source.h"

/* Reads all of `raw`, which is borrowed, and writes to `out`, whose errors the caller looks at.
 * Fails with VMT_ERROR_COMPACT if it is a compact trace already.  Whatever the raw trace holds,
 * damage and all, compact_expand gives the same bytes again. */
enum vmt_error compact_write(const struct source *raw, FILE *out, struct error *error);

#endif
