/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/heap_guess.h"

#include <stdlib.h>

#include <vmtrace/trace_format.h>

#include "base/vector.h"
#include "compact/heap_glibc.h"
#include "compact/heap_plain.h"

/* Larger requests fail. */
#define HEAP_MAX_REQUEST (UINT64_C(1) << 47)
/* After so many guesses it is judged whether the allocator is glibc's. */
#define HEAP_JUDGED 8192
#define HEAP_MAX_VOTES 64

bool heap_guess_init(struct heap_guess *heap, size_t lanes, uint64_t page_size, bool indexed)
{
    *heap = (struct heap_guess){.page_size = page_size, .mmap_threshold = GLIBC_MMAP_THRESHOLD};
    cohort_table_init(&heap->cohorts, indexed);
    heap->lanes = calloc(lanes + 1, sizeof(*heap->lanes));
    heap->lane_count = lanes;
    return heap->lanes != NULL;
}

void heap_guess_release(struct heap_guess *heap)
{
    span_table_release(&heap->spans);
    cohort_table_release(&heap->cohorts);
    hash_map_release(&heap->heaps);
    free(heap->lanes);
    free(heap->arenas);
    *heap = (struct heap_guess){0};
}

/* Spans that glibc's model thought free are forgotten: they would be in lists of other classes. */
static void heap_judge(struct heap_guess *heap)
{
    heap->plain = heap->misses > heap->guesses / 2;
    for (size_t i = 0; heap->plain && i < heap->lane_count; i++)
        heap->lanes[i].caches = SPAN_NONE;
    heap->guesses = heap->misses = 0;
}

bool heap_guess_reserve(struct heap_guess *heap, struct heap_lane *lane)
{
    heap->fresh = false;
    if (heap->guesses == HEAP_JUDGED && !heap->plain)
        heap_judge(heap);
    if (!span_table_reserve(&heap->spans, HEAP_SPANS) ||
        (heap->arena_count == heap->arena_capacity &&
         !vector_grow(&heap->arenas, &heap->arena_capacity, sizeof(*heap->arenas))))
        return false;
    if (lane->caches == SPAN_NONE)
        lane->caches = span_lists_new(&heap->spans, HEAP_CACHES);
    return true;
}

void heap_span_detach(struct heap_guess *heap, uint32_t number)
{
    struct span *span = span_at(&heap->spans, number);
    if (span->state == SPAN_BINNED) {
        uint32_t next = span_find(&heap->spans, span->address + span->size);
        if (next != SPAN_NONE)
            span_at(&heap->spans, next)->before = 0;
        glibc_unlead(&heap->spans, number);
    } else if (span->state == SPAN_CACHED && span->cohort != COHORT_NONE) {
        heap->lanes[span->cohort].cached[(span->size - GLIBC_MIN_SIZE) / 16]--;
    } else if (span->state == SPAN_LIVE) {
        cohort_remove(&heap->cohorts, &heap->spans, number);
    }
    span_unlink(&heap->spans, number);
    span->cohort = COHORT_NONE;
    span->state = SPAN_LIVE;
}

uint32_t heap_span_certain(const struct heap_guess *heap, uint64_t address)
{
    uint32_t number = span_find(&heap->spans, address);
    if (number == SPAN_NONE)
        return SPAN_NONE;
    const struct span *span = span_at(&heap->spans, number);
    return span->state <= SPAN_MOVING && span->cohort != COHORT_NONE ? number : SPAN_NONE;
}

uint32_t heap_span_new(struct heap_guess *heap, uint64_t address, uint64_t size)
{
    uint32_t old = span_find(&heap->spans, address);
    if (old != SPAN_NONE) {
        heap_span_detach(heap, old);
        span_drop(&heap->spans, old);
    }
    return span_new(&heap->spans, address, size);
}

/* ---- allocation ---- */

