/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/heap_glibc.h"

#define FAST_MAX 128           /* global_max_fast */
#define SMALL_MAX 1024         /* MIN_LARGE_SIZE */
#define UNSORTED 1             /* number of that bin */
#define BINS 127               /* their numbers are below */
#define FAST_LISTS 128         /* number of the first fast bin's list */
#define CONSOLIDATE_SIZE 65536 /* FASTBIN_CONSOLIDATION_THRESHOLD */
#define TOP_PAD (128 << 10)    /* mp_.top_pad */
#define CACHE_LENGTH 7         /* mp_.tcache_count */
#define MAX_SORTED 10000       /* MAX_ITERS */

/* ---- sizes and lists ---- */

static unsigned glibc_bin(uint64_t size)
{
    if (size < SMALL_MAX)
        return (unsigned)(size >> 4);
    if (size >> 6 <= 48)
        return 48 + (unsigned)(size >> 6);
    if (size >> 9 <= 20)
        return 91 + (unsigned)(size >> 9);
    if (size >> 12 <= 10)
        return 110 + (unsigned)(size >> 12);
    if (size >> 15 <= 4)
        return 119 + (unsigned)(size >> 15);
    return size >> 18 <= 2 ? 124 + (unsigned)(size >> 18) : 126;
}

static uint32_t glibc_fast_list(const struct heap_arena *arena, uint64_t size)
{
    return arena->lists + FAST_LISTS + (uint32_t)(size >> 4) - 2;
}

static bool glibc_is_binned(const struct heap_guess *heap, uint32_t number)
{
    return number != SPAN_NONE && span_at(&heap->spans, number)->state == SPAN_BINNED;
}

static uint32_t glibc_next(const struct heap_guess *heap, const struct span *span)
{
    return span_find(&heap->spans, span->address + span->size);
}

/* Puts a live span into a bin, before `where`. */
static void glibc_bin_insert(struct heap_guess *heap, struct heap_arena *arena, unsigned bin,
                             uint32_t number, uint32_t where)
{
    struct span *span = span_at(&heap->spans, number);
    span->state = SPAN_BINNED;
    span_insert(&heap->spans, number, where);
    arena->marks[bin / 64] |= UINT64_C(1) << bin % 64;
    uint32_t next = glibc_next(heap, span);
    if (next != SPAN_NONE)
        span_at(&heap->spans, next)->before = span->size;
}

static void glibc_to_unsorted(struct heap_guess *heap, struct heap_arena *arena, uint32_t number)
{
    glibc_bin_insert(heap, arena, UNSORTED, number,
                     span_first(&heap->spans, arena->lists + UNSORTED));
}

/* Makes a span of a large bin the one that stands for its size, before that of the next smaller
 * one. */
static void glibc_lead(struct span_table *spans, uint32_t number, uint32_t smaller)
{
    uint32_t larger = span_at(spans, smaller)->larger;
    span_at(spans, number)->smaller = smaller;
    span_at(spans, number)->larger = larger;
    span_at(spans, larger)->smaller = span_at(spans, smaller)->larger = number;
}

/* A span leaves its bin: if it stood for its size, the next of that size does, if there is one. */
void glibc_unlead(struct span_table *spans, uint32_t number)
{
    struct span *span = span_at(spans, number);
    uint32_t smaller = span->smaller;
    if (smaller == SPAN_NONE)
        return;
    span_at(spans, smaller)->larger = span->larger;
    span_at(spans, span->larger)->smaller = smaller;
    span->smaller = span->larger = SPAN_NONE;
    if (span->next != smaller)
        glibc_lead(spans, span->next, smaller);
}

/* Large bins are sorted by size, the largest first; one of a size that is there becomes the second
 * of that size. */
static uint32_t glibc_sorted_place(struct span_table *spans, uint32_t head, uint32_t number)
{
    uint64_t size = span_at(spans, number)->size;
    uint32_t where = span_at(spans, head)->smaller;
    while (where != head && span_at(spans, where)->size > size)
        where = span_at(spans, where)->smaller;
    if (where != head && span_at(spans, where)->size == size)
        return span_first(spans, where);
    glibc_lead(spans, number, where);
    return where;
}

