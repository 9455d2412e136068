/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc and its relatives: the real call, and a record of it.
 */
#include "interpose.h"
#include "thread_state.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

EXPORT void *malloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.malloc(size);
    record_alloc(VMT_MALLOC, block, size, &start);
    return block;
}

EXPORT void free(void *block)
{
    if (__builtin_expect(real_is_bootstrap(block), 0))
        return;
    record_free(VMT_FREE, block, (uint64_t)__builtin_return_address(0));
    real_heap.free(block);
}

EXPORT void *calloc(size_t count, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.calloc(count, size);
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        total = SIZE_MAX;
    record_alloc(VMT_CALLOC, block, total, &start);
    return block;
}

/* What became of a realloc whose old block was announced. */
static void record_outcome(void *fresh, size_t size, bool array,
                           const struct callstack_start *start)
{
    if (fresh && array)
        record_alloc_other(VMT_SUB_REALLOCARRAY, 0, fresh, size, start);
    else if (fresh)
        record_realloc_moved(fresh, size, start);
    else if (size == 0)
        record_realloc_freed(start->pc);
    else
        record_realloc_failed(size, start);
}

static void *move_from_bootstrap(void *old, size_t size)
{
    void *fresh = real_heap.malloc(size);
    size_t old_size = ((const size_t *)old)[-1];
    if (fresh)
        __builtin_memcpy(fresh, old, old_size < size ? old_size : size);
    return fresh;
}

/* While recording is paused the new block is not recorded, so the old one is simply freed. */
static inline void *traced_realloc(void *old, size_t size, bool array,
                                   const struct callstack_start *start)
{
    bool whole = recording == RECORDING_ON;
    if (!old || __builtin_expect(real_is_bootstrap(old), 0)) {
        void *fresh = old ? move_from_bootstrap(old, size) : real_heap.realloc(NULL, size);
        if (array && !whole)
            return fresh;
        if (array)
            record_alloc_other(VMT_SUB_REALLOCARRAY, 0, fresh, size, start);
        else
            record_alloc(VMT_REALLOC, fresh, size, start);
        return fresh;
    }
    record_free(whole ? VMT_REALLOC_BEGIN : VMT_FREE, old, start->pc);
    void *fresh = real_heap.realloc(old, size);
    if (whole)
        record_outcome(fresh, size, array, start);
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
    record_alloc_other(VMT_SUB_POSIX_MEMALIGN, alignment, result ? NULL : *block, size, &start);
    return result;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.aligned_alloc(alignment, size);
    record_alloc_other(VMT_SUB_ALIGNED_ALLOC, alignment, block, size, &start);
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.memalign(alignment, size);
    record_alloc_other(VMT_SUB_MEMALIGN, alignment, block, size, &start);
    return block;
}

EXPORT void *valloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.valloc(size);
    record_alloc_other(VMT_SUB_VALLOC, (size_t)getpagesize(), block, size, &start);
    return block;
}

EXPORT void *pvalloc(size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *block = real_heap.pvalloc(size);
    record_alloc_other(VMT_SUB_PVALLOC, (size_t)getpagesize(), block, size, &start);
    return block;
}

EXPORT void cfree(void *block);
EXPORT void cfree(void *block)
{
    if (real_is_bootstrap(block))
        return;
    record_free(VMT_FREE, block, (uint64_t)__builtin_return_address(0));
    real_heap.free(block);
}

/* C23: the sizes are hints, free() does the same, and every allocator has it. */
EXPORT void free_sized(void *block, size_t size);
EXPORT void free_sized(void *block, size_t size)
{
    (void)size;
    if (real_is_bootstrap(block))
        return;
    record_free_other(VMT_SUB_FREE_SIZED, block, (uint64_t)__builtin_return_address(0));
    real_heap.free(block);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size);
EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    if (real_is_bootstrap(block))
        return;
    record_free_other(VMT_SUB_FREE_ALIGNED_SIZED, block, (uint64_t)__builtin_return_address(0));
    real_heap.free(block);
}
