/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which stream the calling thread writes, and whether it may write now.
 *
 * Streams are pooled: a thread takes a free one, one whose thread has ended, or a new one.
 * There is no thread-specific data and no destructor, so a thread that frees memory after its
 * destructors ran is recorded like any other.  A hook that interrupts another hook of its own
 * thread (a signal handler that allocates) gets a stream of its own for that one record.
 *
 * Use: s = thread_enter(...); if (s) { ...; thread_leave(s); }
 */
#ifndef VMTRACE_THREAD_STATE_H
#define VMTRACE_THREAD_STATE_H

#include "stream.h"

enum recording { RECORDING_OFF, RECORDING_PAUSED, RECORDING_ON };

/* Of the process.  OFF before set-up, for good after a failure.  Set by recording_switch. */
extern enum recording recording;

enum {
    THREAD_RUNTIME = 2,  /* inside the next operator new or delete, which calls malloc or free */
    THREAD_INTERNAL = 4, /* the recorder itself calls into libc: not the program's doing */
    THREAD_KEPT = 8, /* a forked child inherits the stream, which is busy, instead of a wiped one */
    THREAD_UNDECIDED = 16, /* inside the allocation that started a sampled trace, which nobody
                              asked sample_skips about: it is not recorded */
    THREAD_LARGE = 32,     /* the event to be recorded is of much memory: faults will follow */
};

struct thread_state {
    struct stream *stream;
    unsigned flags;
    /* Frame address of the hook that the thread is in, where a record may be half written, or NULL.
     * One word, so that a signal handler that comes in between finds all or nothing. */
    const void *busy_frame;
    const void *runtime_frame; /* of the one that set THREAD_RUNTIME */
    const void *moving;        /* the old block of the realloc that the thread is in, or NULL */
    uint64_t runtime_low, runtime_high; /* size (or address) that the next malloc (or free) of
                                           operator new (or delete) will have */
    const struct callstack_start *runtime_start; /* who called that operator new */
    unsigned runtime_kind;                       /* enum vmt_kind of it */
    unsigned runtime_failures;                   /* failed calls recorded for it */
    uint64_t fork_ticks; /* while it forks, and in the child until that has a trace; else 0 */
};

extern __thread struct thread_state thread_state
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Before the thread_enter of an event of `size` bytes, if that is not what it is given as `value`.
 */
static inline void thread_expect_faults(size_t size)
{
    if (__builtin_expect(size >= FAULTCOUNT_LARGE, 0))
        thread_state.flags |= THREAD_LARGE;
}

/* Changes `recording` and has every stream look at it at its next event. */
void recording_switch(enum recording to);

/* The cold half of thread_enter, for the hook whose frame is at `frame`. */
struct stream *thread_enter_slow(uint64_t caller, uint64_t value, enum recording least,
                                 const void *frame);

/* Is this the malloc of an operator new that is being recorded itself, or the free of a delete?
 * It comes from the run time's code and asks for the same. */
bool thread_in_runtime(uint64_t caller, uint64_t value);
void thread_leave_slow(struct stream *stream);

/* The calling thread's stream, if nothing stands in the way of recording an event of any kind
 * there: it is in no hook, recording is on, there is room for STREAM_MARGIN bytes, no page faults
 * are to be told, and no mark (see clock.h) or housekeeping is due.  Else NULL, and
 * thread_enter_slow finds out. */
static inline struct stream *thread_enter_at_once(void)
{
    struct thread_state *self = &thread_state;
    struct stream *stream = self->stream;
    if (__builtin_expect(!stream || self->flags || self->busy_frame, 0))
        return NULL;
    /* Before the stream is looked at: a signal handler that forks wipes it in the child, unless
     * this is set. */
    self->busy_frame = __builtin_frame_address(0);
    __atomic_signal_fence(__ATOMIC_ACQ_REL);
    if (__builtin_expect(stream->cursor < stream->pause_at &&
                             stream->marks == __atomic_load_n(&clock_marks, __ATOMIC_RELAXED) &&
                             !faultcount_changed(&stream->faults),
                         1))
        return stream;
    self->busy_frame = NULL;
    return NULL;
}

/* The stream to record an event into, or NULL when it is not to be recorded (or was lost).
 * `caller` is the pc that called the hook, `value` the size or address that it gave: 0 and 0 if
 * they do not matter.  `least` is RECORDING_ON for allocations, RECORDING_PAUSED for releases.  On
 * success there is room for STREAM_MARGIN bytes. */
static inline struct stream *thread_enter(uint64_t caller, uint64_t value, enum recording least)
{
    struct stream *stream = thread_enter_at_once();
    if (__builtin_expect(stream != NULL, 1))
        return stream;
    return thread_enter_slow(caller, value, least, __builtin_frame_address(0));
}

static inline void thread_leave(struct stream *stream)
{
    struct thread_state *self = &thread_state;
    __atomic_signal_fence(__ATOMIC_ACQ_REL);
    if (__builtin_expect(stream == self->stream, 1))
        self->busy_frame = NULL;
    else
        thread_leave_slow(stream);
}

/* glibc 2.32's flag for "this process has one thread"; never true with an older one. */
extern const char __libc_single_threaded __attribute__((weak));

static inline bool thread_is_only_one(void)
{
    return &__libc_single_threaded && __libc_single_threaded;
}

/* Every stream there is, for cold paths: index 0 .. thread_stream_count(). */
struct stream *thread_stream(uint32_t index);
uint32_t thread_stream_count(void);

/* A number for a stream that no thread has: thread_stream() of it is NULL for good.  UINT32_MAX:
 * there are no more. */
uint32_t thread_stream_reserve(void);

/* Is this a forked child that has not begun a trace of its own yet? */
bool thread_state_forked(void);

/* In a child that fork() made, first of all; and, until that has a trace: its pid, also for a child
 * of vfork in its memory, else 0. */
void thread_state_note_child(void);
uint32_t thread_state_child(void);

/* In fork(), before and, in the parent, after it: the child is to know when it was. */
void thread_state_note_fork(void);
void thread_state_forget_fork(void);

/* In a forked child: does what the kernel has done already, if it knows MADV_WIPEONFORK. */
void thread_state_wipe(void);

/* In a forked child: forgets the other threads' streams and readies the caller's own. */
void thread_state_after_fork(void);

/* Around a fork in a signal handler: the hook that it interrupted goes on in the child, too, and
 * finds its stream there; what it writes goes nowhere. */
void thread_state_before_fork(void);
void thread_state_fork_done(void);

/* The calling thread's stream without the checks of thread_enter: set-up and fork. */
struct stream *thread_state_setup(void);

#endif
