/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glibc's malloc of 2.26 to 2.40 on 64-bit machines (malloc/malloc.c, malloc/arena.c): sizes,
 * thread caches, fast, unsorted, small and large bins, the top.
 *
 * Addresses are those of blocks, 16 above those of glibc's chunks.
 */
#ifndef VMTRACE_COMPACT_HEAP_GLIBC_H
#define VMTRACE_COMPACT_HEAP_GLIBC_H

#include "compact/heap_guess.h"

#define GLIBC_MIN_SIZE 32                    /* MINSIZE */
#define GLIBC_HEAP_SIZE (UINT64_C(64) << 20) /* HEAP_MAX_SIZE, and what heaps are aligned to */
#define GLIBC_MMAP_THRESHOLD (UINT64_C(128) << 10)
#define GLIBC_LISTS 135 /* bins 0 to 127, then 7 fast bins */

/* request2size */
static inline uint64_t glibc_size(uint64_t request)
{
    return request + 8 < GLIBC_MIN_SIZE ? GLIBC_MIN_SIZE : (request + 8 + 15) & ~UINT64_C(15);
}

/* Each allocates a span of `size` and gives its number, SPAN_NONE if it cannot be said which.
 * The lane has begun. */
uint32_t glibc_malloc(struct heap_guess *heap, struct heap_lane *lane, uint64_t size);
uint32_t glibc_calloc(struct heap_guess *heap, struct heap_lane *lane, uint64_t size);
uint32_t glibc_memalign(struct heap_guess *heap, struct heap_lane *lane, uint64_t size,
                        unsigned alignment_log2);
/* `old` is live and in no cohort; it is the result, or free, or (a mapping) forgotten. */
uint32_t glibc_realloc(struct heap_guess *heap, struct heap_lane *lane, uint32_t old,
                       uint64_t size);

/* A block that is live and in no cohort. */
void glibc_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t number);
void glibc_thread_end(struct heap_guess *heap, struct heap_lane *lane);

/* A span is about to leave a bin. */
void glibc_unlead(struct span_table *spans, uint32_t number);

/* The address of the span that the thread's cache would give first, or 0. */
uint64_t glibc_cached(const struct heap_guess *heap, const struct heap_lane *lane, uint64_t size);

/* A thread's first block is at `address`: this gives the lane its arena, and a cache, which is a
 * block, too (tcache_init).  False when out of memory. */
bool glibc_thread_begin(struct heap_guess *heap, struct heap_lane *lane, uint64_t address);

/* The guess was wrong: what becomes of the span that was made for it. */
void glibc_take_back(struct heap_guess *heap, struct heap_lane *lane, uint32_t number);

/* A block of `size` turned up at `address` and was not foretold: its span, or SPAN_NONE when out
 * of memory.  `mapped`: it may be a mapping of its own. */
uint32_t glibc_claim(struct heap_guess *heap, struct heap_lane *lane, uint64_t address,
                     uint64_t size, bool mapped);

/* Whether the top of the lane's arena begins on a page where it never began before. */
bool glibc_touch(struct heap_guess *heap, const struct heap_lane *lane);

/* ---- between the files of this model ---- */

/* _int_malloc */
uint32_t glibc_arena_malloc(struct heap_guess *heap, struct heap_lane *lane,
                            struct heap_arena *arena, uint64_t size);

/* _int_free, and the part of it behind the thread's cache */
void glibc_int_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t number);
void glibc_arena_free(struct heap_guess *heap, uint32_t number);

/* The arena of an address, or NULL. */
struct heap_arena *glibc_arena_of(const struct heap_guess *heap, uint64_t address);

/* Cuts a live span behind `size` bytes; *rest is live, too.  False: there is too little. */
bool glibc_split(struct heap_guess *heap, uint32_t number, uint64_t size, uint32_t *rest);

#endif
