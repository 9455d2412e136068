/* SPDX-License-Identifier: Apache-2.0 */
#include "thread_state.h"

#include "fault_report.h"
#include "housekeeping.h"
#include "lifecycle.h"
#include "modules.h"
#include "real.h"
#include "record_stack.h"
#include "settings.h"
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#define MADV_KEEPONFORK 19
#endif

enum {
    MOST_STREAMS = 65536,
    DEAD_PROBES = 8, /* streams whose thread is asked for when a thread needs one */
};

/* Owner words: 0 free, a thread's tid, or its tid with this bit for one nested record. */
#define OWNER_NESTED 0x80000000u

struct registry_entry {
    struct stream *stream; /* NULL: still being made */
    uint32_t owner;
};

enum recording recording = RECORDING_OFF;
__thread struct thread_state thread_state;

static struct registry_entry registry[MOST_STREAMS] SYS_TABLE;
static uint32_t registry_count;
static uint32_t probe_next;
static char *same_memory; /* a page that holds 1, and that the kernel wipes in a forked child */
static struct stream *first_stream; /* memory mapped together with it, until it is used */

struct stream *thread_stream(uint32_t index)
{
    return __atomic_load_n(&registry[index].stream, __ATOMIC_ACQUIRE);
}

void recording_switch(enum recording to)
{
    __atomic_store_n(&recording, to, __ATOMIC_RELEASE);
    clock_set_mark();
}

uint32_t thread_stream_count(void)
{
    uint32_t count = __atomic_load_n(&registry_count, __ATOMIC_ACQUIRE);
    return count < MOST_STREAMS ? count : MOST_STREAMS;
}

uint32_t thread_stream_reserve(void)
{
    uint32_t id = __atomic_fetch_add(&registry_count, 1, __ATOMIC_RELAXED);
    return id < MOST_STREAMS ? id : UINT32_MAX;
}

static size_t stream_bytes(void)
{
    return sizeof(struct stream) + callstack_memory_size(settings.depth) +
           settings.depth * sizeof(uint32_t);
}

/* `stream` is zeroed memory of stream_bytes(). */
static void stream_ready(struct stream *stream, uint32_t id)
{
    char *memory = (char *)(stream + 1);
    callstack_init(&stream->callstack, memory, settings.depth);
    stream->node_of = (uint32_t *)(memory + callstack_memory_size(settings.depth));
    stream->nodes.next = stream->nodes_written = VMT_NODE_FIRST;
    stream->epoch = __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED);
    stream->id = id;
    stream->next_region = 1;
    faultcount_init(&stream->faults);
    stream->magic = STREAM_MAGIC;
}

static void wipe_on_fork(void *memory, size_t size, bool wipe)
{
    sys_call(SYS_madvise, (long)memory, (long)size, wipe ? MADV_WIPEONFORK : MADV_KEEPONFORK, 0, 0,
             0);
}

static struct stream *new_stream(uint32_t owner)
{
    if (thread_stream_count() == MOST_STREAMS)
        return NULL;
    struct stream *stream = first_stream;
    first_stream = NULL;
    if (!stream && (stream = sys_map(stream_bytes())))
        wipe_on_fork(stream, stream_bytes(), true);
    if (!stream)
        return NULL;
    uint32_t id = __atomic_fetch_add(&registry_count, 1, __ATOMIC_RELAXED);
    if (id >= MOST_STREAMS) {
        sys_unmap(stream, stream_bytes());
        return NULL;
    }
    stream_ready(stream, id);
    registry[id].owner = owner;
    __atomic_store_n(&registry[id].stream, stream, __ATOMIC_RELEASE);
    return stream;
}

