/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator new and delete, by their mangled names, so that the library needs no C++ run time.
 *
 * Compiled with -fexceptions: std::bad_alloc passes through these frames, and the cleanup then takes
 * back the mark that says "malloc is being called by operator new".
 */
#include "interpose.h"

#include "thread_state.h"

struct runtime_mark {
    unsigned before;
    const void *frame;
};

static inline struct runtime_mark mark_set(const void *frame)
{
    struct runtime_mark mark = {thread_state.flags & THREAD_RUNTIME, thread_state.runtime_frame};
    thread_state.runtime_frame = frame;
    thread_state.flags |= THREAD_RUNTIME;
    return mark;
}

static inline void mark_clear(struct runtime_mark *mark)
{
    thread_state.runtime_frame = mark->frame;
    if (!mark->before)
        thread_state.flags &= ~(unsigned)THREAD_RUNTIME;
}

/* Is this call itself made by a real operator new (new[] calls new)?  Then it is no event. */
static inline bool nested(uint64_t caller)
{
    return (thread_state.flags & THREAD_RUNTIME) && real_is_runtime(caller);
}

static __attribute__((noinline, cold)) void *find(void **slot, const char *name)
{
    void *function = real_next(name);
    if (!function)
        __builtin_trap(); /* the program calls it, so somebody defines it */
    real_note_runtime(function);
    *slot = function;
    return function;
}

#define FUNCTION(slot, name) (__builtin_expect((slot) != NULL, 1) ? (slot) : find(&(slot), name))

/* Records a block that operator new returned; never a failed call: those throw, or return NULL. */
static void record_new(enum vmt_kind kind, enum vmt_subkind subkind, size_t alignment, void *block, size_t size,
                       const struct callstack_start *start)
{
    if (alignment)
        record_alloc_other(subkind, alignment, block, size, start);
    else
        record_alloc(kind, block, size, start);
}

#define DEFINE_NEW(symbol, parameters, arguments, alignment, kind, subkind)                        \
    EXPORT void *symbol parameters;                                                                \
    EXPORT void *symbol parameters                                                                 \
    {                                                                                              \
        static void *real;                                                                         \
        struct callstack_start start;                                                              \
        CALLSTACK_START(&start);                                                                   \
        bool inner = nested(start.pc);                                                             \
        void *function = FUNCTION(real, #symbol);                                                  \
        void *block;                                                                               \
        {                                                                                          \
            struct runtime_mark mark __attribute__((cleanup(mark_clear))) =                        \
                mark_set(__builtin_frame_address(0));                                              \
            (void)mark;                                                                            \
            block = ((void *(*)parameters)function)arguments;                                      \
        }                                                                                          \
        if (!inner)                                                                                \
            record_new(kind, subkind, alignment, block, size, &start);                             \
        return block;                                                                              \
    }

DEFINE_NEW(_Znwm, (size_t size), (size), 0, VMT_NEW, VMT_SUB_NONE)
DEFINE_NEW(_Znam, (size_t size), (size), 0, VMT_NEW_ARRAY, VMT_SUB_NONE)
DEFINE_NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow), 0, VMT_NEW,
           VMT_SUB_NONE)
DEFINE_NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow), 0, VMT_NEW_ARRAY,
           VMT_SUB_NONE)
DEFINE_NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align), align, VMT_NEW,
           VMT_SUB_NEW_ALIGNED)
DEFINE_NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align), align, VMT_NEW_ARRAY,
           VMT_SUB_NEW_ARRAY_ALIGNED)
DEFINE_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *nothrow),
           (size, align, nothrow), align, VMT_NEW, VMT_SUB_NEW_ALIGNED)
DEFINE_NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *nothrow),
           (size, align, nothrow), align, VMT_NEW_ARRAY, VMT_SUB_NEW_ARRAY_ALIGNED)

#define DEFINE_DELETE(symbol, parameters, arguments, record)                                       \
    EXPORT void symbol parameters;                                                                 \
    EXPORT void symbol parameters                                                                  \
    {                                                                                              \
        static void *real;                                                                         \
        uint64_t caller = (uint64_t)__builtin_return_address(0);                                   \
        if (!nested(caller))                                                                       \
            record;                                                                                \
        void *function = FUNCTION(real, #symbol);                                                  \
        struct runtime_mark mark __attribute__((cleanup(mark_clear))) =                            \
            mark_set(__builtin_frame_address(0));                                                  \
        (void)mark;                                                                                \
        ((void (*)parameters)function)arguments;                                                   \
    }

#define PLAIN(kind) record_free(kind, block, caller)
#define OTHER(subkind) record_free_other(subkind, block, caller)

DEFINE_DELETE(_ZdlPv, (void *block), (block), PLAIN(VMT_DELETE))
DEFINE_DELETE(_ZdaPv, (void *block), (block), PLAIN(VMT_DELETE_ARRAY))
DEFINE_DELETE(_ZdlPvm, (void *block, size_t size), (block, size), PLAIN(VMT_DELETE))
DEFINE_DELETE(_ZdaPvm, (void *block, size_t size), (block, size), PLAIN(VMT_DELETE_ARRAY))
DEFINE_DELETE(_ZdlPvRKSt9nothrow_t, (void *block, const void *nothrow), (block, nothrow),
              PLAIN(VMT_DELETE))
DEFINE_DELETE(_ZdaPvRKSt9nothrow_t, (void *block, const void *nothrow), (block, nothrow),
              PLAIN(VMT_DELETE_ARRAY))
DEFINE_DELETE(_ZdlPvSt11align_val_t, (void *block, size_t align), (block, align),
              OTHER(VMT_SUB_DELETE_ALIGNED))
DEFINE_DELETE(_ZdaPvSt11align_val_t, (void *block, size_t align), (block, align),
              OTHER(VMT_SUB_DELETE_ARRAY_ALIGNED))
DEFINE_DELETE(_ZdlPvmSt11align_val_t, (void *block, size_t size, size_t align), (block, size, align),
              OTHER(VMT_SUB_DELETE_ALIGNED))
DEFINE_DELETE(_ZdaPvmSt11align_val_t, (void *block, size_t size, size_t align), (block, size, align),
              OTHER(VMT_SUB_DELETE_ARRAY_ALIGNED))
DEFINE_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, const void *nothrow),
              (block, align, nothrow), OTHER(VMT_SUB_DELETE_ALIGNED))
DEFINE_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, const void *nothrow),
              (block, align, nothrow), OTHER(VMT_SUB_DELETE_ARRAY_ALIGNED))
