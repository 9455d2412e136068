/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the target fuzz_compact takes: the parts of a compact trace before they are compressed, so
 * that checksums do not hide what is behind them.  Each part is a u16 length and so many bytes (or
 * what is left): first the list of chunks, then the columns.
 */
#ifndef VMTRACE_TESTS_FUZZ_COMPACT_H
#define VMTRACE_TESTS_FUZZ_COMPACT_H

#include <stddef.h>
#include <stdint.h>

#include "compact/compact_format.h"

#define FUZZ_PARTS (1 + COMPACT_COLUMNS)

/* Writes the parts of seed trace `number` to `out`, which has room for `room` bytes; how many. */
size_t fuzz_compact_seed(unsigned number, uint8_t *out, size_t room);

#endif
