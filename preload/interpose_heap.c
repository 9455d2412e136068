/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc and its relatives: the real call, and a record of it.
 */
#include "interpose.h"
#include "record_release.h"
#include "sample.h"
#include "thread_state.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

/* SIZE_MAX stands for what does not fit: such a call fails. */
static inline size_t total_size(size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? SIZE_MAX : total;
}

/*
 * malloc, calloc and free come in two: for a trace of everything and for a sampled one.  Each is
 * entered by a jump, so its frame takes the place of the wrapper's and its caller is the program.
 */
#define VARIANT static __attribute__((noinline))

/* ---- everything is recorded ---- */

VARIANT void *traced_malloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.malloc(size);
    record_alloc(VMT_MALLOC, block, size, &start);
    return block;
}

VARIANT void *traced_calloc(size_t count, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.calloc(count, size);
    record_alloc(VMT_CALLOC, block, total_size(count, size), &start);
    return block;
}

VARIANT void careful_free(void *block)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    record_free_carefully(VMT_FREE, block, &start);
    real_heap.free(block);
}

VARIANT void traced_free(void *block)
{
    if (__builtin_expect(real_is_bootstrap(block), 0))
        return;
    if (RECORD_LIKELY(record_free_at_once(VMT_FREE, block)))
        real_heap.free(block);
    else
        careful_free(block);
}

/* ---- sampled; a call that fails is always recorded ---- */

static inline void *sampled(enum vmt_kind kind, void *block, size_t size, bool skips,
                            const struct callstack_start *start)
{
    if (!(skips && block) && record_alloc(kind, block, size, start))
        sample_keep(block);
    return block;
}

VARIANT void *looking_malloc(size_t size)
{
    bool skips = sample_look(size);
    struct callstack_start start;
    CALLSTACK_START(&start);
    return sampled(VMT_MALLOC, real_heap.malloc(size), size, skips, &start);
}

VARIANT __attribute__((cold)) void *failed_malloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    return sampled(VMT_MALLOC, NULL, size, true, &start);
}

static inline void *sampled_malloc(size_t size)
{
    if (!sample_passes(size))
        return looking_malloc(size);
    void *block = real_heap.malloc(size);
    return RECORD_LIKELY(block != NULL) ? block : failed_malloc(size);
}

VARIANT void *sampled_calloc(size_t count, size_t size)
{
    size_t total = total_size(count, size);
    bool skips = sample_skips(total);
    void *block = real_heap.calloc(count, size);
    if (RECORD_LIKELY(skips && block))
        return block;
    struct callstack_start start;
    CALLSTACK_START(&start);
    return sampled(VMT_CALLOC, block, total, skips, &start);
}

/* Of a block that may be a sampled one. */
VARIANT void looking_free(void *block)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (real_is_bootstrap(block))
        return;
    if (sample_forget(block))
        record_free(VMT_FREE, block, &start);
    real_heap.free(block);
}

/* ---- the wrappers ---- */

EXPORT void *malloc(size_t size)
{
    return sample_is_on() ? sampled_malloc(size) : traced_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    return sample_is_on() ? sampled_calloc(count, size) : traced_calloc(count, size);
}

EXPORT void free(void *block)
{
    if (!sample_is_on())
        traced_free(block);
    else if (sample_table_may_hold((uint64_t)block))
        looking_free(block);
    else
        real_heap.free(block);
}

/* Calls that are too rare for a fast way to be left out. */
static void record_other(enum vmt_subkind subkind, size_t alignment, void *block, size_t size,
                         const struct callstack_start *start)
{
    bool on = sample_is_on();
    if (on && sample_skips(size) && block)
        return;
    if (record_alloc_other(subkind, alignment, block, size, start) && on)
        sample_keep(block);
}

/* What became of a realloc whose old block was announced.  True if a new one was recorded. */
static bool record_outcome(const void *old, void *fresh, size_t size, bool array,
                           const struct callstack_start *start)
{
    if (fresh && array)
        return record_alloc_other(VMT_SUB_REALLOCARRAY, 0, fresh, size, start);
    if (fresh)
        return record_realloc_moved(fresh, size, start);
    if (size == 0)
        record_realloc_freed(start->pc);
    else
        record_realloc_failed(old, size, start);
    return false;
}

static void *move_from_bootstrap(void *old, size_t size)
{
    void *fresh = real_heap.malloc(size);
    size_t old_size = ((const size_t *)old)[-1];
    if (fresh)
        __builtin_memcpy(fresh, old, old_size < size ? old_size : size);
    return fresh;
}

