/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator new and delete, by their mangled names, so that the library needs no C++ run time.
 *
 * The real ones call malloc and free, which must not be recorded a second time: each wrapper leaves
 * a mark that says what the inner call will ask for.  When std::bad_alloc passes through, the mark
 * stays behind; it then matches no call, or is found to be stale (thread_state.c).  There is no
 * landing pad on purpose: it would tie the library to libgcc_s.
 */
#include "interpose.h"

#include "sample.h"
#include "sys.h"
#include "thread_state.h"

#include <errno.h>

static inline struct thread_state mark_set(const void *frame, uint64_t low, uint64_t high,
                                           unsigned kind, const struct callstack_start *start)
{
    struct thread_state *self = &thread_state, before = *self;
    self->runtime_frame = frame;
    self->runtime_low = low;
    self->runtime_high = high;
    self->runtime_start = start;
    self->runtime_kind = kind;
    self->runtime_failures = 0;
    self->flags |= THREAD_RUNTIME;
    return before;
}

static inline void mark_restore(const struct thread_state *before)
{
    struct thread_state *self = &thread_state;
    self->runtime_frame = before->runtime_frame;
    self->runtime_low = before->runtime_low;
    self->runtime_high = before->runtime_high;
    self->runtime_start = before->runtime_start;
    self->runtime_kind = before->runtime_kind;
    if (!(before->flags & THREAD_RUNTIME))
        self->flags &= ~(unsigned)THREAD_RUNTIME;
}

static void look_up_all(void *(*next)(const char *name));

/* In a program whose C++ run time was opened with RTLD_LOCAL.  All are looked up at the first use
 * of any: later on, a thread that calls another one may be waited for by one that holds the
 * loader's lock. */
static __attribute__((noinline, cold)) void *find(void **slot)
{
    unsigned before = thread_state.flags;
    int saved = errno;
    uint64_t signals; /* a handler that jumped out would leave the flag behind */
    sys_block_signals(&signals);
    thread_state.flags |= THREAD_INTERNAL;
    look_up_all(real_next_anywhere);
    thread_state.flags = before;
    sys_restore_signals(&signals);
    errno = saved;
    if (!*slot)
        __builtin_trap(); /* the program calls it, so somebody defines it */
    return *slot;
}

#define FUNCTION(slot) (__builtin_expect((slot) != NULL, 1) ? (slot) : find(&(slot)))

/* Records what operator new returned, unless it is a failure that its malloc has told already
 * (record_alloc: a form that throws does not come back here). */
static void record_new(enum vmt_kind kind, enum vmt_subkind subkind, size_t alignment, void *block,
                       size_t size, const struct callstack_start *start)
{
    if (!block && thread_state.runtime_failures)
        return;
    bool recorded = alignment ? record_alloc_other(subkind, alignment, block, size, start)
                              : record_alloc(kind, block, size, start);
    if (recorded && sample_is_on())
        sample_keep(block);
}

/* After an operator new that was passed on because no sample is near: its malloc is what was
 * counted, unless the allocator has an operator new of its own, which calls none of our wrappers.
 */
static inline void *passed_on(void *block, uint64_t left, size_t size)
{
    if (sample_thread.left == left)
        sample_thread.left = left - (size + !size);
    return block;
}

#define DEFINE_NEW(symbol, parameters, arguments, alignment, kind, subkind)                        \
    static void *real_##symbol;                                                                    \
    static __attribute__((noinline)) void *pass_on##symbol parameters                              \
    {                                                                                              \
        uint64_t left = sample_thread.left;                                                        \
        return passed_on(((void *(*)parameters)FUNCTION(real_##symbol))arguments, left, size);     \
    }                                                                                              \
    EXPORT void *symbol parameters;                                                                \
    EXPORT void *symbol parameters                                                                 \
    {                                                                                              \
        if (sample_is_on() && sample_would_skip(size + (alignment) + 1))                           \
            return pass_on##symbol arguments;                                                      \
        struct callstack_start start;                                                              \
        CALLSTACK_START(&start);                                                                   \
        bool inner = thread_in_runtime(start.pc, size);                                            \
        bool skips = sample_is_on() && sample_skips(size);                                         \
        void *function = FUNCTION(real_##symbol);                                                  \
        /* 0 is asked for as 1, and an aligned size may be rounded up. */                          \
        struct thread_state before =                                                               \
            mark_set(__builtin_frame_address(0), size, size + (alignment) + 1, kind, &start);      \
        void *block = ((void *(*)parameters)function)arguments;                                    \
        mark_restore(&before);                                                                     \
        if (!inner && !(skips && block))                                                           \
            record_new(kind, subkind, alignment, block, size, &start);                             \
        return block;                                                                              \
    }

DEFINE_NEW(_Znwm, (size_t size), (size), 0, VMT_NEW, VMT_SUB_NONE)
DEFINE_NEW(_Znam, (size_t size), (size), 0, VMT_NEW_ARRAY, VMT_SUB_NONE)
DEFINE_NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow), 0, VMT_NEW,
           VMT_SUB_NONE)
DEFINE_NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow), 0,
           VMT_NEW_ARRAY, VMT_SUB_NONE)
