/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "scan_fixture.h"
#include "unit_main.h"

#define HEAP UINT64_C(0x555555600000)
#define DATA UINT64_C(0x555555400000)
#define FAR UINT64_C(0x7f0000000000) /* a multiple of 64 MiB */
#define PIECE (UINT64_C(64) << 20)
#define STACK UINT64_C(0x7ffffff00000)

static struct trace_builder *builder;
static struct builder_stream *stream;
static struct trace_model *model;
static uint32_t site;

/* A program with 16 pages of variables, a heap and a stack. */
static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 100);
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", DATA, DATA, DATA + 16 * PAGE, "", "/opt/app",
                 U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", FAR + 0x20000000, FAR + 0x20000000,
                 FAR + 0x20000000 + 16 * PAGE, "", "/lib64/ld-linux-x86-64.so.2", U(0));
    site = builder_stack(stream, 1, DATA + 0x10);
}

static void regions(void)
{
    fixture_space(stream, DATA, 16, "/opt/app");
    fixture_space(stream, HEAP, 64, "[heap]");
    fixture_space(stream, STACK, 16, "[stack]");
}

static void begin(void)
{
    fixture_scan(stream, (struct fixture_scan){.reason = VMT_SCAN_EXIT});
    regions();
}

static void one_thread(void)
{
    fixture_thread(stream, SCAN_TID, STACK + 8 * PAGE, 0);
}

static void block(uint64_t address, uint64_t size)
{
    builder_alloc(stream, VMT_MALLOC, address, size, site);
}

static void take(uint64_t pointers)
{
    fixture_scan_end(stream, 0, pointers);
    model = fixture_take(builder);
    const struct reach_scan *judge = reach_model_judge(&model->reach);
    ck_assert_ptr_nonnull(judge);
    ck_assert_ptr_null(judge->failure);
}

START_TEST(reach_start_pointer_reachable_and_inner_possible)
{
    setup();
    block(HEAP + 16, 100);
    block(HEAP + 256, 100);
    block(HEAP + 512, 100);
    block(HEAP + 768, 0);
    begin();
    one_thread();
    fixture_pointer(stream, DATA + 8, HEAP + 16);
    fixture_pointer(stream, DATA + 16, HEAP + 256 + 24);
    fixture_pointer(stream, DATA + 24, HEAP + 512 + 100); /* behind it */
    fixture_pointer(stream, DATA + 32, HEAP + 768);
    take(4);
    ck_assert_int_eq(fixture_class(model, HEAP + 16), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 256), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 512), REACH_DEFINITE);
    ck_assert_int_eq(fixture_class(model, HEAP + 768), REACH_REACHABLE);
    const struct reach_scan *judge = reach_model_judge(&model->reach);
    ck_assert_uint_eq(judge->sums[REACH_REACHABLE].bytes, 100);
    ck_assert_uint_eq(judge->sums[REACH_REACHABLE].blocks, 2);
    ck_assert_uint_eq(judge->sums[REACH_DEFINITE].bytes, 100);
    trace_model_free(model);
}
END_TEST

/* Pointers in blocks are edges, and only whole words of them; in the allocator's memory they are
 * nothing. */
START_TEST(reach_pointers_in_blocks_and_free_memory)
{
    setup();
    block(HEAP + 16, 20);
    block(HEAP + 64, 32);
    block(HEAP + 128, 32);
    block(HEAP + 256, 32);
    begin();
    one_thread();
    fixture_pointer(stream, DATA, HEAP + 16);
    fixture_pointer(stream, HEAP + 24, HEAP + 64);
    fixture_pointer(stream, HEAP + 32, HEAP + 128); /* 4 of its bytes are beyond the 20 */
    fixture_pointer(stream, HEAP + 200, HEAP + 256);
    take(4);
    ck_assert_int_eq(fixture_class(model, HEAP + 64), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 128), REACH_DEFINITE);
    ck_assert_int_eq(fixture_class(model, HEAP + 256), REACH_DEFINITE);
    ck_assert_uint_eq(model->reach.graph.edge_count, 1);
    ck_assert_uint_eq(model->reach.graph.root_count, 1);
    trace_model_free(model);
}
END_TEST