/* The first block of a realloc(NULL), or a new one whose old one was not sampled. */
static bool record_first(void *fresh, size_t size, bool array, const struct callstack_start *start)
{
    return array ? record_alloc_other(VMT_SUB_REALLOCARRAY, 0, fresh, size, start)
                 : record_alloc(VMT_REALLOC, fresh, size, start);
}

/* Old and new block are sampled each for itself: a sampled one that becomes one that is not was
 * freed, as far as the trace is concerned. */
static __attribute__((noinline)) void *sampled_realloc(void *old, size_t size, bool array,
                                                       const struct callstack_start *start)
{
    bool whole = recording == RECORDING_ON;
    bool known = !sample_skips_release(old), skips = sample_skips(size);
    thread_state.moving = old;
    if (known)
        record_free(whole ? VMT_REALLOC_BEGIN : VMT_FREE, old, start);
    void *fresh =
        real_is_bootstrap(old) ? move_from_bootstrap(old, size) : real_heap.realloc(old, size);
    if (!whole) {
        thread_state.moving = NULL;
        return fresh;
    }
    bool failed = !fresh && (size > 0 || !old), kept = false;
    if (known && fresh && skips)
        record_realloc_freed(start->pc);
    else if (known)
        kept = record_outcome(old, fresh, size, array, start);
    else if (fresh ? !skips : !old)
        kept = record_first(fresh, size, array, start);
    else if (failed)
        record_realloc_failed(old, size, start);
    thread_state.moving = NULL;
    if (kept)
        sample_keep(fresh);
    if (failed && known)
        sample_keep_again(old);
    return fresh;
}

/* While recording is paused the new block is not recorded, so the old one is simply freed. */
static inline void *traced_realloc(void *old, size_t size, bool array,
                                   const struct callstack_start *start)
{
    if (sample_is_on())
        return sampled_realloc(old, size, array, start);
    bool whole = recording == RECORDING_ON;
    if (!old || __builtin_expect(real_is_bootstrap(old), 0)) {
        void *fresh = old ? move_from_bootstrap(old, size) : real_heap.realloc(NULL, size);
        if (!array || whole)
            record_first(fresh, size, array, start);
        return fresh;
    }
    thread_state.moving = old;
    record_free(whole ? VMT_REALLOC_BEGIN : VMT_FREE, old, start);
    void *fresh = real_heap.realloc(old, size);
    if (whole)
        record_outcome(old, fresh, size, array, start);
    thread_state.moving = NULL;
    return fresh;
}

EXPORT void *realloc(void *old, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    return traced_realloc(old, size, false, &start);
}

EXPORT void *reallocarray(void *old, size_t count, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        record_alloc_other(VMT_SUB_REALLOCARRAY, 0, NULL, SIZE_MAX, &start);
        errno = ENOMEM;
        return NULL;
    }
    return traced_realloc(old, total, true, &start);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    int result = real_heap.posix_memalign(block, alignment, size);
    record_other(VMT_SUB_POSIX_MEMALIGN, alignment, result ? NULL : *block, size, &start);
    return result;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.aligned_alloc(alignment, size);
    record_other(VMT_SUB_ALIGNED_ALLOC, alignment, block, size, &start);
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.memalign(alignment, size);
    record_other(VMT_SUB_MEMALIGN, alignment, block, size, &start);
    return block;
}

EXPORT void *valloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.valloc(size);
    record_other(VMT_SUB_VALLOC, (size_t)getpagesize(), block, size, &start);
    return block;
}

EXPORT void *pvalloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.pvalloc(size);
    record_other(VMT_SUB_PVALLOC, (size_t)getpagesize(), block, size, &start);
    return block;
}

EXPORT void cfree(void *block);
EXPORT void cfree(void *block)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (real_is_bootstrap(block))
        return;
    if (!sample_is_on() || !sample_skips_release(block))
        record_free(VMT_FREE, block, &start);
    real_heap.free(block);
}

/* C23: the sizes are hints, free() does the same, and every allocator has it. */
EXPORT void free_sized(void *block, size_t size);
EXPORT void free_sized(void *block, size_t size)
{
    (void)size;
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (real_is_bootstrap(block))
        return;
    if (!sample_is_on() || !sample_skips_release(block))
        record_free_other(VMT_SUB_FREE_SIZED, block, &start);
    real_heap.free(block);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size);
EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (real_is_bootstrap(block))
        return;
    if (!sample_is_on() || !sample_skips_release(block))
        record_free_other(VMT_SUB_FREE_ALIGNED_SIZED, block, &start);
    real_heap.free(block);
}