static struct stream *claim(uint32_t index, uint32_t from, uint32_t to)
{
    struct stream *stream = thread_stream(index);
    if (stream && __atomic_compare_exchange_n(&registry[index].owner, &from, to, false,
                                              __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return stream;
    return NULL;
}

/* A stream that was given back. */
static struct stream *claim_free(uint32_t owner)
{
    uint32_t count = thread_stream_count();
    for (uint32_t i = 0; i < count; i++) {
        if (__atomic_load_n(&registry[i].owner, __ATOMIC_RELAXED) == 0) {
            struct stream *stream = claim(i, 0, owner);
            if (stream)
                return stream;
        }
    }
    return NULL;
}

/* One that this very tid left behind in an earlier life, or one of a few whose thread has ended. */
static struct stream *claim_orphan(uint32_t tid, uint32_t owner)
{
    uint32_t count = thread_stream_count();
    for (uint32_t i = 0; i < count && !(owner & OWNER_NESTED); i++) {
        if (__atomic_load_n(&registry[i].owner, __ATOMIC_RELAXED) == tid) {
            struct stream *stream = claim(i, tid, owner);
            if (stream)
                return stream;
        }
    }
    for (uint32_t probe = 0; probe < DEAD_PROBES && probe < count; probe++) {
        uint32_t i = __atomic_fetch_add(&probe_next, 1, __ATOMIC_RELAXED) % count;
        uint32_t holder = __atomic_load_n(&registry[i].owner, __ATOMIC_RELAXED);
        if (holder && !sys_thread_alive(trace_pid, holder & ~OWNER_NESTED)) {
            struct stream *stream = claim(i, holder, owner);
            if (stream)
                return stream;
        }
    }
    return NULL;
}

/* A record may have been left half-way: what it wrote behind `cursor` must not be read as an
 * opcode.  It may have numbered nodes, changed slots and bases without being part of the trace, or
 * be part of it without having done so.  If it was to have a stamp, because it took a page
 * from another stream (handover.h), the next one needs it. */
static void clean_up_abandoned(struct stream *stream)
{
    if (stream->limit)
        memset(stream->cursor, 0, (size_t)(stream->limit + STREAM_TAIL - stream->cursor));
    stream->marks = __atomic_load_n(&clock_marks, __ATOMIC_RELAXED) - 1;
    callstack_forget(&stream->callstack);
    fault_report_abandoned(stream);
    record_stack_reset(stream);
}

bool thread_state_forked(void)
{
    return same_memory && !*same_memory;
}

/* In the page that the kernel wipes: children that were forked in another way find 0. */
static uint32_t *child_word(void)
{
    return (uint32_t *)same_memory + 1;
}

void thread_state_note_child(void)
{
    if (same_memory)
        *child_word() = sys_pid();
}

uint32_t thread_state_child(void)
{
    return thread_state_forked() ? *child_word() : 0;
}

/* A child of vfork, in the memory of a forked child that has no trace yet: it would begin one of
 * its own there, and the other would never have one. */
static bool is_guest_of_child(void)
{
    uint32_t child = thread_state_child();
    return child && child != sys_pid();
}

/* A child of vfork: in the memory of a process that it is no thread of. */
static bool is_guest(void)
{
    return sys_pid() != trace_pid;
}

/* Gives the stream to the calling thread and says so in the trace. */
static void take_over(struct stream *stream, uint32_t tid, bool nested)
{
    callstack_forget(&stream->callstack);
    stream->node_count = 0;
    fault_report(stream); /* the last ones of the thread before */
    faultcount_detach(&stream->faults);
    if (!nested)
        faultcount_attach(&stream->faults);
    stream_set_pause(stream);
    if (nested && stream->tid == tid)
        return;
    if (stream->tid != tid)
        memset(stream->name, 0, sizeof(stream->name));
    stream->stack = (struct stack_bounds){0};
    if (!is_guest()) /* its stack is another thread's, which may live longer */
        stack_bounds_find(&stream->stack);
    stream_begin_thread(stream, tid, &stream->stack);
    if (stream->id && !clock_is_confirmed())
        housekeeping_confirm_clock(stream);
    if (!nested)
        housekeeping_thread_name(stream);
}

/* A signal handler that forks or jumps out must not meet a stream that is half in other hands. */
static struct stream *acquire(bool nested)
{
    uint64_t before;
    sys_block_signals(&before);
    uint32_t tid = sys_tid();
    uint32_t owner = nested ? (is_guest() ? trace_pid : tid) | OWNER_NESTED : tid;
    struct stream *stream = claim_free(owner);
    if (!stream && (stream = claim_orphan(tid, owner)))
        clean_up_abandoned(stream);
    if (!stream)
        stream = new_stream(owner);
    if (stream)
        take_over(stream, tid, nested);
    sys_restore_signals(&before);
    return stream;
}

static bool on_signal_stack(void)
{
    stack_t stack = {0};
    sys_call(SYS_sigaltstack, 0, (long)&stack, 0, 0, 0, 0);
    return stack.ss_flags & SS_ONSTACK;
}

/* True if control left the hook at `before` without returning to it (siglongjmp out of a handler):
 * then the present one, at `now`, is as far out on the same stack or further.  One in a handler
 * that interrupted it lies further in. */
static bool was_abandoned(const void *before, const void *now)
{
    return (const char *)now >= (const char *)before && !on_signal_stack();
}

static struct stream *enter_nested(void)
{
    struct stream *stream = acquire(true);
    if (stream && stream_room(stream, STREAM_MARGIN))
        return stream;
    if (stream) {
        stream_lose(stream);
        thread_leave_slow(stream);
    } else if (trace_header) {
        __atomic_add_fetch(&trace_header->lost_events, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

bool thread_in_runtime(uint64_t caller, uint64_t value)
{
    const struct thread_state *self = &thread_state;
    return (self->flags & THREAD_RUNTIME) && value >= self->runtime_low &&
           value <= self->runtime_high && real_is_runtime(caller);
}

struct stream *thread_enter_slow(uint64_t caller, uint64_t value, enum recording least,
                                 const void *frame)
{
    struct thread_state *self = &thread_state;
    bool large =
        (self->flags & THREAD_LARGE) || (least == RECORDING_ON && value >= FAULTCOUNT_LARGE);
    self->flags &= ~(unsigned)THREAD_LARGE;
    if (recording < least || (self->flags & (THREAD_INTERNAL | THREAD_UNDECIDED))) {
        self->flags &= ~(unsigned)THREAD_UNDECIDED;
        return NULL;
    }
    if (is_guest_of_child())
        return NULL;
    if (thread_state_forked())
        lifecycle_forked();
    if (thread_in_runtime(caller, value) || callstack_is_own(caller))
        return NULL;
    if ((self->flags & THREAD_RUNTIME) && was_abandoned(self->runtime_frame, frame))
        self->flags &= ~(unsigned)THREAD_RUNTIME;
    if (self->busy_frame) {
        if (!was_abandoned(self->busy_frame, frame))
            return enter_nested();
        self->busy_frame = frame; /* should a handler jump out of this, too */
        clean_up_abandoned(self->stream);
    }
    if (!self->stream && recording >= least && is_guest())
        return enter_nested(); /* one that it kept would be the thread's, by a tid that ends */
    self->busy_frame = frame;
    __atomic_signal_fence(__ATOMIC_ACQ_REL);
    if (!self->stream && recording >= least)
        self->stream = acquire(false);
    struct stream *stream = self->stream;
    if (stream && recording >= least) {
        if (large)
            faultcount_expect_many(&stream->faults);
        if (stream->cursor >= stream->pause_at && stream->cursor)
            housekeeping(stream);
        if (stream->cursor) /* else it may have been wiped, by a fork before busy_frame was set */
            fault_report(stream);
        if (stream_room(stream, STREAM_MARGIN))
            return stream;
        stream_lose(stream);
    } else if (trace_header && recording >= least) {
        __atomic_add_fetch(&trace_header->lost_events, 1, __ATOMIC_RELAXED);
    }
    self->busy_frame = NULL;
    return NULL;
}

/* Ends a nested record: the stream goes back to the pool. */
void thread_leave_slow(struct stream *stream)
{
    if (stream->magic != STREAM_MAGIC) /* wiped: a handler within the handler has forked */
        return;
    __atomic_store_n(&registry[stream->id].owner, 0, __ATOMIC_RELEASE);
}

/* A child that has no trace of its own yet has nothing that its children could have from it: they
 * are told when it was forked itself.  The mark comes after the time, so that no other stream has
 * an event of after the fork that counts as of before. */
void thread_state_note_fork(void)
{
    if (recording == RECORDING_OFF || thread_state_forked())
        return;
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (stream) /* the thread's faults so far are in the trace: they were before the fork */
        thread_leave(stream);
    faultcount_before_fork();
    thread_state.fork_ticks = clock_now();
    clock_set_mark();
}

void thread_state_forget_fork(void)
{
    if (!thread_state_forked())
        thread_state.fork_ticks = 0;
}

void thread_state_wipe(void)
{
    if (!same_memory || thread_state_forked() || sys_pid() == trace_pid)
        return; /* or a fork handler of the program's was the child's first event */
    *same_memory = 0;
    if (thread_state.stream)
        memset((void *)thread_state.stream, 0, stream_bytes());
}

struct stream *thread_state_setup(void)
{
    size_t page = (size_t)getpagesize();
    if (!same_memory && (same_memory = sys_map(page + stream_bytes()))) {
        wipe_on_fork(same_memory, page + stream_bytes(), true);
        first_stream = (struct stream *)(same_memory + page);
    }
    if (same_memory)
        *same_memory = 1;
    thread_state.stream = acquire(false);
    return thread_state.stream;
}

/* What the interrupted hook still works on. */
static void keep_on_fork(struct stream *stream, bool keep)
{
    wipe_on_fork(stream, stream_bytes(), !keep);
    trace_file_leave_out_of_fork(&stream->region, !keep);
    stack_nodes_keep_in_fork(&stream->nodes, keep);
}

/* Its own, or of a record nested in its hook, which another handler may have interrupted. */
static bool is_of_thread(uint32_t index, uint32_t tid)
{
    return (__atomic_load_n(&registry[index].owner, __ATOMIC_RELAXED) & ~OWNER_NESTED) == tid;
}

static void keep_all_on_fork(bool keep)
{
    uint32_t tid = sys_tid(), count = thread_stream_count();
    for (uint32_t i = 0; i < count; i++) {
        if (is_of_thread(i, tid))
            keep_on_fork(registry[i].stream, keep);
    }
}

void thread_state_before_fork(void)
{
    struct thread_state *self = &thread_state;
    if (recording == RECORDING_OFF || !self->busy_frame || !self->stream)
        return;
    self->flags |= THREAD_KEPT;
    keep_all_on_fork(true);
}

void thread_state_fork_done(void)
{
    if (!(thread_state.flags & THREAD_KEPT))
        return;
    thread_state.flags &= ~(unsigned)THREAD_KEPT;
    keep_all_on_fork(false);
}

/* The hook that the signal handler interrupted may finish its record, in memory that nobody reads,
 * and finds no room for another. */
static void strand(struct stream *stream)
{
    trace_file_strand(&stream->region);
    stream->magic = 0;
    stream->id = MOST_STREAMS - 1;
}

void thread_state_after_fork(void)
{
    struct thread_state *self = &thread_state;
    struct stream *own = self->stream;
    uint32_t count = thread_stream_count();
    bool kept = self->flags & THREAD_KEPT;
    uint32_t tid = kept ? registry[own->id].owner : 0; /* as it was in the parent */
    faultcount_forked();
    if (kept) /* before anything is mapped where its rings were */
        faultcount_strand(&own->faults);
    for (uint32_t i = 0; i < count; i++) {
        if (kept && is_of_thread(i, tid))
            strand(registry[i].stream);
        else if (registry[i].stream != own)
            sys_unmap(registry[i].stream, stream_bytes());
    }
    memset(registry, 0, count * sizeof(*registry));
    registry_count = 0;
    if (kept) {
        own = self->stream = NULL;
        self->busy_frame = NULL;
        self->flags &= ~(unsigned)THREAD_KEPT;
    }
    if (!own)
        return;
    memset((void *)own, 0, stream_bytes()); /* where the kernel did not wipe it */
    stream_ready(own, 0);
    registry[0].stream = own;
    registry_count = 1;
}
