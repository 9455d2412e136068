/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/heap_glibc.h"

#define MMAP_THRESHOLD_MAX (UINT64_C(32) << 20) /* DEFAULT_MMAP_THRESHOLD_MAX */
#define FIRST_TOP (UINT64_C(132) << 10)         /* a heap's first size: a block and TOP_PAD */
/* The main arena may have grown so far between two of its blocks. */
#define TOP_REACH (UINT64_C(1) << 30)
/* brk's heap is smaller than this; nearer addresses belong to it. */
#define MAIN_REACH (UINT64_C(1) << 36)
#define CACHE_SIZE 0x290 /* of a span for struct tcache_perthread_struct */
#define FURTHER_HEAP_HEADER                                                                        \
    128 /* at least sizeof(heap_info), less than sizeof(struct malloc_state) */

/* ---- arenas ---- */

static uint32_t glibc_heap_arena(const struct heap_guess *heap, uint64_t address)
{
    if (heap->arena_count == 0)
        return HASH_MAP_NONE;
    uint64_t top = heap->arenas[0].top;
    if (address - top < MAIN_REACH || top - address < MAIN_REACH)
        return 0;
    return hash_map_get(&heap->heaps, address / GLIBC_HEAP_SIZE);
}

struct heap_arena *glibc_arena_of(const struct heap_guess *heap, uint64_t address)
{
    uint32_t number = glibc_heap_arena(heap, address);
    return number == HASH_MAP_NONE ? NULL : &heap->arenas[number];
}

/* The arena of a block that turned up at `address`.  A further heap of an arena has nothing but a
 * few words before its first block, an arena's first heap the arena itself.  HASH_MAP_NONE: out of
 * memory. */
static uint32_t glibc_arena_meet(struct heap_guess *heap, const struct heap_lane *lane,
                                 uint64_t address)
{
    uint32_t number = glibc_heap_arena(heap, address);
    if (number != HASH_MAP_NONE)
        return number;
    bool main = heap->arena_count == 0;
    uint64_t unit = main ? heap->page_size : GLIBC_HEAP_SIZE;
    uint64_t used = (address - 16) % unit;
    bool further = !main && lane->arena != 0 && used < FURTHER_HEAP_HEADER;
    if (further || heap->arena_count == HEAP_MAX_ARENAS)
        number = lane->arena;
    else
        number = (uint32_t)heap->arena_count++;
    if (!main && !hash_map_put(&heap->heaps, address / GLIBC_HEAP_SIZE, number))
        return HASH_MAP_NONE;
    struct heap_arena *arena = &heap->arenas[number];
    if (number + 1 == heap->arena_count && !further)
        *arena = (struct heap_arena){.lists = span_lists_new(&heap->spans, GLIBC_LISTS)};
    arena->top = address;
    arena->top_size = FIRST_TOP - used % FIRST_TOP;
    return number;
}

/* The top lies behind a block that turned up beyond its beginning. */
static void glibc_move_top(const struct heap_guess *heap, struct heap_arena *arena,
                           uint64_t address, uint64_t size)
{
    uint64_t end = arena->top + arena->top_size;
    if (address + size <= arena->top || address - arena->top >= TOP_REACH)
        return;
    arena->top = address + size;
    if (arena->top >= end)
        end = arena->top + FIRST_TOP - (arena->top - 16) % heap->page_size;
    arena->top_size = end - arena->top;
}

/* A span that was wrongly expected goes back, but if it was wrong before, it is not free at all. */
void glibc_take_back(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    struct span *span = span_at(&heap->spans, number);
    struct heap_arena *arena = glibc_arena_of(heap, span->address);
    if (arena && span->address + span->size == arena->top) {
        arena->top = span->address;
        arena->top_size += span->size;
        span_drop(&heap->spans, number);
    } else if (span->doubted) {
        span_drop(&heap->spans, number);
    } else {
        span->doubted = true;
        glibc_int_free(heap, lane, number);
    }
}

/* Threads share arenas only where there are very many: that this one got the arena of another means
 * that the other has ended, which the trace tells only when its stream goes on. */
static void glibc_inherit(struct heap_guess *heap, struct heap_lane *lane)
{
    struct heap_arena *arena = &heap->arenas[lane->arena];
    struct heap_lane *other = &heap->lanes[arena->user];
    if (lane->arena != 0 && other != lane && other->begun && other->arena == lane->arena)
        glibc_thread_end(heap, other);
}

bool glibc_thread_begin(struct heap_guess *heap, struct heap_lane *lane, uint64_t address)
{
    size_t arenas = heap->arena_count;
    uint32_t arena = glibc_arena_meet(heap, lane, address);
    if (arena == HASH_MAP_NONE)
        return false;
    lane->arena = (uint16_t)arena;
    if (arena < arenas) {
        glibc_inherit(heap, lane);
        uint32_t own = glibc_arena_malloc(heap, lane, &heap->arenas[arena], CACHE_SIZE);
        lane->own = own == SPAN_NONE ? 0 : span_at(&heap->spans, own)->address;
    } else if ((address - 16) % heap->page_size >= CACHE_SIZE) {
        lane->own = address - CACHE_SIZE;
        heap_span_new(heap, lane->own, CACHE_SIZE);
    }
    heap->arenas[arena].user = (uint32_t)(lane - heap->lanes);
    lane->begun = true;
    return true;
}

