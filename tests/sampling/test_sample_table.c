/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_table.h"

#include "unit_main.h"

#include <pthread.h>

#define HEAP UINT64_C(0x555555560010)

START_TEST(sample_table_holds_what_was_added)
{
    ck_assert(!sample_table_may_hold(HEAP));
    ck_assert(!sample_table_remove(HEAP));
    ck_assert(sample_table_add(HEAP));
    ck_assert(sample_table_may_hold(HEAP));
    ck_assert(!sample_table_remove(HEAP + 16));
    ck_assert(sample_table_remove(HEAP));
    ck_assert(!sample_table_remove(HEAP));
    ck_assert(!sample_table_may_hold(HEAP));
}
END_TEST

/* free(NULL), and free places hold 0. */
START_TEST(sample_table_never_holds_null)
{
    ck_assert(sample_table_add(HEAP));
    ck_assert(!sample_table_remove(0));
    ck_assert(sample_table_remove(HEAP));
}
END_TEST

/* Through all tables, one of which alone would be full. */
START_TEST(sample_table_grows)
{
    enum { BLOCKS = 1000000 };
    for (uint64_t i = 0; i < BLOCKS; i++)
        ck_assert(sample_table_add(HEAP + i * 48));
    for (uint64_t i = 0; i < BLOCKS; i += 2) {
        ck_assert(sample_table_may_hold(HEAP + i * 48));
        ck_assert(sample_table_remove(HEAP + i * 48));
    }
    for (uint64_t i = 0; i < BLOCKS; i++)
        ck_assert_int_eq(sample_table_remove(HEAP + i * 48), i % 2);
}
END_TEST

/* As many live blocks as 1 GB has at 512 KiB: nearly all other addresses are told at once. */
START_TEST(sample_table_filter_is_sharp)
{
    enum { BLOCKS = 2000 };
    unsigned maybe = 0;
    for (uint64_t i = 0; i < BLOCKS; i++)
        ck_assert(sample_table_add(HEAP + i * 524288 + i * i % 1000 * 16));
    for (uint64_t i = 0; i < 100000; i++)
        maybe += sample_table_may_hold(HEAP + UINT64_C(0x40000000) + i * 112);
    ck_assert_uint_lt(maybe, 100000 / 20);
    for (uint64_t i = 0; i < BLOCKS; i++)
        ck_assert(sample_table_remove(HEAP + i * 524288 + i * i % 1000 * 16));
    for (uint64_t i = 0; i < SAMPLE_FILTER_PLACES; i++)
        ck_assert_uint_eq(sample_filter[i], 0);
}
END_TEST

/* ---- threads that release each other's blocks ---- */

enum { THREADS = 4, RING = 256, ROUNDS = 300000 };

static struct ring {
    uint64_t places[RING];
} rings[THREADS];
static uint64_t wrong[THREADS];

/* Adds blocks and puts each into the next thread's ring, whose occupant it removes: the address may
 * be handed out again at once, by this very thread or another. */
static void *exchange(void *argument)
{
    size_t self = (size_t)argument;
    struct ring *ring = &rings[(self + 1) % THREADS];
    uint64_t own = 0; /* an address that this thread may hand out again */
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        uint64_t fresh = own ? own : HEAP + (self * ROUNDS + i) * 16;
        own = 0;
        wrong[self] += !sample_table_add(fresh) || !sample_table_may_hold(fresh);
        uint64_t old = __atomic_exchange_n(&ring->places[i * 7919 % RING], fresh, __ATOMIC_ACQ_REL);
        if (!old)
            continue;
        wrong[self] +=
            !sample_table_may_hold(old) || !sample_table_remove(old) || sample_table_remove(old);
        own = old;
    }
    return NULL;
}

START_TEST(sample_table_threads_find_each_others_blocks)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, exchange, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_uint_eq(wrong[i], 0);
        for (size_t k = 0; k < RING; k++)
            ck_assert(!rings[i].places[k] || sample_table_remove(rings[i].places[k]));
    }
    for (uint64_t i = 0; i < SAMPLE_FILTER_PLACES; i++)
        ck_assert_uint_eq(sample_filter[i], 0);
}
END_TEST

UNIT_MAIN("sample_table", sample_table_holds_what_was_added, sample_table_never_holds_null,
          sample_table_grows, sample_table_filter_is_sharp,
          sample_table_threads_find_each_others_blocks)
