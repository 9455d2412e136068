/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_fixture.h"
#include "unit_main.h"

#define HEAP UINT64_C(0x555555600000)
#define DATA UINT64_C(0x555555400000)

static struct trace_builder *builder;
static struct builder_stream *stream;
static struct report *report;
static uint32_t a, b;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 100);
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", DATA, DATA, DATA + 16 * PAGE, "", "/opt/app",
                 U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_FACT, "ss", "scan", "exit");
    a = builder_stack(stream, 1, DATA + 0x10);
    b = builder_stack(stream, 1, DATA + 0x20);
}

static void end(void)
{
    builder_cold(stream, VMT_OP_END, "uuuuuuu", U(0), U(0), U(0), U(0), U(0), U(0), U(0));
    report = fixture_report(builder);
}

static void begin(struct fixture_scan scan)
{
    fixture_scan(stream, scan);
    fixture_space(stream, DATA, 16, "/opt/app");
    fixture_space(stream, HEAP, 64, "[heap]");
    fixture_thread(stream, SCAN_TID, 0, 0);
}

static const struct fixture_scan at_exit = {.reason = VMT_SCAN_EXIT};

static void snapshot(uint64_t number, const char *name)
{
    begin((struct fixture_scan){.reason = VMT_SCAN_SNAPSHOT, .number = number, .name = name});
}

static void block(uint64_t number, uint32_t site)
{
    builder_alloc(stream, VMT_MALLOC, HEAP + number * 64, 40, site);
}

static void ck_leak(size_t index, enum report_leak_class class, uint64_t bytes, uint64_t blocks)
{
    ck_assert_uint_lt(index, report->leak_count);
    ck_assert_int_eq(report->leaks[index].class, class);
    ck_assert_uint_eq(report->leaks[index].bytes, bytes);
    ck_assert_uint_eq(report->leaks[index].blocks, blocks);
}

/* Two lists of a head (a) and two more (b); something reachable, something pointed into. */
START_TEST(leaks_by_class_and_site_with_what_hangs_on_them)
{
    setup();
    for (uint64_t i = 0; i < 6; i++)
        block(i, i % 3 ? b : a);
    block(6, a);
    block(7, b);
    begin(at_exit);
    fixture_pointer(stream, DATA, HEAP + 6 * 64);
    fixture_pointer(stream, DATA + 8, HEAP + 7 * 64 + 16);
    for (uint64_t i = 0; i < 6; i++)
        if (i % 3 < 2)
            fixture_pointer(stream, HEAP + i * 64, HEAP + (i + 1) * 64);
    fixture_scan_end(stream, 0, 6);
    end();
    ck_assert_str_eq(report->scan, "complete");
    ck_assert_uint_eq(report->leak_count, 4);
    ck_leak(0, REPORT_LEAK_DEFINITE, 80, 2);
    ck_assert_uint_eq(report->leaks[0].indirect_bytes, 160);
    ck_assert_uint_eq(report->leaks[0].indirect_blocks, 4);
    ck_assert_uint_eq(report->leaks[0].scans_seen, 1);
    ck_assert_ptr_null(report->leaks[0].before);
    ck_leak(1, REPORT_LEAK_INDIRECT, 160, 4);
    ck_assert_uint_eq(report->leaks[1].indirect_blocks, 0);
    ck_leak(2, REPORT_LEAK_POSSIBLE, 40, 1);
    ck_leak(3, REPORT_LEAK_REACHABLE, 40, 1);
    ck_assert_uint_eq(report->leaked_bytes, 240);
    ck_assert_uint_eq(report->leaked_blocks, 6);
    ck_assert_uint_eq(report->scan_count, 1);
    ck_assert_ptr_eq(report->judge, &report->scans[0]);
    ck_assert_str_eq(report->judge->reason, "exit");
    ck_assert_str_eq(report->judge->stop, "alone");
    ck_assert_uint_eq(report->judge->classes[REPORT_LEAK_INDIRECT].bytes, 160);
    ck_assert_uint_eq(report->judge->pause_ns, 2000);
    ck_assert_uint_eq(report->judge->duration_ns, 3000);
    report_free(report);
}
END_TEST