static void glibc_to_bin(struct heap_guess *heap, struct heap_arena *arena, uint32_t number)
{
    uint64_t size = span_at(&heap->spans, number)->size;
    unsigned bin = glibc_bin(size);
    uint32_t head = arena->lists + bin;
    uint32_t where = size < SMALL_MAX ? span_first(&heap->spans, head)
                                      : glibc_sorted_place(&heap->spans, head, number);
    glibc_bin_insert(heap, arena, bin, number, where);
}

/* ---- thread caches ---- */

static unsigned glibc_class(uint64_t size)
{
    return (unsigned)(size - GLIBC_MIN_SIZE) / 16;
}

static bool glibc_has_class(uint64_t size)
{
    return size - GLIBC_MIN_SIZE < 16 * HEAP_CACHES;
}

static bool glibc_cache_wants(const struct heap_lane *lane, uint64_t size)
{
    return lane->begun && glibc_has_class(size) && lane->cached[glibc_class(size)] < CACHE_LENGTH;
}

static void glibc_cache(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    struct span *span = span_at(&heap->spans, number);
    unsigned class = glibc_class(span->size);
    span->state = SPAN_CACHED;
    span->cohort = (uint32_t)(lane - heap->lanes);
    span_insert(&heap->spans, number, span_first(&heap->spans, lane->caches + class));
    lane->cached[class]++;
}

static uint32_t glibc_cache_first(const struct heap_guess *heap, const struct heap_lane *lane,
                                  uint64_t size)
{
    if (!glibc_has_class(size) || lane->cached[glibc_class(size)] == 0)
        return SPAN_NONE;
    return span_first(&heap->spans, lane->caches + glibc_class(size));
}

uint64_t glibc_cached(const struct heap_guess *heap, const struct heap_lane *lane, uint64_t size)
{
    uint32_t number = glibc_cache_first(heap, lane, size);
    return number == SPAN_NONE ? 0 : span_at(&heap->spans, number)->address;
}

uint32_t glibc_malloc(struct heap_guess *heap, struct heap_lane *lane, uint64_t size)
{
    uint32_t number = glibc_cache_first(heap, lane, size);
    if (number == SPAN_NONE)
        return glibc_arena_malloc(heap, lane, &heap->arenas[lane->arena], size);
    heap_span_detach(heap, number);
    return number;
}

/* ---- free spans that become larger ---- */

/* Merges a live span with free neighbours or the top; _int_free_merge_chunk. */
static void glibc_merge(struct heap_guess *heap, struct heap_arena *arena, uint32_t number)
{
    struct span_table *spans = &heap->spans;
    struct span *span = span_at(spans, number);
    uint32_t previous = span->before ? span_find(spans, span->address - span->before) : SPAN_NONE;
    if (glibc_is_binned(heap, previous) && span_at(spans, previous)->size == span->before) {
        heap_span_detach(heap, previous);
        span_at(spans, previous)->size += span->size;
        span_drop(spans, number);
        number = previous;
        span = span_at(spans, number);
    }
    if (span->address + span->size == arena->top) {
        arena->top = span->address;
        arena->top_size += span->size;
        span_drop(spans, number);
        return;
    }
    uint32_t next = glibc_next(heap, span);
    if (glibc_is_binned(heap, next)) {
        heap_span_detach(heap, next);
        span->size += span_at(spans, next)->size;
        span_drop(spans, next);
    }
    glibc_to_unsorted(heap, arena, number);
}

/* malloc_consolidate */
static void glibc_consolidate(struct heap_guess *heap, struct heap_arena *arena)
{
    if (!arena->has_fast)
        return;
    arena->has_fast = false;
    for (uint32_t head = arena->lists + FAST_LISTS; head < arena->lists + GLIBC_LISTS; head++) {
        while (!span_list_empty(&heap->spans, head)) {
            uint32_t number = span_first(&heap->spans, head);
            heap_span_detach(heap, number);
            glibc_merge(heap, arena, number);
        }
    }
}

/* systrim, heap_trim */
static void glibc_trim(struct heap_guess *heap, struct heap_arena *arena)
{
    uint64_t threshold = heap->mmap_threshold;
    if (threshold != GLIBC_MMAP_THRESHOLD)
        threshold *= 2;
    if (arena->top_size < threshold || arena->top_size < TOP_PAD + GLIBC_MIN_SIZE + 1)
        return;
    uint64_t extra = arena->top_size - GLIBC_MIN_SIZE - 1 - TOP_PAD;
    arena->top_size -= extra - extra % heap->page_size;
    uint64_t last = (arena->top + arena->top_size - 16) / heap->page_size - 1;
    if (arena->touched > last)
        arena->touched = last; /* what lies behind was given back */
}

