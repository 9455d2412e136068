/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of glibc 2.36, as a small program sees them.  The heap begins at HEAP; its first block
 * is behind the thread's cache.
 */
#include "compact/heap_guess.h"

#include <vmtrace/trace_format.h>

#include "unit_main.h"

#define HEAP UINT64_C(0x555555559000)
#define FIRST (HEAP + 0x2a0)
#define ARENA UINT64_C(0x7ffff0000000) /* of a second thread */

static struct heap_guess heap;
static uint32_t cohort;

static void setup(void)
{
    const struct cohort_key key = {.size = 1};
    ck_assert(heap_guess_init(&heap, 3, 4096, false));
    ck_assert(heap_guess_reserve(&heap, &heap.lanes[0]));
    cohort = cohort_add(&heap.cohorts, &heap.spans, &key);
}

static void finish(void)
{
    heap_guess_release(&heap);
}

/* Allocates in a lane, at `address` whatever is expected; the expected address. */
static uint64_t allocate(unsigned lane, struct heap_request request, uint64_t address)
{
    ck_assert(heap_guess_reserve(&heap, &heap.lanes[lane]));
    struct heap_answer answer = heap_guess_expect(&heap, &heap.lanes[lane], &request);
    if (address == 0)
        address = answer.address;
    uint32_t block = heap_guess_settle(&heap, &heap.lanes[lane], &request, answer, address);
    ck_assert_uint_ne(block, SPAN_NONE);
    ck_assert_uint_eq(span_at(&heap.spans, block)->address, address);
    ck_assert_uint_eq(span_find(&heap.spans, address), block);
    cohort_append(&heap.cohorts, &heap.spans, cohort, block);
    return answer.address;
}

/* Where malloc is expected to put a block, and where it then is. */
static uint64_t place(uint64_t size)
{
    return allocate(0, (struct heap_request){.size = size, .kind = VMT_MALLOC}, 0);
}

static void release(unsigned lane, uint64_t address)
{
    uint32_t block = span_find(&heap.spans, address);
    ck_assert_uint_ne(block, SPAN_NONE);
    ck_assert(heap_guess_reserve(&heap, &heap.lanes[lane]));
    heap_guess_free(&heap, &heap.lanes[lane], block);
}

static uint64_t reallocate(uint64_t old, uint64_t size)
{
    uint32_t block = span_find(&heap.spans, old);
    ck_assert(heap_guess_reserve(&heap, &heap.lanes[0]));
    heap_span_detach(&heap, block);
    return allocate(0, (struct heap_request){.size = size, .kind = VMT_REALLOC, .moving = block},
                    0);
}

static void begin(void)
{
    setup();
    ck_assert_uint_eq(allocate(0, (struct heap_request){.size = 24, .kind = VMT_MALLOC}, FIRST), 0);
}

START_TEST(heap_guess_new_blocks_follow_each_other)
{
    begin();
    ck_assert_uint_eq(place(24), FIRST + 0x20);
    ck_assert_uint_eq(place(25), FIRST + 0x40);
    ck_assert_uint_eq(place(0), FIRST + 0x70);
    ck_assert_uint_eq(place(1000), FIRST + 0x90);
    ck_assert_uint_eq(place(8), FIRST + 0x90 + 0x3f0);
    finish();
}
END_TEST

START_TEST(heap_guess_last_freed_is_first_taken)
{
    begin();
    uint64_t a = place(100), b = place(100), c = place(100);
    release(0, a);
    release(0, c);
    release(0, b);
    ck_assert_uint_eq(place(97), b);
    ck_assert_uint_eq(place(104), c);
    ck_assert_uint_eq(place(100), a);
    finish();
}
END_TEST

/* The eighth goes to a fast bin, from which the cache is filled again. */
START_TEST(heap_guess_cache_holds_seven)
{
    uint64_t block[9];
    begin();
    for (unsigned i = 0; i < 9; i++)
        block[i] = place(40);
    for (unsigned i = 0; i < 9; i++)
        release(0, block[i]);
    for (unsigned i = 7; i-- > 0;)
        ck_assert_uint_eq(place(40), block[i]);
    ck_assert_uint_eq(place(40), block[8]);
    ck_assert_uint_eq(place(40), block[7]);
    finish();
}
END_TEST