static uint32_t heap_glibc(struct heap_guess *heap, struct heap_lane *lane,
                           const struct heap_request *request, struct heap_answer *answer)
{
    uint64_t size = glibc_size(request->size);
    answer->mapped = size >= heap->mmap_threshold;
    if (request->moving != SPAN_NONE) {
        answer->mapped |= span_at(&heap->spans, request->moving)->mapped;
        return glibc_realloc(heap, lane, request->moving, size);
    }
    if (!lane->begun)
        return SPAN_NONE; /* its arena is not known */
    if (request->kind == VMT_CALLOC) {
        answer->cached = glibc_cached(heap, lane, size);
        return glibc_calloc(heap, lane, size);
    }
    if (request->alignment_log2 > 4 && request->alignment_log2 < 40)
        return glibc_memalign(heap, lane, size, request->alignment_log2);
    return glibc_malloc(heap, lane, size);
}

struct heap_answer heap_guess_expect(struct heap_guess *heap, struct heap_lane *lane,
                                     const struct heap_request *request)
{
    struct heap_answer answer = {.span = SPAN_NONE};
    if (heap->plain) {
        if (request->moving != SPAN_NONE)
            plain_free(heap, lane, request->moving);
        answer.address = plain_allocate(heap, lane, request->size, &answer.span);
    } else if (request->size <= HEAP_MAX_REQUEST) {
        answer.span = heap_glibc(heap, lane, request, &answer);
        if (answer.span != SPAN_NONE)
            answer.address = span_at(&heap->spans, answer.span)->address;
    } else if (request->moving != SPAN_NONE) {
        span_drop(&heap->spans, request->moving);
    }
    return answer;
}

/* calloc passes the threads' caches by until glibc 2.41. */
static void heap_vote(struct heap_guess *heap, bool cached)
{
    heap->calloc_votes += cached ? 1 : -1;
    if (heap->calloc_votes > HEAP_MAX_VOTES)
        heap->calloc_votes = HEAP_MAX_VOTES;
    else if (heap->calloc_votes < -HEAP_MAX_VOTES)
        heap->calloc_votes = -HEAP_MAX_VOTES;
}

static uint32_t heap_claim(struct heap_guess *heap, struct heap_lane *lane,
                           const struct heap_request *request, uint64_t address, bool mapped)
{
    uint64_t size = request->size < HEAP_MAX_REQUEST ? request->size : HEAP_MAX_REQUEST;
    return heap->plain ? plain_claim(heap, lane, address, size)
                       : glibc_claim(heap, lane, address, glibc_size(size), mapped);
}

static void heap_take_back(struct heap_guess *heap, struct heap_lane *lane, uint32_t number)
{
    if (number == SPAN_NONE)
        return;
    if (heap->plain)
        plain_take_back(heap, lane, number);
    else
        glibc_take_back(heap, lane, number);
}

uint32_t heap_guess_settle(struct heap_guess *heap, struct heap_lane *lane,
                           const struct heap_request *request, struct heap_answer answer,
                           uint64_t address)
{
    bool right = answer.address == address && address != 0;
    heap->guesses++;
    heap->misses += !right;
    if (answer.cached)
        heap_vote(heap, answer.cached == address);
    if (!right && !lane->begun && !heap->plain && request->moving == SPAN_NONE && !answer.mapped) {
        /* The address tells the thread's arena: now a guess can be made. */
        if (!glibc_thread_begin(heap, lane, address))
            return SPAN_NONE;
        answer = heap_guess_expect(heap, lane, request);
        right = answer.address == address;
    }
    if (!right)
        heap_take_back(heap, lane, answer.span);
    uint32_t number = answer.span;
    if (!right || number == SPAN_NONE)
        number = heap_claim(heap, lane, request, address, answer.mapped);
    if (number == SPAN_NONE)
        return SPAN_NONE;
    span_at(&heap->spans, number)->doubted = false;
    heap->fresh = !heap->plain && glibc_touch(heap, lane);
    return number;
}

void heap_guess_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t block)
{
    heap_span_detach(heap, block);
    if (heap->plain)
        plain_free(heap, lane, block);
    else
        glibc_free(heap, lane, block);
}

void heap_guess_thread_end(struct heap_guess *heap, struct heap_lane *lane)
{
    if (!heap->plain)
        glibc_thread_end(heap, lane);
}