/* newarray, length64, stdstring, and what is only like them. */
START_TEST(reach_words_before_explain_inner_pointers)
{
    setup();
    for (uint64_t i = 0; i < 7; i++)
        block(HEAP + i * 256, 8 + 96);
    begin();
    one_thread();
    fixture_pointer_before(stream, DATA, HEAP + 8, 12 << 1); /* 12 of 8 bytes */
    fixture_pointer_before(stream, DATA + 8, HEAP + 256 + 8, 96 << 1);
    fixture_pointer_before(stream, DATA + 16, HEAP + 512 + 8, 13 << 1);
    fixture_pointer_before(stream, DATA + 24, HEAP + 768 + 24, (104 - 25) << 1 | 1);
    fixture_pointer_before(stream, DATA + 32, HEAP + 1024 + 24, (104 - 24) << 1 | 1);
    fixture_pointer_before(stream, DATA + 40, HEAP + 1280 + 16, 12 << 1);
    fixture_pointer_before(stream, DATA + 48, HEAP + 1536 + 16, (104 - 25) << 1 | 1);
    take(7);
    ck_assert_int_eq(fixture_class(model, HEAP), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 256), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 512), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 768), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 1024), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 1280), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 1536), REACH_POSSIBLE);
    trace_model_free(model);
}
END_TEST

/* The tables stand in the blocks: later in the scan than the pointers. */
START_TEST(reach_tables_explain_second_base_classes)
{
    setup();
    block(HEAP, 64);
    block(HEAP + 256, 64);
    block(HEAP + 512, 64);
    begin();
    one_thread();
    fixture_pointer(stream, DATA, HEAP + 16);
    fixture_pointer(stream, DATA + 8, HEAP + 256 + 16);
    fixture_pointer(stream, DATA + 16, HEAP + 512 + 16);
    fixture_table(stream, HEAP);
    fixture_table(stream, HEAP + 16);
    fixture_table(stream, HEAP + 256); /* not at the second place */
    fixture_table(stream, HEAP + 512 + 16);
    take(3);
    ck_assert_int_eq(fixture_class(model, HEAP), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 256), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 512), REACH_POSSIBLE);
    trace_model_free(model);
}
END_TEST

static const struct reach_root *root_of(uint64_t address)
{
    size_t index = reach_graph_find(&model->reach.graph, address);
    for (size_t i = 0; i < model->reach.graph.root_count; i++)
        if ((model->reach.graph.roots[i].target & ~REACH_INTERIOR) == index)
            return &model->reach.graph.roots[i];
    return NULL;
}

static void ck_root(uint64_t address, int kind, uint32_t tid)
{
    const struct reach_root *root = root_of(address);
    ck_assert_msg((root != NULL) == (kind >= 0), "root of %llx", (unsigned long long)address);
    if (!root)
        return;
    ck_assert_int_eq(root->kind, kind);
    ck_assert_uint_eq(root->tid, tid);
}