DEFINE_NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align), align, VMT_NEW,
           VMT_SUB_NEW_ALIGNED)
DEFINE_NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align), align, VMT_NEW_ARRAY,
           VMT_SUB_NEW_ARRAY_ALIGNED)
DEFINE_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *nothrow),
           (size, align, nothrow), align, VMT_NEW, VMT_SUB_NEW_ALIGNED)
DEFINE_NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *nothrow),
           (size, align, nothrow), align, VMT_NEW_ARRAY, VMT_SUB_NEW_ARRAY_ALIGNED)

#define DEFINE_DELETE(symbol, parameters, arguments, record)                                       \
    static void *real_##symbol;                                                                    \
    EXPORT void symbol parameters;                                                                 \
    EXPORT void symbol parameters                                                                  \
    {                                                                                              \
        struct callstack_start start;                                                              \
        CALLSTACK_START(&start);                                                                   \
        void *function = FUNCTION(real_##symbol);                                                  \
        if (sample_is_on() && sample_skips_release(block)) {                                       \
            ((void(*) parameters)function) arguments;                                              \
            return;                                                                                \
        }                                                                                          \
        if (!thread_in_runtime(start.pc, (uint64_t)block))                                         \
            record;                                                                                \
        struct thread_state before =                                                               \
            mark_set(__builtin_frame_address(0), (uint64_t)block, (uint64_t)block, 0, NULL);       \
        ((void(*) parameters)function) arguments;                                                  \
        mark_restore(&before);                                                                     \
    }

#define PLAIN(kind) record_free(kind, block, &start)
#define OTHER(subkind) record_free_other(subkind, block, &start)

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
DEFINE_DELETE(_ZdlPvmSt11align_val_t, (void *block, size_t size, size_t align),
              (block, size, align), OTHER(VMT_SUB_DELETE_ALIGNED))
DEFINE_DELETE(_ZdaPvmSt11align_val_t, (void *block, size_t size, size_t align),
              (block, size, align), OTHER(VMT_SUB_DELETE_ARRAY_ALIGNED))
DEFINE_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, const void *nothrow),
              (block, align, nothrow), OTHER(VMT_SUB_DELETE_ALIGNED))
DEFINE_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, const void *nothrow),
              (block, align, nothrow), OTHER(VMT_SUB_DELETE_ARRAY_ALIGNED))

#define SLOT(symbol)                                                                               \
    {                                                                                              \
#symbol, &real_##symbol                                                                    \
    }
static const struct {
    const char *name;
    void **slot;
} operators[] = {
    SLOT(_Znwm),
    SLOT(_Znam),
    SLOT(_ZnwmRKSt9nothrow_t),
    SLOT(_ZnamRKSt9nothrow_t),
    SLOT(_ZnwmSt11align_val_t),
    SLOT(_ZnamSt11align_val_t),
    SLOT(_ZnwmSt11align_val_tRKSt9nothrow_t),
    SLOT(_ZnamSt11align_val_tRKSt9nothrow_t),
    SLOT(_ZdlPv),
    SLOT(_ZdaPv),
    SLOT(_ZdlPvm),
    SLOT(_ZdaPvm),
    SLOT(_ZdlPvRKSt9nothrow_t),
    SLOT(_ZdaPvRKSt9nothrow_t),
    SLOT(_ZdlPvSt11align_val_t),
    SLOT(_ZdaPvSt11align_val_t),
    SLOT(_ZdlPvmSt11align_val_t),
    SLOT(_ZdaPvmSt11align_val_t),
    SLOT(_ZdlPvSt11align_val_tRKSt9nothrow_t),
    SLOT(_ZdaPvSt11align_val_tRKSt9nothrow_t),
};

static void look_up_all(void *(*next)(const char *name))
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        void *function = *operators[i].slot ? NULL : next(operators[i].name);
        if (!function)
            continue;
        real_note_runtime(function);
        *operators[i].slot = function;
    }
}

void interpose_new_resolve(void)
{
    if (real_next("_Znwm"))
        look_up_all(real_next);
}
