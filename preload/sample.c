/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "housekeeping.h"
#include "real.h"
#include "record.h"
#include "sample_distance.h"
#include "settings.h"
#include "thread_state.h"

__thread struct sample_thread sample_thread;
uint64_t sample_interval;

static uint64_t drawn_from; /* threads that drew numbers so far */

/* VMTRACE_SEED makes the samples of a program with one thread the same in each run. */
static void seed(struct sample_thread *self)
{
    uint64_t number = __atomic_fetch_add(&drawn_from, 1, __ATOMIC_RELAXED);
    uint64_t state = settings.seed ? settings.seed : trace_header->trace_id;
    self->random = sample_random(&state) + number;
    self->random = sample_random(&self->random);
}

static void aim(struct sample_thread *self, uint64_t distance)
{
    self->left = distance < SAMPLE_STRIDE ? distance : SAMPLE_STRIDE;
    self->beyond = distance - self->left;
}

static __attribute__((noinline)) void look_at_clock(void)
{
    if (thread_state.flags || thread_state.busy_frame || !housekeeping_is_due())
        return;
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    housekeeping(stream);
    thread_leave(stream);
}

__attribute__((noinline, cold)) bool sample_look(size_t size)
{
    struct sample_thread *self = &sample_thread;
    self->newest = 0;
    if (recording == RECORDING_OFF || !trace_header) {
        aim(self, SAMPLE_STRIDE);
        return true;
    }
    look_at_clock();
    uint64_t bytes = size + !size, distance = self->left + self->beyond;
    if (!self->random) {
        seed(self);
        distance = sample_distance(&self->random, sample_interval);
    }
    bool skips = bytes < distance;
    aim(self, skips ? distance - bytes : sample_distance(&self->random, sample_interval));
    return skips;
}

/* Without memory the block counts as released, and its release as lost. */
void sample_keep_again(const void *block)
{
    if (sample_table_add((uint64_t)block))
        return;
    record_free(VMT_FREE, block, NULL);
    __atomic_add_fetch(&trace_header->lost_events, 1, __ATOMIC_RELAXED);
}

void sample_keep(const void *block)
{
    struct sample_thread *self = &sample_thread;
    self->newest = (uint64_t)block;
    self->newest_left = self->left;
    sample_keep_again(block);
}

/* The analyzer does not see what was allocated meanwhile, so it is told where that was nothing. */
__attribute__((noinline, cold)) bool sample_forget(const void *block)
{
    struct sample_thread *self = &sample_thread;
    if (!sample_table_remove((uint64_t)block))
        return false;
    if (self->newest == (uint64_t)block && self->newest_left == self->left)
        record_number(VMT_OP_TEMPORARY, (uint64_t)block);
    return true;
}

/* Blocks of the bootstrap arena, which no allocator knows, are told from others where the filter
 * says "maybe": one compare less for all others. */
void sample_start(uint64_t interval)
{
    sample_interval = interval;
    if (interval)
        sample_table_mark((uint64_t)real_arena, REAL_ARENA_BYTES);
}

void sample_forked(void)
{
    sample_thread = (struct sample_thread){0};
}
