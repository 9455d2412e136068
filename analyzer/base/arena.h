/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is released all at once.  Blocks are aligned to 16 bytes and zeroed; NULL means
 * out of memory.
 */
#ifndef VMTRACE_BASE_ARENA_H
#define VMTRACE_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);

/* `count` elements of `size` bytes; NULL, too, when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A C string of the first `length` bytes, cut at a NUL among them. */
char *arena_string(struct arena *arena, const char *bytes, size_t length);

__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *format,
                                                         ...);

#endif