/* The second block hangs on the first one and on the third, which is suppressed; nothing is
 * certain, so nothing was lost with the first. */
START_TEST(leaks_suppressed_with_another_block_when_nothing_is_certain)
{
    const uint64_t library = DATA + 32 * PAGE;
    setup();
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", library, library, library + PAGE, "",
                 "/opt/other", U(0));
    builder_cold(stream, VMT_OP_FACT, "ss", "lsan_suppressions", "leak:other");
    block(0, a);
    block(1, b);
    block(2, builder_stack(stream, 1, library + 0x10));
    begin((struct fixture_scan){.reason = VMT_SCAN_EXIT, .stop = VMT_STOP_NONE, .threads = 2});
    fixture_pointer(stream, HEAP, HEAP + 64);
    fixture_pointer(stream, HEAP + 2 * 64, HEAP + 64);
    fixture_scan_end(stream, 0, 2);
    end();
    ck_assert_uint_eq(report->leak_count, 3);
    for (size_t i = 0; i < report->leak_count; i++) {
        const struct report_leak *leak = &report->leaks[i];
        bool own = leak->site->stack->frames[0].offset == 0xf && /* before the return address */
                   strcmp(leak->site->stack->frames[0].module, "/opt/app") == 0;
        ck_assert_int_eq(leak->class, REPORT_LEAK_POSSIBLE);
        ck_assert_int_eq(leak->suppressed, !own);
        ck_assert_uint_eq(leak->indirect_bytes, 0);
        ck_assert_uint_eq(leak->indirect_blocks, 0);
    }
    report_free(report);
}
END_TEST

/* After the scan one lost block is released, its address given out again, and another grows. */
START_TEST(leaks_what_came_or_went_after_the_scan_is_none)
{
    setup();
    for (uint64_t i = 0; i < 4; i++)
        block(i, a);
    begin(at_exit);
    fixture_scan_end(stream, 0, 0);
    builder_free(stream, VMT_FREE, HEAP);
    builder_free(stream, VMT_FREE, HEAP + 64);
    block(1, a);
    builder_realloc_begin(stream, HEAP + 128);
    builder_alloc(stream, VMT_REALLOC, HEAP + 128, 48, b);
    end();
    ck_assert_uint_eq(report->leak_count, 3);
    ck_leak(0, REPORT_LEAK_DEFINITE, 40, 1);
    ck_leak(1, REPORT_LEAK_UNSCANNED, 48, 1);
    ck_leak(2, REPORT_LEAK_UNSCANNED, 40, 1);
    ck_assert_uint_eq(report->leaked_bytes, 40);
    ck_assert_uint_eq(report->live_bytes_at_end, 128);
    report_free(report);
}
END_TEST

START_TEST(leaks_threads_that_ran_on_make_them_possible)
{
    setup();
    block(0, a);
    block(1, b);
    begin((struct fixture_scan){.stop = VMT_STOP_NONE});
    fixture_pointer(stream, HEAP, HEAP + 64);
    fixture_scan_end(stream, 0, 1);
    end();
    ck_assert_uint_eq(report->leak_count, 2);
    ck_leak(0, REPORT_LEAK_POSSIBLE, 40, 1);
    ck_leak(1, REPORT_LEAK_POSSIBLE, 40, 1);
    ck_assert(!report->judge->certain);
    ck_assert_uint_eq(report->leaked_bytes, 0);
    ck_assert_uint_eq(report->judge->classes[REPORT_LEAK_POSSIBLE].blocks, 2);
    report_free(report);
}
END_TEST