static uint32_t glibc_claim_mapping(struct heap_guess *heap, uint64_t address, uint64_t size)
{
    uint64_t pages = (size + 8 + heap->page_size - 1) / heap->page_size;
    uint32_t number = heap_span_new(heap, address, pages * heap->page_size);
    span_at(&heap->spans, number)->mapped = true;
    return number;
}

uint32_t glibc_claim(struct heap_guess *heap, struct heap_lane *lane, uint64_t address,
                     uint64_t size, bool mapped)
{
    if (mapped && (address - 16) % heap->page_size == 0)
        return glibc_claim_mapping(heap, address, size);
    uint32_t rest, found = glibc_arena_meet(heap, lane, address);
    if (found == HASH_MAP_NONE)
        return SPAN_NONE;
    lane->arena = (uint16_t)found;
    uint32_t number = span_find(&heap->spans, address);
    if (number == SPAN_NONE || span_at(&heap->spans, number)->state <= SPAN_MOVING) {
        number = heap_span_new(heap, address, size);
        glibc_move_top(heap, &heap->arenas[found], address, size);
        return number;
    }
    heap_span_detach(heap, number);
    if (span_at(&heap->spans, number)->size < size)
        span_at(&heap->spans, number)->size = size;
    else if (glibc_split(heap, number, size, &rest))
        glibc_arena_free(heap, rest);
    return number;
}

/* malloc writes the size of what is left in front of the top. */
bool glibc_touch(struct heap_guess *heap, const struct heap_lane *lane)
{
    if (heap->arena_count == 0)
        return false;
    struct heap_arena *arena = &heap->arenas[lane->arena];
    uint64_t page = (arena->top - 8) / heap->page_size;
    if (page <= arena->touched)
        return false;
    arena->touched = page;
    return true;
}

/* ---- calls ---- */

uint32_t glibc_calloc(struct heap_guess *heap, struct heap_lane *lane, uint64_t size)
{
    return heap->calloc_votes > 0
               ? glibc_malloc(heap, lane, size)
               : glibc_arena_malloc(heap, lane, &heap->arenas[lane->arena], size);
}

/* A larger span, whose ends are given back; _int_memalign. */
uint32_t glibc_memalign(struct heap_guess *heap, struct heap_lane *lane, uint64_t size,
                        unsigned alignment_log2)
{
    struct span_table *spans = &heap->spans;
    uint64_t alignment = UINT64_C(1) << alignment_log2;
    uint64_t padded = glibc_size(size + alignment + GLIBC_MIN_SIZE);
    uint32_t rest, number = glibc_arena_malloc(heap, lane, &heap->arenas[lane->arena], padded);
    if (number == SPAN_NONE)
        return SPAN_NONE;
    uint64_t lead = -span_at(spans, number)->address & (alignment - 1);
    if (lead && lead < GLIBC_MIN_SIZE)
        lead += alignment;
    if (lead && glibc_split(heap, number, lead, &rest)) {
        glibc_int_free(heap, lane, number);
        number = rest;
    }
    if (span_at(spans, number)->size > size + GLIBC_MIN_SIZE &&
        glibc_split(heap, number, size, &rest))
        glibc_int_free(heap, lane, rest);
    return number;
}

/* A block that cannot grow where it is. */
static uint32_t glibc_move(struct heap_guess *heap, struct heap_lane *lane,
                           struct heap_arena *arena, uint32_t old, uint64_t size)
{
    struct span_table *spans = &heap->spans;
    struct span *span = span_at(spans, old);
    uint32_t number = glibc_arena_malloc(heap, lane, arena, size);
    if (number != SPAN_NONE && span_at(spans, number)->address == span->address + span->size) {
        span->size += span_at(spans, number)->size;
        span_drop(spans, number);
        return old;
    }
    glibc_int_free(heap, lane, old);
    return number;
}

/* _int_realloc */
uint32_t glibc_realloc(struct heap_guess *heap, struct heap_lane *lane, uint32_t old, uint64_t size)
{
    struct span_table *spans = &heap->spans;
    struct span *span = span_at(spans, old);
    struct heap_arena *arena = glibc_arena_of(heap, span->address);
    if (span->mapped || !arena) {
        span_drop(spans, old);
        return SPAN_NONE;
    }
    uint64_t end = span->address + span->size;
    uint32_t rest, next = span_find(spans, end);
    uint64_t behind = next != SPAN_NONE && span_at(spans, next)->state == SPAN_BINNED
                          ? span_at(spans, next)->size
                          : 0;
    if (span->size < size && end == arena->top &&
        span->size + arena->top_size >= size + GLIBC_MIN_SIZE) {
        uint64_t more = size - span->size;
        span->size = size;
        arena->top += more;
        arena->top_size -= more;
    } else if (span->size < size && behind && span->size + behind >= size) {
        heap_span_detach(heap, next);
        span_drop(spans, next);
        span->size += behind;
    } else if (span->size < size) {
        old = glibc_move(heap, lane, arena, old, size);
    }
    if (old != SPAN_NONE && glibc_split(heap, old, size, &rest))
        glibc_int_free(heap, lane, rest);
    return old;
}

/* __libc_free */
void glibc_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    const struct span *span = span_at(&heap->spans, number);
    if (!span->mapped) {
        glibc_int_free(heap, lane, number);
        return;
    }
    if (span->size > heap->mmap_threshold && span->size <= MMAP_THRESHOLD_MAX)
        heap->mmap_threshold = span->size;
    span_drop(&heap->spans, number);
}