/* Block i is pointed to from place i. */
START_TEST(reach_places_tell_roots_from_leftovers)
{
    uint64_t map = FAR + PIECE, live = FAR + 2 * PIECE, dead = FAR + 3 * PIECE;
    uint64_t arena = FAR + 4 * PIECE, other = FAR + 5 * PIECE, own = FAR + 6 * PIECE;
    uint64_t shared = FAR + 7 * PIECE;
    const uint64_t places[] = {DATA + 64,       STACK + 9 * PAGE, map + 8,
                               live + 8 * PAGE, dead + PAGE,      arena + PAGE,
                               other + 8,       own + 8,          shared + PAGE};
    const size_t rising[] = {0, 2, 3, 4, 5, 6, 7, 8, 1};
    setup();
    for (uint64_t i = 0; i < 10; i++)
        block(HEAP + i * 64, 48);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(VMT_MAP_MMAP), map, 4 * PAGE, U(3), U(0x22),
                 U(0), site, "");
    struct builder_stream *thread = trace_builder_stream(builder, 101);
    builder_at(thread, AT(1));
    builder_cold(thread, VMT_OP_STACK, "uu", live, live + 16 * PAGE);
    struct builder_stream *gone = trace_builder_stream(builder, 102);
    builder_at(gone, AT(1));
    builder_cold(gone, VMT_OP_STACK, "uu", dead, dead + 16 * PAGE);
    builder_at(stream, AT(10));
    fixture_scan(stream, (struct fixture_scan){.threads = 2, .stop = VMT_STOP_PTRACE});
    regions();
    fixture_space(stream, map, 4, "");
    fixture_space(stream, live, 16, "");
    fixture_space(stream, dead, 16, "");
    fixture_space(stream, arena, 16, "");
    fixture_region(stream,
                   (struct fixture_region){.start = arena + 16 * PAGE, .pages = PIECE / PAGE - 16});
    fixture_space(stream, other, 4, "");
    fixture_space(stream, own, 4, "");
    fixture_space(stream, own, 4, "[vmtrace]");
    fixture_region(stream, (struct fixture_region){.start = shared,
                                                   .pages = 4,
                                                   .flags = READ_WRITE | VMT_REGION_SHARED,
                                                   .name = "/dev/shm/x"});
    builder_cold(stream, VMT_OP_SCAN_THREAD, "uuuuu", SCAN_TID, STACK + 8 * PAGE, U(0),
                 U(VMT_THREAD_ASKED), HEAP + 9 * 64);
    fixture_thread(stream, 101, live + 4 * PAGE, live + 15 * PAGE);
    for (size_t i = 0; i < 9; i++)
        fixture_pointer(stream, places[rising[i]], HEAP + rising[i] * 64);
    take(9);
    ck_root(HEAP, REACH_ROOT_DATA, 0);
    ck_root(HEAP + 64, REACH_ROOT_STACK, 0);
    ck_root(HEAP + 2 * 64, REACH_ROOT_MAPPING, 0);
    ck_root(HEAP + 3 * 64, REACH_ROOT_STACK, 101);
    ck_root(HEAP + 4 * 64, -1, 0);
    ck_root(HEAP + 5 * 64, -1, 0);
    ck_root(HEAP + 6 * 64, REACH_ROOT_OTHER, 0);
    ck_root(HEAP + 7 * 64, -1, 0);
    ck_root(HEAP + 8 * 64, REACH_ROOT_OTHER, 0);
    ck_root(HEAP + 9 * 64, REACH_ROOT_REGISTER, 100);
    trace_model_free(model);
}
END_TEST

/* malloc's main arena, which is in libc's data, has the address of the chunk behind a block, which
 * begins with the block's last word, and behind that one of a chunk that may be gone. */
START_TEST(reach_addresses_of_chunks_in_libc_are_no_pointers)
{
    const uint64_t libc = FAR + 0x30000000;
    setup();
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", libc, libc, libc + 4 * PAGE, "",
                 "/lib/libc.so.6", U(0));
    block(HEAP + 16, 40);
    block(HEAP + 64, 40);
    block(HEAP + 112, 40);
    block(HEAP + 160, 40);
    block(HEAP + 208, 40);
    block(HEAP + 256, 40);
    block(HEAP + 352, 24);
    block(HEAP + 400, 40);
    block(HEAP + 480, 24);
    begin();
    fixture_space(stream, libc, 4, "/lib/libc.so.6");
    one_thread();
    fixture_pointer(stream, DATA, HEAP + 112 + 32);
    fixture_pointer(stream, libc, HEAP + 16 + 32);
    fixture_pointer(stream, libc + 16, HEAP + 64 + 16);
    fixture_pointer(stream, libc + 32, HEAP + 304);
    fixture_pointer(stream, libc + 40, HEAP + 256);
    fixture_pointer(stream, libc + 56, HEAP + 256 + 32);
    fixture_pointer(stream, libc + 64, HEAP + 208 + 16);
    fixture_pointer(stream, libc + 80, HEAP + 160);
    /* A FILE: its buffer's start and end, and another one. */
    fixture_pointer(stream, libc + 96, HEAP + 400);
    fixture_pointer(stream, libc + 104, HEAP + 448);
    fixture_pointer(stream, libc + 112, HEAP + 352);
    /* The heap's end is above all that was cut off. */
    fixture_pointer(stream, libc + 128, HEAP + 336);
    fixture_pointer(stream, libc + 136, HEAP + 480);
    take(9);
    ck_assert_int_eq(fixture_class(model, HEAP + 352), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 400), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 480), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 208), REACH_DEFINITE);
    ck_assert_int_eq(fixture_class(model, HEAP + 256), REACH_DEFINITE);
    ck_assert_int_eq(fixture_class(model, HEAP + 16), REACH_DEFINITE);
    ck_assert_int_eq(fixture_class(model, HEAP + 64), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 112), REACH_POSSIBLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 160), REACH_REACHABLE);
    ck_root(HEAP + 160, REACH_ROOT_DATA, 0);
    trace_model_free(model);
}
END_TEST

