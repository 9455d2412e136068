/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces of `vmtrace check` that are in two files: while it runs, NAME in its folder may lack the
 * first chunk, or be missing if there is no other; that chunk is VMT_CHECK_FIRST/NAME below there.
 */
#ifndef VMTRACE_READER_FIRST_CHUNK_H
#define VMTRACE_READER_FIRST_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the first chunk of the trace `path` would be.  The caller frees it; NULL: out of memory. */
char *first_chunk_path(const char *path);

/* A descriptor that reads it, or -1. */
int first_chunk_open(const char *path);

/* Whether the file `path` has a first chunk of its own.  One that would be elsewhere is then of
 * another trace: pid namespaces may have made their names the same. */
bool first_chunk_is_here(const char *path);

/* Whether a file that begins with these bytes lacks its first chunk. */
bool first_chunk_is_missing(const void *bytes, size_t size);

#endif
