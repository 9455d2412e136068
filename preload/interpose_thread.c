/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that create a thread: a thread that never allocates has no stream unless it enters
 * once before its start routine, and nobody would know of its page faults.
 *
 * The trampoline ends with a jump to the start routine, so it is no part of any stack, and
 * exceptions, pthread_exit and cancellation unwind what they always did.
 */
#include "faultcount.h"
#include "housekeeping.h"
#include "interpose.h"
#include "settings.h"
#include "sys.h"
#include "thread_state.h"
#include "trace_file.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>

typedef void *(*routine)(void *argument);

/* What a new thread is to run.  Two words: a function returns it in registers. */
struct start {
    routine run;
    void *argument;
};

/* It waits here between the thread's creation and its first instructions. */
struct start_slot {
    uint32_t holder; /* 0, or the process whose it is: a forked child finds its parent's free */
    struct start start;
};

enum { START_SLOTS = 1024 };

static struct start_slot slots[START_SLOTS] SYS_TABLE;

static int (*real_pthread_create)(pthread_t *, const pthread_attr_t *, routine, void *);
static int (*real_thrd_create)(thrd_t *, thrd_start_t, void *);

void interpose_thread_resolve(void)
{
    RESOLVE(pthread_create);
    RESOLVE(thrd_create);
}

/* glibc before 2.34 has them in libpthread, which a library may have brought that was opened with
 * RTLD_LOCAL. */
static __attribute__((noinline, cold)) void find_anywhere(void)
{
    unsigned before = thread_state.flags;
    int saved = errno;
    uint64_t signals; /* a handler that jumped out would leave the flag behind */
    sys_block_signals(&signals);
    thread_state.flags |= THREAD_INTERNAL;
    real_resolve();
    if (!real_pthread_create)
        real_pthread_create = (__typeof__(real_pthread_create))real_next_anywhere("pthread_create");
    if (!real_thrd_create)
        real_thrd_create = (__typeof__(real_thrd_create))real_next_anywhere("thrd_create");
    thread_state.flags = before;
    sys_restore_signals(&signals);
    errno = saved;
}

/* Would a new thread open perf events?  What getrusage counts can be told by the thread alone. */
static bool threads_have_rings(void)
{
    return recording != RECORDING_OFF && faultcount_exact && !faultcount_events_are_rare();
}

static void enter(bool is_new)
{
    thread_expect_faults(FAULTCOUNT_LARGE);
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    if (is_new)
        housekeeping_name_later(stream);
    thread_leave(stream);
}

/* The first thread, whose ring is to be the large one, goes over to perf before others do.  A
 * forked child's trace is begun by the thread that the child is. */
static void ready_creator(void)
{
    const struct stream *own = thread_state.stream;
    if (thread_state_forked() || !own || own->faults.source != VMT_FAULTS_PERF)
        enter(false);
}

static struct start_slot *take_slot(routine run, void *argument)
{
    for (uint32_t i = 0; i < START_SLOTS; i++) {
        uint32_t holder = __atomic_load_n(&slots[i].holder, __ATOMIC_RELAXED);
        if (holder == trace_pid ||
            !__atomic_compare_exchange_n(&slots[i].holder, &holder, trace_pid, false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        slots[i].start = (struct start){run, argument};
        return &slots[i];
    }
    return NULL;
}

static void give_back(struct start_slot *slot)
{
    __atomic_store_n(&slot->holder, 0, __ATOMIC_RELEASE);
}

/* A slot for a thread that shall enter, or NULL. */
static __attribute__((noinline)) struct start_slot *prepare(routine run, void *argument)
{
    if (!threads_have_rings())
        return NULL;
    int saved = errno;
    ready_creator();
    errno = saved;
    return threads_have_rings() ? take_slot(run, argument) : NULL;
}

/* In the new thread. */
static __attribute__((noinline)) struct start begin(struct start_slot *slot)
{
    struct start start = slot->start;
    give_back(slot);
    int saved = errno;
    enter(true);
    errno = saved;
    return start;
}

static void *run_posix(void *slot)
{
    struct start start = begin(slot);
    return start.run(start.argument);
}

static int run_c11(void *slot)
{
    struct start start = begin(slot);
    return ((thrd_start_t)(void (*)(void))start.run)(start.argument);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, routine run,
                          void *argument)
{
    if (!REAL(pthread_create))
        find_anywhere();
    if (!real_pthread_create)
        return EAGAIN;
    struct start_slot *slot = prepare(run, argument);
    if (!slot)
        return real_pthread_create(thread, attributes, run, argument);
    int error = real_pthread_create(thread, attributes, run_posix, slot);
    if (error)
        give_back(slot);
    return error;
}

EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *argument)
{
    if (!REAL(thrd_create))
        find_anywhere();
    if (!real_thrd_create)
        return thrd_error;
    struct start_slot *slot = prepare((routine)(void (*)(void))run, argument);
    if (!slot)
        return real_thrd_create(thread, run, argument);
    int result = real_thrd_create(thread, run_c11, slot);
    if (result != thrd_success)
        give_back(slot);
    return result;
}