/* A vector of thread-local storage, say: nothing that is looked through points to it. */
START_TEST(reach_blocks_of_the_loader_are_roots)
{
    setup();
    uint32_t loader = builder_stack(stream, 2, DATA + 0x10, FAR + 0x20000010);
    builder_alloc(stream, VMT_CALLOC, HEAP, 64, loader);
    block(HEAP + 128, 64);
    block(HEAP + 256, 64);
    begin();
    one_thread();
    fixture_pointer(stream, HEAP + 8, HEAP + 128);
    take(1);
    ck_assert_int_eq(fixture_class(model, HEAP), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 128), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 256), REACH_DEFINITE);
    ck_root(HEAP, REACH_ROOT_LOADER, 0);
    ck_root(HEAP + 128, REACH_ROOT_LOADER, 0);
    ck_assert_uint_eq(model->reach.graph.roots[0].location, HEAP);
    trace_model_free(model);
}
END_TEST

/* The kernel has joined thread-local storage with an arena that has a block in it. */
START_TEST(reach_thread_local_storage_beside_an_arena)
{
    uint64_t pointer = FAR + 32 * PAGE;
    setup();
    for (uint64_t i = 0; i < 4; i++)
        block(HEAP + i * 64, 48);
    block(FAR + 16 * PAGE, 64);
    begin();
    fixture_space(stream, FAR, 64, "");
    fixture_thread(stream, SCAN_TID, STACK + 8 * PAGE, pointer);
    fixture_pointer(stream, FAR + 8 * PAGE, HEAP);
    fixture_pointer(stream, FAR + 17 * PAGE, HEAP + 64);
    fixture_pointer(stream, pointer + 0x300, HEAP + 128);
    fixture_pointer(stream, pointer + 0x900, HEAP + 192);
    take(4);
    ck_root(HEAP, -1, 0);
    ck_root(HEAP + 64, REACH_ROOT_TLS, 100);
    ck_root(HEAP + 128, REACH_ROOT_TLS, 100);
    ck_root(HEAP + 192, -1, 0);
    trace_model_free(model);
}
END_TEST

/* A coroutine's stack, or an alternate one, is a block: from the stack pointer up it is a root, and
 * so is the whole stack of a thread that was given one. */
START_TEST(reach_stacks_in_blocks_are_roots)
{
    setup();
    for (uint64_t i = 0; i < 4; i++)
        block(HEAP + i * 64, 48);
    block(HEAP + 2 * PAGE, 2 * PAGE);
    block(HEAP + 8 * PAGE, 2 * PAGE);
    struct builder_stream *thread = trace_builder_stream(builder, 101);
    builder_at(thread, AT(1));
    builder_cold(thread, VMT_OP_STACK, "uu", HEAP + 8 * PAGE, HEAP + 10 * PAGE);
    builder_at(stream, AT(10));
    fixture_scan(stream, (struct fixture_scan){.threads = 2, .stop = VMT_STOP_PTRACE});
    regions();
    fixture_thread(stream, SCAN_TID, HEAP + 3 * PAGE, 0);
    fixture_thread(stream, 101, STACK, 0); /* in a signal handler */
    fixture_pointer(stream, HEAP + 3 * PAGE - 8, HEAP);
    fixture_pointer(stream, HEAP + 3 * PAGE + 8, HEAP + 64);
    fixture_pointer(stream, HEAP + 8 * PAGE, HEAP + 128);
    take(3);
    ck_root(HEAP, -1, 0);
    ck_root(HEAP + 64, REACH_ROOT_STACK, 100);
    ck_root(HEAP + 128, REACH_ROOT_STACK, 101);
    trace_model_free(model);
}
END_TEST