void glibc_arena_free(struct heap_guess *heap, uint32_t number)
{
    struct span *span = span_at(&heap->spans, number);
    struct heap_arena *arena = glibc_arena_of(heap, span->address);
    if (!arena) {
        span_drop(&heap->spans, number);
    } else if (span->size <= FAST_MAX) {
        span->state = SPAN_CACHED;
        span->cohort = COHORT_NONE;
        span_insert(&heap->spans, number,
                    span_first(&heap->spans, glibc_fast_list(arena, span->size)));
        arena->has_fast = true;
    } else {
        uint64_t end = span->address + span->size, size = span->size + span->before;
        uint32_t next = glibc_next(heap, span);
        if (glibc_is_binned(heap, next))
            size += span_at(&heap->spans, next)->size;
        else if (end == arena->top)
            size += arena->top_size;
        glibc_merge(heap, arena, number);
        if (size >= CONSOLIDATE_SIZE) {
            glibc_consolidate(heap, arena);
            glibc_trim(heap, arena);
        }
    }
}

void glibc_int_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    if (glibc_cache_wants(lane, span_at(&heap->spans, number)->size))
        glibc_cache(heap, lane, number);
    else
        glibc_arena_free(heap, number);
}

/* tcache_thread_shutdown */
void glibc_thread_end(struct heap_guess *heap, struct heap_lane *lane)
{
    for (uint32_t head = lane->caches; head < lane->caches + HEAP_CACHES; head++) {
        while (!span_list_empty(&heap->spans, head)) {
            uint32_t number = span_first(&heap->spans, head);
            heap_span_detach(heap, number);
            glibc_arena_free(heap, number);
        }
    }
    uint32_t own = span_find(&heap->spans, lane->own);
    if (own != SPAN_NONE && span_at(&heap->spans, own)->state == SPAN_LIVE &&
        span_at(&heap->spans, own)->cohort == COHORT_NONE)
        glibc_arena_free(heap, own);
    lane->own = 0;
    lane->begun = false;
}

/* ---- _int_malloc ---- */

bool glibc_split(struct heap_guess *heap, uint32_t number, uint64_t size, uint32_t *rest)
{
    struct span *span = span_at(&heap->spans, number);
    uint64_t left = span->size - size;
    if (left < GLIBC_MIN_SIZE || heap_span_certain(heap, span->address + size) != SPAN_NONE)
        return false;
    span->size = size;
    *rest = heap_span_new(heap, span->address + size, left);
    return true;
}

static uint32_t glibc_carve(struct heap_guess *heap, struct heap_arena *arena, uint64_t size)
{
    uint32_t known;
    while ((known = heap_span_certain(heap, arena->top)) != SPAN_NONE)
        arena->top += span_at(&heap->spans, known)->size;
    uint32_t number = heap_span_new(heap, arena->top, size);
    arena->top += size;
    arena->top_size -= size;
    return number;
}

/* Takes a span from a list's first or last place, and as many more of them into the thread's cache
 * as that takes. */
static uint32_t glibc_take_list(struct heap_guess *heap, struct heap_lane *lane, uint32_t head,
                                uint64_t size, bool last)
{
    struct span_table *spans = &heap->spans;
    uint32_t taken = SPAN_NONE;
    while (!span_list_empty(spans, head) && (taken == SPAN_NONE || glibc_cache_wants(lane, size))) {
        uint32_t number = last ? span_last(spans, head) : span_first(spans, head);
        heap_span_detach(heap, number);
        if (taken == SPAN_NONE)
            taken = number;
        else
            glibc_cache(heap, lane, number);
    }
    return taken;
}

/* Sorts the unsorted spans into bins until one fits exactly; those that the thread's cache has
 * room for go there first. */
