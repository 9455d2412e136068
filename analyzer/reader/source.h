/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bytes of a trace come from: a file, a pipe (read into memory at once), memory, or a
 * function that makes them.
 *
 * Files are read with pread, small ones at once, and never mapped: a trace that is being written
 * may be cut while we look at it, which would be a SIGBUS in a mapping and is a short read here.
 */
#ifndef VMTRACE_READER_SOURCE_H
#define VMTRACE_READER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct source;

/* "-" is standard input; of a trace in two files (first_chunk.h) both are read.  On success *result
 * is the caller's until source_free. */
enum vmt_error source_open(const char *path, struct source **result, struct error *error);

/* Whether source_open would find a regular file, of *size bytes, there; nothing is opened. */
bool source_is_file(const char *path, uint64_t *size);

/* `bytes` are borrowed and must outlive the source. */
enum vmt_error source_from_memory(const void *bytes, size_t size, struct source **result,
                                  struct error *error);

/* As source_view below; it fills `scratch`.  Returns how many bytes there are. */
typedef size_t source_maker(void *context, uint64_t offset, size_t size, uint8_t *scratch);

/* `size` bytes that are made as they are asked for.  The context is borrowed. */
enum vmt_error source_from_maker(source_maker *maker, void *context, uint64_t size,
                                 struct source **result, struct error *error);

void source_free(struct source *source);

/* Size in bytes when it was opened. */
uint64_t source_size(const struct source *source);

/* Makes `size` bytes at `offset` readable: the result points at them, either in the source
 * itself or in `scratch` (at least `size` bytes, the caller's).  *available tells how many there
 * are, 0 at and after the end or when the file cannot be read there. */
const uint8_t *source_view(const struct source *source, uint64_t offset, size_t size, void *scratch,
                           size_t *available);

#endif