/* Until glibc 2.41 calloc does not look into the cache; the model learns when it does. */
START_TEST(heap_guess_calloc_passes_the_cache_by)
{
    begin();
    uint64_t a = place(40), top = place(40) + 0x30;
    const struct heap_request request = {.size = 40, .kind = VMT_CALLOC};
    release(0, a);
    ck_assert_uint_eq(allocate(0, request, 0), top);
    ck_assert_uint_eq(place(40), a);
    for (unsigned i = 0; i < 4; i++) {
        release(0, a);
        allocate(0, request, a);
    }
    release(0, a);
    ck_assert_uint_eq(allocate(0, request, 0), a);
    finish();
}
END_TEST

/* Beyond the sizes of the cache free neighbours become one, and are cut again from the front. */
START_TEST(heap_guess_neighbours_merge)
{
    begin();
    uint64_t a = place(2000), b = place(2000), c = place(3000);
    place(16);
    release(0, b);
    release(0, a);
    release(0, c);
    ck_assert_uint_eq(place(7000), a);
    release(0, a);
    ck_assert_uint_eq(place(1200), a);
    ck_assert_uint_eq(place(1200), a + 1216);
    finish();
}
END_TEST

START_TEST(heap_guess_small_requests_cut_the_last_remainder)
{
    begin();
    uint64_t a = place(5000), behind = place(16);
    release(0, a);
    ck_assert_uint_eq(place(200), a);
    ck_assert_uint_eq(place(200), a + 208);
    ck_assert_uint_eq(place(56), a + 416);
    ck_assert_uint_eq(place(6000), behind + 0x20);
    finish();
}
END_TEST

/* The smallest that is large enough; of two of one size the second. */
START_TEST(heap_guess_large_requests_fit_best)
{
    uint64_t block[4];
    static const uint64_t sizes[] = {1600, 1500, 1560, 1560};
    begin();
    for (unsigned i = 0; i < 4; i++) {
        block[i] = place(sizes[i]);
        place(16);
    }
    for (unsigned i = 0; i < 4; i++)
        release(0, block[i]);
    place(100000); /* sorts them into their bins */
    ck_assert_uint_eq(place(1558), block[3]);
    ck_assert_uint_eq(place(1558), block[2]);
    ck_assert_uint_eq(place(1558), block[0]);
    ck_assert_uint_eq(place(1490), block[1]);
    finish();
}
END_TEST

START_TEST(heap_guess_realloc_grows_and_shrinks_in_place)
{
    begin();
    uint64_t a = place(100);
    ck_assert_uint_eq(reallocate(a, 5000), a);
    ck_assert_uint_eq(reallocate(a, 3000), a);
    uint64_t b = place(1000);
    ck_assert_uint_eq(b, a + 3008);
    ck_assert_uint_eq(reallocate(a, 4000), b + 1008);
    ck_assert_uint_eq(place(2900), a);
    finish();
}
END_TEST

START_TEST(heap_guess_aligned_blocks_give_the_lead_back)
{
    begin();
    uint64_t top = place(2000) + 2016;
    const struct heap_request request = {.size = 100, .kind = VMT_ALLOC_OTHER, .alignment_log2 = 8};
    uint64_t aligned = allocate(0, request, 0);
    ck_assert_uint_eq(aligned % 256, 0);
    ck_assert_uint_ge(aligned, top);
    ck_assert_uint_lt(aligned, top + 512);
    finish();
}
END_TEST

START_TEST(heap_guess_large_blocks_are_mappings)
{
    begin();
    const struct heap_request request = {.size = 200000, .kind = VMT_MALLOC};
    ck_assert_uint_eq(allocate(0, request, ARENA + 16), 0);
    release(0, ARENA + 16);
    /* Having been freed once they are taken from the heap. */
    ck_assert_uint_eq(place(150000), FIRST + 0x20);
    finish();
}
END_TEST

/* A thread's first block tells its arena; from then on it is known. */
START_TEST(heap_guess_threads_have_arenas)
{
    begin();
    uint64_t first = ARENA + 0xb70, main_next = FIRST + 0x20;
    const struct heap_request request = {.size = 24, .kind = VMT_MALLOC};
    ck_assert_uint_eq(allocate(1, request, first), 0);
    ck_assert_uint_eq(allocate(1, request, 0), first + 0x20);
    ck_assert_uint_eq(place(24), main_next);
    /* What the main thread frees stays in its cache. */
    release(0, first);
    ck_assert_uint_eq(allocate(1, request, 0), first + 0x40);
    ck_assert_uint_eq(place(24), first);
    finish();
}
END_TEST