static uint32_t glibc_sort(struct heap_guess *heap, struct heap_lane *lane,
                           struct heap_arena *arena, uint64_t size)
{
    struct span_table *spans = &heap->spans;
    uint32_t head = arena->lists + UNSORTED, rest;
    bool cached = false;
    for (unsigned i = 0; i < MAX_SORTED && !span_list_empty(spans, head); i++) {
        uint32_t number = span_last(spans, head);
        bool only = span_first(spans, head) == number;
        heap_span_detach(heap, number);
        uint64_t found = span_at(spans, number)->size;
        if (size < SMALL_MAX && only && span_at(spans, number)->address == arena->last_remainder &&
            found > size + GLIBC_MIN_SIZE && glibc_split(heap, number, size, &rest)) {
            glibc_to_unsorted(heap, arena, rest);
            arena->last_remainder = span_at(&heap->spans, rest)->address;
            return number;
        }
        if (found != size) {
            glibc_to_bin(heap, arena, number);
        } else if (glibc_cache_wants(lane, size)) {
            glibc_cache(heap, lane, number);
            cached = true;
        } else {
            return number;
        }
    }
    if (!cached)
        return SPAN_NONE;
    return glibc_malloc(heap, lane, size);
}

/* The smallest span of the request's own large bin that is large enough; of several of one size
 * glibc takes the second, which has no links to other sizes. */
static uint32_t glibc_fit_large(const struct heap_guess *heap, uint32_t head, uint64_t size)
{
    const struct span_table *spans = &heap->spans;
    uint32_t number = span_at(spans, head)->larger;
    while (number != head && span_at(spans, number)->size < size)
        number = span_at(spans, number)->larger;
    if (number == head)
        return SPAN_NONE;
    uint32_t second = span_first(spans, number);
    return second == span_at(spans, number)->smaller ? number : second;
}

/* The last span of the next bin that has one. */
static uint32_t glibc_fit_next(struct heap_guess *heap, struct heap_arena *arena, unsigned bin)
{
    while (bin < BINS) {
        uint64_t marks = arena->marks[bin / 64] >> bin % 64;
        if (marks == 0) {
            bin = (bin / 64 + 1) * 64;
            continue;
        }
        bin += (unsigned)__builtin_ctzll(marks);
        if (bin >= BINS)
            break;
        uint32_t head = arena->lists + bin;
        if (!span_list_empty(&heap->spans, head))
            return span_last(&heap->spans, head);
        arena->marks[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    }
    return SPAN_NONE;
}

static uint32_t glibc_fit(struct heap_guess *heap, struct heap_arena *arena, uint64_t size)
{
    unsigned bin = glibc_bin(size);
    uint32_t number = SPAN_NONE, rest;
    if (size >= SMALL_MAX)
        number = glibc_fit_large(heap, arena->lists + bin, size);
    bool next = number == SPAN_NONE;
    if (next)
        number = glibc_fit_next(heap, arena, bin + 1);
    if (number == SPAN_NONE)
        return SPAN_NONE;
    heap_span_detach(heap, number);
    if (glibc_split(heap, number, size, &rest)) {
        glibc_to_unsorted(heap, arena, rest);
        if (next && size < SMALL_MAX)
            arena->last_remainder = span_at(&heap->spans, rest)->address;
    }
    return number;
}

/* sysmalloc: a mapping, or more memory at the top. */
static uint32_t glibc_grow(struct heap_guess *heap, struct heap_arena *arena, uint64_t size)
{
    if (size >= heap->mmap_threshold)
        return SPAN_NONE;
    uint64_t wanted = size + GLIBC_MIN_SIZE - arena->top_size;
    if (arena == heap->arenas)
        wanted += TOP_PAD;
    arena->top_size += (wanted + heap->page_size - 1) / heap->page_size * heap->page_size;
    return glibc_carve(heap, arena, size);
}

uint32_t glibc_arena_malloc(struct heap_guess *heap, struct heap_lane *lane,
                            struct heap_arena *arena, uint64_t size)
{
    uint32_t number = SPAN_NONE;
    if (size <= FAST_MAX)
        number = glibc_take_list(heap, lane, glibc_fast_list(arena, size), size, false);
    if (number == SPAN_NONE && size < SMALL_MAX)
        number = glibc_take_list(heap, lane, arena->lists + glibc_bin(size), size, true);
    if (number != SPAN_NONE)
        return number;
    if (size >= SMALL_MAX)
        glibc_consolidate(heap, arena);
    for (;;) {
        number = glibc_sort(heap, lane, arena, size);
        if (number == SPAN_NONE)
            number = glibc_fit(heap, arena, size);
        if (number != SPAN_NONE)
            return number;
        if (arena->top_size >= size + GLIBC_MIN_SIZE)
            return glibc_carve(heap, arena, size);
        if (!arena->has_fast)
            return glibc_grow(heap, arena, size);
        glibc_consolidate(heap, arena);
    }
}