/* The program's own memory was a thread's stack, which has ended. */
START_TEST(reach_dead_stack_in_a_mapping_is_the_programs)
{
    setup();
    block(HEAP, 48);
    block(HEAP + 64, 48);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(VMT_MAP_MMAP), FAR, 16 * PAGE, U(3), U(0x22),
                 U(0), site, "");
    struct builder_stream *thread = trace_builder_stream(builder, 101);
    builder_at(thread, AT(1));
    builder_cold(thread, VMT_OP_STACK, "uu", FAR + 4 * PAGE, FAR + 20 * PAGE);
    builder_at(stream, AT(10));
    begin();
    fixture_space(stream, FAR, 24, "");
    one_thread();
    fixture_pointer(stream, FAR + 5 * PAGE, HEAP);
    fixture_pointer(stream, FAR + 18 * PAGE, HEAP + 64);
    take(2);
    ck_root(HEAP, REACH_ROOT_MAPPING, 0);
    ck_root(HEAP + 64, -1, 0);
    trace_model_free(model);
}
END_TEST

/* A pool's block at an inner place of the allocator's block: a pointer to it keeps both. */
START_TEST(reach_pointer_to_a_pools_block_is_to_a_start)
{
    setup();
    block(HEAP, 512);
    block(HEAP + 1024, 512);
    builder_cold(stream, VMT_OP_POOL, "us", U(1), "arena");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), HEAP + 64, U(32), site);
    begin();
    one_thread();
    fixture_pointer(stream, DATA, HEAP + 64);
    fixture_pointer(stream, DATA + 8, HEAP + 1024 + 64);
    take(2);
    ck_assert_int_eq(fixture_class(model, HEAP), REACH_REACHABLE);
    ck_assert_int_eq(fixture_class(model, HEAP + 1024), REACH_POSSIBLE);
    trace_model_free(model);
}
END_TEST

/* Where blocks are not known, other memory of the allocator may be theirs. */
START_TEST(reach_unknown_blocks_make_free_memory_a_root)
{
    setup();
    block(HEAP, 48);
    builder_cold(stream, VMT_OP_PAUSE, "");
    builder_cold(stream, VMT_OP_RESUME, "");
    begin();
    one_thread();
    fixture_pointer(stream, HEAP + 1024, HEAP);
    take(1);
    ck_root(HEAP, REACH_ROOT_OTHER, 0);
    ck_assert(!reach_model_judge(&model->reach)->all_blocks);
    trace_model_free(model);
}
END_TEST

START_TEST(reach_tags_of_aarch64_pointers_are_ignored)
{
    for (int tagged = 0; tagged < 2; tagged++) {
        setup();
        trace_builder_header(builder)->machine = tagged ? 183 : 62;
        block(HEAP, 48);
        begin();
        one_thread();
        fixture_pointer(stream, DATA, HEAP | UINT64_C(0x5a) << 56);
        take(1);
        ck_assert_int_eq(fixture_class(model, HEAP), tagged ? REACH_REACHABLE : REACH_DEFINITE);
        trace_model_free(model);
    }
}
END_TEST

static const char *failure(void)
{
    static char words[128];
    model = fixture_take(builder);
    ck_assert_ptr_null(reach_model_judge(&model->reach));
    ck_assert_uint_eq(model->reach.count, 1);
    ck_assert_ptr_nonnull(model->reach.scans[0].failure);
    snprintf(words, sizeof(words), "%s", model->reach.scans[0].failure);
    trace_model_free(model);
    return words;
}