/* The cache of a thread that ended, and the block that it was, are free in the arena. */
START_TEST(heap_guess_next_thread_finds_what_was_cached)
{
    begin();
    uint64_t first = ARENA + 0xb70;
    const struct heap_request small = {.size = 24, .kind = VMT_MALLOC},
                              large = {.size = 600, .kind = VMT_MALLOC};
    allocate(1, small, first);
    uint64_t second = allocate(1, small, 0);
    release(1, second);
    heap_guess_thread_end(&heap, &heap.lanes[1]);
    allocate(1, large, second + 0x20);
    ck_assert_uint_eq(allocate(1, small, 0), second);
    finish();
}
END_TEST

START_TEST(heap_guess_first_touch_of_a_page)
{
    begin();
    unsigned fresh = 0;
    for (unsigned i = 0; i < 64; i++) {
        place(1000);
        fresh += heap.fresh;
    }
    /* The word in front of the top is what is touched. */
    ck_assert_uint_eq(fresh, (FIRST + 0x20 + 64 * 1008 - 8) / 4096 - FIRST / 4096);
    ck_assert(heap_guess_reserve(&heap, &heap.lanes[0]));
    ck_assert(!heap.fresh);
    finish();
}
END_TEST

/* Always another place than expected: another allocator.  A list for each size remains. */
START_TEST(heap_guess_other_allocators_are_noticed)
{
    begin();
    for (uint64_t i = 0; i < 10000; i++)
        allocate(0, (struct heap_request){.size = 48, .kind = VMT_MALLOC}, ARENA + i * 0x5000);
    ck_assert(heap.plain);
    release(0, ARENA + 9000 * 0x5000);
    release(0, ARENA + 9500 * 0x5000);
    ck_assert_uint_eq(place(48), ARENA + 9500 * 0x5000);
    ck_assert_uint_eq(place(40), ARENA + 9000 * 0x5000);
    ck_assert_uint_eq(place(40), ARENA + 9999 * 0x5000 + 48);
    finish();
}
END_TEST

/* Nonsense of all sorts: nothing may be taken for granted. */
START_TEST(heap_guess_survives_anything)
{
    uint64_t random = 1;
    begin();
    for (unsigned i = 0; i < 300000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned lane = (random >> 60) % 3, what = (random >> 50) % 8;
        uint64_t address = random >> 62 ? HEAP + (random >> 40) % 0x4000 : random >> 20;
        uint32_t block = span_find(&heap.spans, address);
        struct heap_request request = {.size = random >> (random >> 58),
                                       .kind = (uint8_t)(1 + what % 5),
                                       .alignment_log2 = (uint8_t)(random >> 33)};
        bool live = block != SPAN_NONE && span_at(&heap.spans, block)->state == SPAN_LIVE;
        if (what == 7) {
            heap_guess_thread_end(&heap, &heap.lanes[lane]);
        } else if (live && what < 4) {
            release(lane, address);
        } else {
            if (live && what == 4) {
                ck_assert(heap_guess_reserve(&heap, &heap.lanes[lane]));
                heap_span_detach(&heap, block);
                request.moving = block;
            }
            allocate(lane, request, what == 5 ? 0 : address);
        }
    }
    finish();
}
END_TEST

UNIT_MAIN("heap_guess", heap_guess_new_blocks_follow_each_other,
          heap_guess_last_freed_is_first_taken, heap_guess_cache_holds_seven,
          heap_guess_calloc_passes_the_cache_by, heap_guess_neighbours_merge,
          heap_guess_small_requests_cut_the_last_remainder, heap_guess_large_requests_fit_best,
          heap_guess_realloc_grows_and_shrinks_in_place,
          heap_guess_aligned_blocks_give_the_lead_back, heap_guess_large_blocks_are_mappings,
          heap_guess_threads_have_arenas, heap_guess_next_thread_finds_what_was_cached,
          heap_guess_first_touch_of_a_page, heap_guess_other_allocators_are_noticed,
          heap_guess_survives_anything)
