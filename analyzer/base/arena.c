/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN ((size_t)16)
#define ARENA_FIRST_SLAB ((size_t)4096)
#define ARENA_LARGEST_SLAB ((size_t)1 << 20)

struct arena_slab {
    _Alignas(16) struct arena_slab *next;
};

struct arena {
    struct arena_slab *slabs;
    char *free_at;
    size_t free_bytes;
    size_t next_size; /* slabs double up to ARENA_LARGEST_SLAB */
};

struct arena *arena_new(void)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (arena)
        arena->next_size = ARENA_FIRST_SLAB;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct arena_slab *slab = arena->slabs, *next; slab; slab = next) {
        next = slab->next;
        free(slab);
    }
    free(arena);
}

static struct arena_slab *arena_add_slab(struct arena *arena, size_t size)
{
    struct arena_slab *slab = calloc(1, sizeof(*slab) + size);
    if (!slab)
        return NULL;
    slab->next = arena->slabs;
    arena->slabs = slab;
    return slab;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = size ? (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1) : ARENA_ALIGN;
    if (size > arena->free_bytes) {
        /* Large blocks get a slab of their own, so that the rest of the current one stays. */
        bool own = size > arena->next_size / 4;
        struct arena_slab *slab = arena_add_slab(arena, own ? size : arena->next_size);
        if (!slab)
            return NULL;
        if (own)
            return slab + 1;
        arena->free_at = (char *)(slab + 1);
        arena->free_bytes = arena->next_size;
        if (arena->next_size < ARENA_LARGEST_SLAB)
            arena->next_size *= 2;
    }
    void *block = arena->free_at;
    arena->free_at += size;
    arena->free_bytes -= size;
    return block;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_alloc(arena, bytes);
}

char *arena_string(struct arena *arena, const char *bytes, size_t length)
{
    length = length ? strnlen(bytes, length) : 0;
    char *text = arena_alloc(arena, length + 1);
    if (text && length)
        memcpy(text, bytes, length);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
