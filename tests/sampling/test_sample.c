/* SPDX-License-Identifier: Apache-2.0 */
/* The countdown, with the rest of the recorder played by the functions below. */
#include "sample.h"

#include "unit_main.h"

#include "housekeeping.h"
#include "real.h"
#include "record.h"
#include "settings.h"
#include "thread_state.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

struct settings settings = {.seed = 4};
enum recording recording = RECORDING_ON;
__thread struct thread_state thread_state;
uint32_t clock_marks;
static struct vmt_file_header header = {.trace_id = 99};
struct vmt_file_header *trace_header = &header;
static struct stream stream;
char real_arena[REAL_ARENA_BYTES];
static unsigned looks, points, temporary;
static uint64_t last_number;

bool housekeeping_is_due(void)
{
    looks++;
    return looks % 10 == 0;
}

void housekeeping(struct stream *given)
{
    ck_assert_ptr_eq(given, &stream);
    points++;
}

struct stream *thread_enter_slow(uint64_t caller, uint64_t value, enum recording least,
                                 const void *frame)
{
    (void)frame;
    ck_assert(caller == 0 && value == 0 && least == RECORDING_PAUSED);
    return &stream;
}

void thread_leave_slow(struct stream *given)
{
    ck_assert_ptr_eq(given, &stream);
}

void record_number(enum vmt_op op, uint64_t number)
{
    ck_assert_int_eq(op, VMT_OP_TEMPORARY);
    last_number = number;
    temporary++;
}

void record_free(enum vmt_kind kind, const void *address, const struct callstack_start *start)
{
    ck_abort_msg("%d %p %p: there was memory", (int)kind, address, (const void *)start);
}

/* ---- how often ---- */

/* One block in many of others: chosen with 1 - exp(-s / N). */
static void check_rate(uint64_t interval, size_t size, size_t other, unsigned rounds)
{
    unsigned chosen = 0, both = 0;
    sample_interval = interval;
    for (unsigned i = 0; i < rounds; i++) {
        bool first = !sample_skips(size), second = !sample_skips(other);
        chosen += first;
        both += first && second;
    }
    double chance = 1 - exp(-(double)(size + !size) / (double)interval);
    double next = 1 - exp(-(double)(other + !other) / (double)interval);
    double error = sqrt(chance * (1 - chance) * rounds);
    ck_assert_double_le(fabs(chosen - chance * rounds), 5 * error + 2);
    /* Independently of its neighbour. */
    error = sqrt(chance * next * rounds);
    ck_assert_double_le(fabs(both - chance * next * rounds), 5 * error + 2);
}

START_TEST(sample_chance_of_each_size)
{
    static const size_t sizes[] = {0, 1, 16, 100, 4096, 16383, 16384, 16385, 100000, 3000000};
    static const uint64_t intervals[] = {1, 100, 1024, 16384, 524288};
    for (size_t n = 0; n < sizeof(intervals) / sizeof(intervals[0]); n++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            check_rate(intervals[n], sizes[i], 48, 60000);
            check_rate(intervals[n], sizes[i], 70000, 60000);
        }
    }
}
END_TEST

/* Nothing is known of such a call but that it will fail. */
START_TEST(sample_impossible_sizes_do_no_harm)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1000, SIZE_MAX / 2, SIZE_MAX / 2 + 2};
    sample_interval = 1000;
    for (unsigned i = 0; i < 1000; i++) {
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
            sample_skips(sizes[k]);
    }
    check_rate(1000, 100, 48, 60000);
}
END_TEST

START_TEST(sample_would_skip_is_kept)
{
    sample_interval = 524288;
    unsigned promised = 0;
    for (unsigned i = 0; i < 100000; i++) {
        size_t size = i * 31 % 2000;
        bool promise = sample_would_skip(size + 1);
        promised += promise;
        bool skips = sample_skips(size);
        ck_assert(!promise || skips);
    }
    ck_assert_uint_gt(promised, 80000);
}
END_TEST

START_TEST(sample_off_the_record_nothing_is_chosen)
{
    sample_interval = 1;
    recording = RECORDING_OFF;
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(sample_skips(1000));
}
END_TEST