START_TEST(reach_scan_that_is_not_whole_says_nothing)
{
    setup();
    begin();
    one_thread();
    ck_assert_str_eq(failure(), "it did not come to its end");
    setup();
    begin();
    one_thread();
    fixture_scan_end(stream, ETIMEDOUT, 0);
    ck_assert_str_eq(failure(), "it took too long");
    setup();
    begin();
    one_thread();
    fixture_pointer(stream, DATA, HEAP);
    fixture_scan_end(stream, 0, 2);
    ck_assert_str_eq(failure(), "a part of its records is missing or damaged");
    setup();
    begin();
    one_thread();
    fixture_pointer(stream, DATA + 8, HEAP);
    fixture_pointer(stream, DATA, HEAP);
    fixture_scan_end(stream, 0, 2);
    ck_assert_str_eq(failure(), "a part of its records is missing or damaged");
    setup();
    begin();
    builder_lose_chunks(stream, 1);
    one_thread();
    fixture_scan_end(stream, 0, 0);
    ck_assert_str_eq(failure(), "a part of its records is missing or damaged");
    setup();
    fixture_scan(stream, (struct fixture_scan){0});
    fixture_scan_end(stream, 0, 0);
    ck_assert_str_eq(failure(), "the address space could not be read");
}
END_TEST

START_TEST(reach_words_of_hostile_records_stay_in_bounds)
{
    setup();
    block(HEAP, 48);
    block(UINT64_MAX - 64, 64);
    begin();
    one_thread();
    builder_cold(stream, VMT_OP_POINTERS, "uu", DATA, U(VMT_POINTER_BEFORE), U(3));
    builder_cold(stream, VMT_OP_POINTERS, "uuuu", DATA, UINT64_MAX - 3, U(0), U(0));
    builder_cold(stream, VMT_OP_POINTERS, "u", UINT64_MAX);
    fixture_pointer(stream, UINT64_MAX - 3, UINT64_MAX - 16);
    fixture_pointer_before(stream, UINT64_MAX - 3, HEAP + 8, UINT64_MAX);
    fixture_scan_end(stream, 0, 2);
    model = fixture_take(builder);
    trace_model_free(model);
}
END_TEST

/* More entries than are looked up at once, and the one about the last of those comes after them.  A
 * string's length of 0 modulo 4 is the head of a pointer that stands twice that behind. */
START_TEST(reach_long_record_is_taken_whole)
{
    char entries[137] = "\xa1\x80\x80\x04"; /* varint of fixture_distance(HEAP + 8, DATA) */
    setup();
    ck_assert_uint_eq(fixture_distance(HEAP + 8, DATA), 0x800021);
    block(HEAP, 104);
    for (size_t i = 4; i < 136; i += 2) {
        bool before = i == 4 + 63 * 2;
        entries[i] = before ? VMT_POINTER_BEFORE : 1 << VMT_POINTER_SHIFT | VMT_POINTER_FAR;
        entries[i + 1] = before ? 12 << 1 : 1; /* 12 of 8 bytes; the same target */
    }
    begin();
    one_thread();
    builder_cold(stream, VMT_OP_POINTERS, "us", DATA, entries);
    take(64 + 2);
    ck_assert_int_eq(fixture_class(model, HEAP), REACH_REACHABLE);
    const struct reach_graph *graph = &model->reach.graph;
    ck_assert_uint_eq(graph->root_count, 64 + 2);
    for (size_t i = 0; i < graph->root_count; i++) {
        ck_assert_uint_eq(graph->roots[i].location, DATA + 2 * 136 + 8 * i);
        ck_assert_uint_eq(graph->roots[i].target, i == 63 ? 0 : REACH_INTERIOR);
    }
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("reach_model", reach_start_pointer_reachable_and_inner_possible,
          reach_pointers_in_blocks_and_free_memory, reach_words_before_explain_inner_pointers,
          reach_tables_explain_second_base_classes, reach_places_tell_roots_from_leftovers,
          reach_addresses_of_chunks_in_libc_are_no_pointers, reach_blocks_of_the_loader_are_roots,
          reach_thread_local_storage_beside_an_arena, reach_stacks_in_blocks_are_roots,
          reach_dead_stack_in_a_mapping_is_the_programs,
          reach_pointer_to_a_pools_block_is_to_a_start,
          reach_unknown_blocks_make_free_memory_a_root, reach_tags_of_aarch64_pointers_are_ignored,
          reach_scan_that_is_not_whole_says_nothing, reach_words_of_hostile_records_stay_in_bounds,
          reach_long_record_is_taken_whole)