/* One of two threads is not told of. */
START_TEST(leaks_with_a_thread_unseen_are_possible)
{
    setup();
    block(0, a);
    begin((struct fixture_scan){.stop = VMT_STOP_PTRACE, .threads = 2});
    fixture_scan_end(stream, 0, 0);
    end();
    ck_leak(0, REPORT_LEAK_POSSIBLE, 40, 1);
    report_free(report);
}
END_TEST

START_TEST(leaks_lost_events_make_them_possible)
{
    setup();
    trace_builder_header(builder)->lost_events = 3;
    block(0, a);
    begin(at_exit);
    fixture_scan_end(stream, 0, 0);
    end();
    ck_leak(0, REPORT_LEAK_POSSIBLE, 40, 1);
    ck_assert(!report->judge->all_blocks);
    report_free(report);
}
END_TEST

/* 1, then 3 blocks of a and 1 of b are lost; the last scan fails. */
START_TEST(leaks_grow_from_scan_to_scan)
{
    setup();
    block(0, a);
    snapshot(1, "first");
    fixture_scan_end(stream, 0, 0);
    block(1, a);
    block(2, a);
    block(3, b);
    snapshot(2, "second");
    fixture_scan_end(stream, 0, 0);
    block(4, b);
    begin((struct fixture_scan){.number = 3});
    fixture_scan_end(stream, 110, 0);
    end();
    ck_assert_str_eq(report->scan, "complete");
    ck_assert_uint_eq(report->scan_count, 3);
    ck_assert_ptr_eq(report->judge, &report->scans[1]);
    ck_assert_str_eq(report->scans[2].failure, "it took too long");
    ck_leak(0, REPORT_LEAK_DEFINITE, 120, 3);
    ck_assert_uint_eq(report->leaks[0].scans_seen, 2);
    ck_assert_ptr_eq(report->leaks[0].before, &report->scans[0]);
    ck_assert_uint_eq(report->leaks[0].before_blocks, 1);
    ck_assert_uint_eq(report->leaks[0].before_bytes, 40);
    ck_leak(1, REPORT_LEAK_DEFINITE, 40, 1);
    ck_assert_uint_eq(report->leaks[1].scans_seen, 1);
    ck_assert_uint_eq(report->leaks[1].before_blocks, 0);
    ck_leak(2, REPORT_LEAK_UNSCANNED, 40, 1);
    report_free(report);
}
END_TEST

/* Before, in, and after the phase; one in it is indirect. */
START_TEST(leaks_are_counted_by_phase)
{
    setup();
    block(0, a);
    builder_cold(stream, VMT_OP_PHASE_BEGIN, "s", "load");
    block(1, a);
    block(2, a);
    block(3, a);
    builder_cold(stream, VMT_OP_PHASE_END, "s", "load");
    block(4, a);
    begin(at_exit);
    fixture_pointer(stream, DATA, HEAP + 192);
    fixture_pointer(stream, HEAP + 64, HEAP + 128);
    fixture_scan_end(stream, 0, 2);
    end();
    ck_assert_uint_eq(report->phase_count, 1);
    ck_assert_uint_eq(report->phases[0].leaked_bytes, 80);
    ck_assert_uint_eq(report->phases[0].leaked_blocks, 2);
    ck_assert_uint_eq(report->leaked_blocks, 4);
    report_free(report);
}
END_TEST

/* A block's of a pool, in a reachable and in a lost block, and in a mapping. */
START_TEST(leaks_of_pools_share_their_blocks_fate)
{
    setup();
    block(0, a);
    block(1, a);
    builder_cold(stream, VMT_OP_POOL, "us", U(1), "arena");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), HEAP + 8, U(10), a);
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), HEAP + 64 + 8, U(20), b);
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), U(0x10000), U(30), a);
    begin(at_exit);
    fixture_pointer(stream, DATA, HEAP);
    fixture_scan_end(stream, 0, 1);
    end();
    ck_assert_uint_eq(report->leak_count, 4);
    ck_leak(0, REPORT_LEAK_DEFINITE, 40, 1);
    ck_leak(1, REPORT_LEAK_DEFINITE, 20, 1);
    ck_leak(2, REPORT_LEAK_REACHABLE, 40, 1);
    ck_leak(3, REPORT_LEAK_REACHABLE, 40, 2);
    ck_assert_uint_eq(report->leaked_bytes, 40);
    report_free(report);
}
END_TEST