static unsigned chosen_of(uint64_t *which)
{
    unsigned chosen = 0;
    *which = 0;
    for (unsigned i = 0; i < 10000; i++) {
        if (!sample_skips(100)) {
            chosen++;
            *which = *which * 31 + i;
        }
    }
    return chosen;
}

static void *chosen_by_thread(void *which)
{
    chosen_of(which);
    return NULL;
}

START_TEST(sample_seed_repeats_and_threads_and_children_differ)
{
    uint64_t first, again, thread, child;
    pthread_t other;
    sample_interval = 10000;
    ck_assert_uint_gt(chosen_of(&first), 50);
    ck_assert_int_eq(pthread_create(&other, NULL, chosen_by_thread, &thread), 0);
    pthread_join(other, NULL);
    sample_forked();
    chosen_of(&child);
    ck_assert(first != thread && thread != child && first != child);
    settings.seed = 5;
    sample_forked();
    chosen_of(&again);
    ck_assert_uint_ne(again, child);
}
END_TEST

/* ---- the time line ---- */

START_TEST(sample_looks_at_the_clock_now_and_then)
{
    sample_interval = UINT64_C(1) << 40;
    for (unsigned i = 0; i < 100000; i++)
        ck_assert(sample_skips(100));
    ck_assert_uint_gt(looks, 100000 * 100 / SAMPLE_STRIDE - 10);
    ck_assert_uint_lt(looks, 100000 * 100 / SAMPLE_STRIDE + 10);
    ck_assert_uint_eq(points, looks / 10);
    thread_state.busy_frame = &thread_state; /* in the middle of a record: not now */
    points = 0;
    for (unsigned i = 0; i < 100000; i++)
        ck_assert(sample_skips(100));
    ck_assert_uint_eq(points, 0);
}
END_TEST

/* ---- releases ---- */

START_TEST(sample_release_of_what_was_kept)
{
    static char block[64];
    sample_interval = 1000;
    ck_assert(sample_skips_release(block));
    sample_keep(block);
    ck_assert(!sample_skips_release(block));
    ck_assert(sample_skips_release(block));
    ck_assert(sample_skips_release(NULL));
}
END_TEST

/* free must not pass on what no allocator knows. */
START_TEST(sample_start_has_the_bootstrap_arena_looked_at)
{
    sample_start(1000);
    ck_assert_uint_eq(sample_interval, 1000);
    for (size_t i = 0; i < REAL_ARENA_BYTES; i += 8)
        ck_assert(sample_table_may_hold((uint64_t)real_arena + i));
    ck_assert(!sample_table_may_hold((uint64_t)real_arena + 2 * REAL_ARENA_BYTES));
}
END_TEST

/* Temporary: nothing was allocated in between, sampled or not. */
START_TEST(sample_tells_temporary_blocks)
{
    static char blocks[3][64];
    sample_interval = UINT64_C(1) << 30;
    sample_skips(1); /* draws the first distance */
    sample_keep(blocks[0]);
    ck_assert(!sample_skips_release(blocks[0]));
    ck_assert_uint_eq(temporary, 1);
    ck_assert_uint_eq(last_number, (uint64_t)blocks[0]);
    sample_keep(blocks[0]);
    ck_assert(sample_skips(0));
    ck_assert(!sample_skips_release(blocks[0]));
    ck_assert_uint_eq(temporary, 1);
    sample_keep(blocks[0]);
    sample_keep(blocks[1]);
    ck_assert(!sample_skips_release(blocks[0]));
    ck_assert_uint_eq(temporary, 1);
    ck_assert(!sample_skips_release(blocks[1]));
    ck_assert_uint_eq(temporary, 2);
    sample_keep_again(blocks[2]); /* its realloc failed: it is not new */
    ck_assert(!sample_skips_release(blocks[2]));
    ck_assert_uint_eq(temporary, 2);
}
END_TEST

UNIT_MAIN("sample", sample_chance_of_each_size, sample_impossible_sizes_do_no_harm,
          sample_would_skip_is_kept, sample_off_the_record_nothing_is_chosen,
          sample_seed_repeats_and_threads_and_children_differ,
          sample_looks_at_the_clock_now_and_then, sample_release_of_what_was_kept,
          sample_start_has_the_bootstrap_arena_looked_at, sample_tells_temporary_blocks)