/* Each of 1,000 bytes that was chosen with 1 in 100 stands for about 10. */
START_TEST(leaks_of_a_sampled_trace_are_estimates)
{
    setup();
    trace_builder_header(builder)->sample_interval = 10000;
    for (uint64_t i = 0; i < 4; i++)
        builder_alloc(stream, VMT_MALLOC, HEAP + i * 1024, 1000, a);
    begin(at_exit);
    fixture_pointer(stream, DATA, HEAP);
    fixture_scan_end(stream, 0, 1);
    end();
    ck_assert_uint_eq(report->leak_count, 2);
    ck_assert_int_eq(report->leaks[0].class, REPORT_LEAK_DEFINITE);
    ck_assert(report->leaks[0].estimated);
    ck_assert_uint_eq(report->leaks[0].recorded, 3);
    ck_assert_uint_eq(report->leaks[0].blocks, 32); /* 3 / (1 - exp(-0.1)) = 31.5 */
    ck_assert_uint_eq(report->leaked_blocks, 32);
    ck_assert_uint_eq(report->leaked_margin.blocks, report->leaks[0].margin.blocks);
    ck_assert_uint_gt(report->leaked_margin.blocks, 0);
    ck_assert_uint_lt(report->leaked_margin.blocks, report->live_margin.blocks);
    report_free(report);
}
END_TEST

/* Why there is no verdict. */
START_TEST(leaks_without_a_scan_are_all_that_lives)
{
    setup();
    block(0, a);
    end();
    ck_assert_str_eq(report->scan, "failed: there is no scan in the trace");
    ck_leak(0, REPORT_LEAK_UNSCANNED, 40, 1);
    ck_assert_uint_eq(report->leaked_bytes, 40);
    ck_assert_ptr_null(report->judge);
    report_free(report);
    setup();
    end();
    ck_assert_str_eq(report->scan,
                     "failed: no allocation was recorded: it made none, or not by malloc");
    report_free(report);
    setup();
    block(0, a);
    builder_cold(stream, VMT_OP_EXEC, "s", "/bin/true");
    report = fixture_report(builder);
    ck_assert_str_eq(report->scan, "failed: the process was replaced by another program");
    report_free(report);
    setup();
    block(0, a);
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(11), (int64_t)1, U(0), a);
    report = fixture_report(builder);
    ck_assert_str_eq(report->scan, "failed: the process ended by signal 11");
    report_free(report);
    setup();
    block(0, a);
    builder_cold(stream, VMT_OP_FACT, "ss", "scan", "off");
    end();
    ck_assert_str_eq(report->scan, "off");
    report_free(report);
    setup();
    block(0, a);
    begin(at_exit);
    fixture_scan_end(stream, 110, 0);
    end();
    ck_assert_str_eq(report->scan, "failed: it took too long");
    report_free(report);
}
END_TEST

UNIT_MAIN("report_leaks", leaks_suppressed_with_another_block_when_nothing_is_certain,
          leaks_by_class_and_site_with_what_hangs_on_them,
          leaks_what_came_or_went_after_the_scan_is_none,
          leaks_threads_that_ran_on_make_them_possible, leaks_with_a_thread_unseen_are_possible,
          leaks_lost_events_make_them_possible, leaks_grow_from_scan_to_scan,
          leaks_are_counted_by_phase, leaks_of_pools_share_their_blocks_fate,
          leaks_of_a_sampled_trace_are_estimates, leaks_without_a_scan_are_all_that_lives)
