/* SPDX-License-Identifier: Apache-2.0 */
/* Faults as the report has them; fault_targets.c and fault_hints.c are covered here, too. */
#include <string.h>

#include "model_fixture.h"
#include "unit_main.h"

#define CODE U(0x401234)
#define TRACER_CODE U(0x901000)
#define HEAP U(0x7f0000000000)
#define PAGE U(4096)

static struct trace_builder *builder;
static struct builder_stream *one;
static uint32_t a;
static uint64_t now;

static void setup(void)
{
    builder = trace_builder_new();
    trace_builder_header(builder)->fault_source = VMT_FAULTS_PERF;
    one = trace_builder_stream(builder, 100);
    a = builder_stack(one, 1, U(0x405000));
    now = 0;
    builder_cold(one, VMT_OP_MODULE_LOAD, "uuussu", U(0), U(0x400000), U(0x480000), "", "/bin/x",
                 U(VMT_MODULE_MAIN));
    builder_cold(one, VMT_OP_MODULE_LOAD, "uuussu", U(0), U(0x900000), U(0x980000), "",
                 "/lib/libvmtrace.so", U(VMT_MODULE_TRACER));
}

static void fact(const char *key, const char *value)
{
    builder_cold(one, VMT_OP_FACT, "ss", key, value);
}

static void touch(uint64_t code, uint64_t address, size_t pages, unsigned bits)
{
    for (size_t i = 0; i < pages; i++) {
        const struct builder_fault detail = {code, address + i * PAGE, bits, 0};
        bool major = bits & VMT_FAULT_MAJOR;
        builder_at(one, AT(++now));
        builder_cold(one, VMT_OP_FAULTS, "uuf", U(!major), U(major), &detail, (size_t)1);
    }
}

static void end(uint64_t minor, uint64_t major)
{
    builder_cold(one, VMT_OP_END, "uuuuuuu", U(0), U(0), minor, major, U(0), U(0), U(0));
}

static void sample(uint64_t rss)
{
    builder_at(one, AT(now += 100));
    builder_cold(one, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(0), rss, U(0), U(0), U(0), U(0));
}

/* Of `size` bytes at HEAP so many pages are in memory. */
static void snapshot(uint64_t size, uint64_t pages)
{
    const uint64_t in = pages * PAGE;
    builder_cold(one, VMT_OP_RESIDENCY, "uuuuuus", U(0), in, in, U(0), U(0), U(0), "");
    builder_cold(one, VMT_OP_REGION, "uuuuuuuuuuuuuuuus", HEAP, size, U(3), U(0), U(0), U(0), in,
                 in, U(0), U(0), U(0), in, in, U(0), U(0), U(0), "[heap]");
    builder_cold(one, VMT_OP_PAGES, "uuu", HEAP, PAGE, pages << 4 | VMT_PAGE_PRESENT);
    builder_cold(one, VMT_OP_RESIDENCY_END, "uuuuuu", U(0), in, in, in, U(0), U(1));
}

static void map(uint64_t address, uint64_t length, const char *name)
{
    builder_cold(one, VMT_OP_MAP, "uuuuuuks", U(0), address, length, U(3), U(2), U(0x30000), a,
                 name);
}

static const struct report_fault_target *target_of(const struct report *report, const char *kind)
{
    for (size_t i = 0; i < report->fault_target_count; i++)
        if (strcmp(report->fault_targets[i]->kind, kind) == 0)
            return report->fault_targets[i];
    return NULL;
}

static bool hinted(const struct report *report, const char *text)
{
    for (size_t i = 0; i < report->fault_hint_count; i++)
        if (strstr(report->fault_hints[i], text))
            return true;
    return false;
}

START_TEST(report_faults_parts_add_up_to_getrusage)
{
    setup();
    fact("faults_before", "150 2");
    builder_alloc(one, VMT_MALLOC, HEAP, 100 * PAGE, a);
    touch(CODE, HEAP, 80, 0);
    touch(CODE, 0x20000000, 2, 0); /* nobody's */
    const struct builder_fault walk[] = {{CODE, HEAP + 90 * PAGE, 0, 0},
                                         {CODE, HEAP + 91 * PAGE, 0, 0}};
    builder_cold(one, VMT_OP_FAULTS, "uuf", U(40), U(1), walk, (size_t)2);
    builder_cold(one, VMT_OP_FAULTS, "uuf", U(30), U(0), walk, (size_t)0); /* getrusage */
    builder_free(one, VMT_FREE, HEAP);
    end(400, 6);
    struct report *report = fixture_report(builder);
    const struct report_fault_totals *totals = &report->fault_totals;
    ck_assert_uint_eq(totals->total, 406);
    ck_assert_uint_eq(totals->described, 84);
    ck_assert_uint_eq(totals->inferred, 10);
    ck_assert_uint_eq(totals->counted, 30);
    ck_assert_uint_eq(totals->lost, 29);
    ck_assert_uint_eq(totals->before, 152);
    ck_assert_uint_eq(totals->unseen, 406 - 84 - 10 - 30 - 29 - 152);
    ck_assert_uint_eq(totals->owned, 92);
    ck_assert_uint_eq(totals->estimated_ns, 400 * totals->minor_ns + 6 * totals->major_ns);
    ck_assert(!totals->minor_measured && !totals->major_measured);
    ck_assert_uint_eq(report->attributed_minor, 92 + 30 + 28);
    ck_assert_uint_eq(report->fault_site_count, 1);
    const struct report_site *site = report->fault_sites[0];
    ck_assert_uint_eq(site->counted_minor + site->counted_major, totals->counted + totals->lost);
    ck_assert_uint_eq(report->attributed_major, 1);
    report_free(report);
}
END_TEST

START_TEST(report_faults_cost_is_measured_where_a_fact_says_so)
{
    setup();
    fact("fault_ns", "700");
    builder_alloc(one, VMT_MALLOC, HEAP, 100 * PAGE, a);
    touch(CODE, HEAP, 10, 0);
    touch(CODE, HEAP + 10 * PAGE, 2, VMT_FAULT_MAJOR);
    struct report *report = fixture_report(builder);
    ck_assert(report->fault_totals.minor_measured);
    ck_assert(!report->fault_totals.major_measured);
    ck_assert_uint_eq(report->fault_totals.total, REPORT_UNKNOWN);
    ck_assert_uint_eq(report->fault_totals.estimated_ns, 7000 + 2 * report->fault_totals.major_ns);
    report_free(report);
}
END_TEST

/* Without a symbolizer code is told apart by its address, and a binary's parts not at all. */
START_TEST(report_faults_ranked_by_code_target_and_pair)
{
    setup();
    builder_alloc(one, VMT_MALLOC, HEAP, 100 * PAGE, a);
    map(0x10000000, 64 * PAGE, "/tmp/file");
    touch(CODE, HEAP, 20, 0);
    touch(CODE + 8, HEAP + 20 * PAGE, 10, 0);
    touch(CODE, 0x10000000, 5, 0);
    touch(CODE, 0x10005000, 6, VMT_FAULT_MAJOR);
    touch(CODE, 0x440000, 3, 0);
    touch(TRACER_CODE, 0x30000000, 4, 0);
    touch(0, HEAP + 50 * PAGE, 2, VMT_FAULT_KERNEL);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->fault_count, 6);
    ck_assert_uint_eq(report->faults[0].counts.minor, 20);
    ck_assert_ptr_eq(report->faults[0].code, report->fault_codes[0]);
    ck_assert_ptr_eq(report->faults[0].target, report->fault_targets[0]);
    ck_assert_uint_eq(report->fault_codes[0]->counts.minor, 28);
    ck_assert_uint_eq(report->fault_codes[0]->counts.major, 6);
    ck_assert_uint_eq(report->fault_codes[0]->stack->frames[0].offset, CODE);
    ck_assert_uint_eq(report->fault_targets[0]->counts.minor, 32);
    ck_assert_uint_eq(report->fault_targets[0]->counts.kernel, 2);
    ck_assert_uint_eq(report->fault_targets[0]->site->minor_faults, 32);
    const struct report_fault_target *file = target_of(report, "file");
    ck_assert_str_eq(file->name, "/tmp/file");
    ck_assert_uint_eq(file->first_offset, 0x30000);
    ck_assert_uint_eq(file->last_offset, 0x30000 + 10 * PAGE);
    ck_assert_uint_eq(report->fault_targets[0]->first_offset, REPORT_UNKNOWN);
    ck_assert_uint_eq(file->counts.kinds[REPORT_FAULT_DISK], 6);
    ck_assert_uint_eq(file->counts.kinds[REPORT_FAULT_CACHED], 5);
    ck_assert_uint_eq(target_of(report, "data")->counts.minor, 3);
    ck_assert_str_eq(target_of(report, "data")->module, "/bin/x");
    ck_assert_uint_eq(target_of(report, "tracer")->counts.minor, 4);
    ck_assert_ptr_null(target_of(report, "other"));
    report_free(report);
}
END_TEST

/* A piece of a mapping, in another place, is still the same part of the file. */
START_TEST(report_faults_offsets_stay_with_the_file)
{
    setup();
    map(0x10000000, 64 * PAGE, "/tmp/file");
    builder_cold(one, VMT_OP_UNMAP, "uuuk", U(0), U(0x10000000), 32 * PAGE, a);
    builder_cold(one, VMT_OP_REMAP_BEGIN, "uu", U(0x10020000), 32 * PAGE);
    builder_cold(one, VMT_OP_REMAP_END, "uuk", U(0x50000000), 64 * PAGE, a);
    touch(CODE, 0x50000000, 2, 0);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(target_of(report, "file")->first_offset, 0x50000);
    ck_assert_uint_eq(target_of(report, "file")->last_offset, 0x51000);
    report_free(report);
}
END_TEST

START_TEST(report_faults_threads_have_names)
{
    setup();
    builder_cold(one, VMT_OP_STACK, "uu", U(0x7ffe00000000), U(0x7ffe00800000));
    touch(CODE, 0x7ffe00001000, 1, 0);
    struct report *report = fixture_report(builder);
    ck_assert_str_eq(target_of(report, "stack")->name, "main thread");
    report_free(report);
    setup();
    builder_cold(one, VMT_OP_THREAD, "u", U(107));
    builder_cold(one, VMT_OP_THREAD_NAME, "us", U(107), "worker");
    builder_cold(one, VMT_OP_STACK, "uu", U(0x7ffe00000000), U(0x7ffe00800000));
    touch(CODE, 0x7ffe00001000, 1, 0);
    report = fixture_report(builder);
    ck_assert_str_eq(target_of(report, "stack")->name, "thread 107, worker");
    report_free(report);
    setup();
    touch(CODE, 0x7f80007ff000, 1, 0); /* by who made the thread: its data, above its stack */
    touch(CODE, 0x7f8000900000, 1, 0);
    builder_cold(one, VMT_OP_THREAD, "u", U(108));
    builder_cold(one, VMT_OP_STACK, "uu", U(0x7f8000000000), U(0x7f80007fe6c0));
    report = fixture_report(builder);
    ck_assert_str_eq(target_of(report, "stack")->name, "thread 108");
    ck_assert_uint_eq(target_of(report, "other")->counts.minor, 1);
    report_free(report);
}
END_TEST

START_TEST(report_faults_thrash_is_hinted_at)
{
    setup();
    fact("allocator", "/lib/x86_64-linux-gnu/libc.so.6");
    for (unsigned i = 0; i < 4; i++) {
        builder_alloc(one, VMT_MALLOC, HEAP + 16, 300 * PAGE, a);
        touch(CODE, HEAP + PAGE, 299, 0);
        builder_free(one, VMT_FREE, HEAP + 16);
    }
    struct report *report = fixture_report(builder);
    ck_assert(hinted(report, "MALLOC_MMAP_THRESHOLD_"));
    ck_assert_uint_eq(report->fault_hint_count, 1);
    report_free(report);
    setup();
    map(0x10000000, 300 * PAGE, "");
    for (unsigned i = 0; i < 4; i++) {
        touch(CODE, 0x10000000, 300, 0);
        builder_cold(one, VMT_OP_ADVISE, "uuuk", U(0x10000000), 300 * PAGE, U(4), a);
    }
    report = fixture_report(builder);
    ck_assert(hinted(report, "Give it back less often"));
    ck_assert_ptr_nonnull(target_of(report, "mapping")->giver);
    report_free(report);
}
END_TEST

/* Most of the memory was touched once. */
START_TEST(report_faults_some_return_is_no_thrash)
{
    setup();
    map(0x10000000, 1000 * PAGE, "");
    touch(CODE, 0x10000000, 1000, 0);
    builder_cold(one, VMT_OP_ADVISE, "uuuk", U(0x10000000), 1000 * PAGE, U(4), a);
    touch(CODE, 0x10000000, 1000, 0);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(target_of(report, "mapping")->counts.kinds[REPORT_FAULT_RETURN], 1000);
    ck_assert_uint_eq(report->fault_hint_count, 0);
    report_free(report);
}
END_TEST

START_TEST(report_faults_copies_are_hinted_at)
{
    setup();
    builder_alloc(one, VMT_MALLOC, HEAP, 1000 * PAGE, a);
    touch(CODE, HEAP, 1000, 0);
    builder_cold(one, VMT_OP_FORK, "u", U(200));
    touch(CODE, HEAP, 600, 0);
    struct report *report = fixture_report(builder);
    ck_assert(hinted(report, "after 1 fork the program wrote to 2.34 MiB"));
    report_free(report);
}
END_TEST

/* `resident` and `grown`: pages. */
static struct report *forked_child(uint64_t resident, uint64_t grown)
{
    setup();
    trace_builder_header(builder)->flags = VMT_FLAG_FORKED;
    sample(resident * PAGE);
    touch(CODE, HEAP, 1000, 0);
    sample((resident + grown) * PAGE);
    return fixture_report(builder);
}

START_TEST(report_faults_copies_of_a_child_do_not_raise_rss)
{
    struct report *report = forked_child(2000, 100);
    const struct report_fault_target *target = target_of(report, "other");
    ck_assert(hinted(report, "this child wrote to 3.52 MiB"));
    ck_assert(strstr(target->name, "inherited") != NULL);
    ck_assert_uint_eq(target->counts.kinds[REPORT_FAULT_COPY], 900);
    ck_assert_uint_eq(target->counts.kinds[REPORT_FAULT_FIRST], 100);
    report_free(report);
    report = forked_child(2000, 1000);
    ck_assert_uint_eq(target_of(report, "other")->counts.kinds[REPORT_FAULT_FIRST], 1000);
    ck_assert_uint_eq(report->fault_hint_count, 0);
    report_free(report);
    report = forked_child(30, 0); /* there was not more to be copied */
    ck_assert_uint_eq(target_of(report, "other")->counts.kinds[REPORT_FAULT_COPY], 30);
    ck_assert_uint_eq(report->fault_hint_count, 0);
    report_free(report);
}
END_TEST

/* The first sample came when they were touched already. */
START_TEST(report_faults_own_blocks_of_a_child_are_no_copies)
{
    setup();
    trace_builder_header(builder)->flags = VMT_FLAG_FORKED;
    for (uint64_t i = 0; i < 1000; i++) {
        builder_alloc(one, VMT_MALLOC, HEAP + i * PAGE, 200, a);
        touch(CODE, HEAP + i * PAGE, 1, 0);
    }
    builder_cold(one, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(0), 1100 * PAGE, U(0), U(1000), U(0), U(0));
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(target_of(report, "heap")->counts.kinds[REPORT_FAULT_COPY], 0);
    ck_assert_uint_eq(target_of(report, "heap")->counts.kinds[REPORT_FAULT_FIRST], 1000);
    ck_assert(!hinted(report, "Copy-on-write"));
    report_free(report);
}
END_TEST

/* The last sample is older than the last records. */
START_TEST(report_faults_of_a_killed_process_are_at_least_so_many)
{
    setup();
    builder_alloc(one, VMT_MALLOC, HEAP, 100 * PAGE, a);
    touch(CODE, HEAP, 80, 0);
    builder_cold(one, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(0), U(0), U(0), U(50), U(1), U(0));
    struct report *report = fixture_report(builder);
    ck_assert(report->fault_totals.at_least);
    ck_assert_uint_eq(report->fault_totals.total, 80);
    report_free(report);
}
END_TEST

/* Pages that came without a fault of their own. */
START_TEST(report_faults_untouched_is_not_said_of_files_and_moved_memory)
{
    for (unsigned what = 0; what < 5; what++) {
        bool said = what >= 3;
        setup();
        if (what == 0) {
            map(0x10000000, 1000 * PAGE, "/tmp/file");
        } else if (what == 1) {
            map(0x10000000, 500 * PAGE, "");
            builder_cold(one, VMT_OP_REMAP_BEGIN, "uu", U(0x10000000), 500 * PAGE);
            builder_cold(one, VMT_OP_REMAP_END, "uuk", U(0x50000000), 1000 * PAGE, a);
        } else if (what == 3) {
            map(0x10000000, 1000 * PAGE, "");
        } else {
            builder_alloc(one, what == 2 ? VMT_REALLOC : VMT_MALLOC, HEAP, 1000 * PAGE, a);
        }
        touch(CODE, what == 1 ? U(0x50000000) : what % 3 == 0 ? U(0x10000000) : HEAP, 10, 0);
        end(12, 0);
        struct report *report = fixture_report(builder);
        ck_assert_int_eq(hinted(report, "ever touched"), said);
        ck_assert_int_eq(hinted(report, "Of 3.91 MiB that"), said);
        report_free(report);
    }
}
END_TEST

/* ... as a snapshot shows. */
START_TEST(report_faults_untouched_is_not_said_of_what_is_resident)
{
    const uint64_t size = 1000 * PAGE;
    for (unsigned resident = 0; resident < 2; resident++) {
        setup();
        builder_alloc(one, VMT_MALLOC, HEAP, size, a);
        touch(CODE, HEAP, 10, 0);
        snapshot(size, resident ? 500 : 10);
        end(12, 0);
        struct report *report = fixture_report(builder);
        ck_assert_int_eq(hinted(report, "ever touched"), !resident);
        report_free(report);
    }
}
END_TEST

START_TEST(report_faults_disk_waits_are_of_files_not_of_mappings)
{
    setup();
    uint32_t b = builder_stack(one, 1, U(0x406000));
    map(0x10000000, 64 * PAGE, "/tmp/file");
    builder_cold(one, VMT_OP_MAP, "uuuuuuks", U(0), U(0x20000000), 64 * PAGE, U(3), U(2), U(0), b,
                 "/tmp/file");
    touch(CODE, 0x10000000, 12, VMT_FAULT_MAJOR);
    touch(CODE, 0x20000000, 10, VMT_FAULT_MAJOR);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->fault_hint_count, 1);
    ck_assert(hinted(report, "22 times the program waited for the disk in /tmp/file"));
    report_free(report);
}
END_TEST

START_TEST(report_faults_several_files_of_one_site_have_no_name)
{
    setup();
    map(0x10000000, 64 * PAGE, "/tmp/file");
    map(0x20000000, 64 * PAGE, "/tmp/other");
    touch(CODE, 0x10000000, 1, 0);
    struct report *report = fixture_report(builder);
    ck_assert_ptr_null(target_of(report, "file")->name);
    report_free(report);
}
END_TEST

/* The heaviest: others about the same memory might say the contrary. */
START_TEST(report_faults_one_hint_for_a_place)
{
    setup();
    fact("allocator", "/lib/x86_64-linux-gnu/libc.so.6");
    fact("thp_enabled", "always [madvise] never");
    for (unsigned i = 0; i < 4; i++) {
        builder_alloc(one, VMT_MALLOC, HEAP + 16, 3000 * PAGE, a);
        touch(CODE, HEAP + PAGE, 600, 0);
        builder_free(one, VMT_FREE, HEAP + 16);
    }
    end(2400, 0);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->fault_hint_count, 1);
    ck_assert(hinted(report, "MALLOC_MMAP_THRESHOLD_"));
    report_free(report);
}
END_TEST

START_TEST(report_faults_hints_are_few)
{
    setup();
    for (uint64_t i = 0; i < 100; i++)
        builder_alloc(one, VMT_MALLOC, HEAP + i * (U(16) << 20), U(8) << 20,
                      builder_stack(one, 1, 0x410000 + i));
    touch(CODE, HEAP, 1, 0);
    end(1, 0);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->fault_hint_count, 32);
    report_free(report);
}
END_TEST

/* Half of it is not "nearly all". */
START_TEST(report_faults_huge_pages_for_what_is_touched_as_a_whole)
{
    setup();
    fact("thp_enabled", "always [madvise] never");
    builder_alloc(one, VMT_MALLOC, HEAP, 3000 * PAGE, a);
    touch(CODE, HEAP, 2000, 0);
    struct report *report = fixture_report(builder);
    ck_assert(!hinted(report, "madvise(MADV_HUGEPAGE)"));
    report_free(report);
}
END_TEST

START_TEST(report_faults_disk_and_huge_pages_are_hinted_at)
{
    setup();
    fact("thp_enabled", "always [madvise] never");
    builder_alloc(one, VMT_MALLOC, HEAP, 2100 * PAGE, a);
    touch(CODE, HEAP, 2000, 0);
    map(0x10000000, 64 * PAGE, "/tmp/file");
    touch(CODE, 0x10000000, 20, VMT_FAULT_MAJOR);
    struct report *report = fixture_report(builder);
    ck_assert(hinted(report, "/tmp/file"));
    ck_assert(hinted(report, "madvise(MADV_HUGEPAGE)"));
    ck_assert_uint_eq(report->fault_hint_count, 2);
    report_free(report);
}
END_TEST

/* Of what nobody saw all may have been in the block: then there is nothing to be said. */
START_TEST(report_faults_untouched_needs_all_faults_to_be_known)
{
    for (unsigned unseen = 0; unseen < 2; unseen++) {
        setup();
        builder_alloc(one, VMT_MALLOC, HEAP, 1000 * PAGE, a);
        touch(CODE, HEAP, 10, 0);
        end(unseen ? 900 : 12, 0);
        struct report *report = fixture_report(builder);
        ck_assert_int_eq(hinted(report, "ever touched"), !unseen);
        report_free(report);
    }
}
END_TEST

START_TEST(report_faults_densest_part_of_the_run)
{
    setup();
    for (uint64_t i = 0; i <= 20; i++) {
        uint64_t faults = i <= 10 ? i * 10 : i <= 15 ? 100 + (i - 10) * 1000 : 5100;
        builder_at(one, AT(i * 50000000));
        builder_cold(one, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(0), U(0), U(0), faults, U(0), U(0));
    }
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->fault_totals.fastest, 20000);
    ck_assert_uint_ge(report->fault_totals.fastest_ns, 500000000);
    ck_assert_uint_lt(report->fault_totals.fastest_ns, 750000000);
    report_free(report);
}
END_TEST

START_TEST(report_faults_unsampled_blocks_have_no_owner)
{
    setup();
    trace_builder_header(builder)->sample_interval = 4096;
    builder_alloc(one, VMT_MALLOC, HEAP, 64, a);
    touch(CODE, HEAP + 2 * PAGE, 3, 0);
    const uint64_t size = 16 * PAGE;
    builder_cold(one, VMT_OP_RESIDENCY, "uuuuuus", U(0), size, size, U(0), U(0), U(0), "");
    builder_cold(one, VMT_OP_REGION, "uuuuuuuuuuuuuuuus", HEAP, size, U(3), U(0), U(0), U(0), size,
                 size, U(0), U(0), U(0), size, size, U(0), U(0), U(0), "[heap]");
    builder_cold(one, VMT_OP_PAGES, "uuu", HEAP, PAGE, U(16) << 4 | VMT_PAGE_PRESENT);
    builder_cold(one, VMT_OP_RESIDENCY_END, "uuuuuu", U(0), size, size, size, U(0), U(1));
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(target_of(report, "heap")->counts.minor, 3);
    ck_assert_ptr_null(target_of(report, "heap")->site);
    ck_assert_uint_eq(report->fault_totals.owned, 0);
    report_free(report);
}
END_TEST

UNIT_MAIN("report_faults", report_faults_parts_add_up_to_getrusage,
          report_faults_cost_is_measured_where_a_fact_says_so,
          report_faults_ranked_by_code_target_and_pair, report_faults_offsets_stay_with_the_file,
          report_faults_threads_have_names, report_faults_thrash_is_hinted_at,
          report_faults_some_return_is_no_thrash, report_faults_copies_are_hinted_at,
          report_faults_copies_of_a_child_do_not_raise_rss,
          report_faults_own_blocks_of_a_child_are_no_copies,
          report_faults_of_a_killed_process_are_at_least_so_many,
          report_faults_untouched_is_not_said_of_files_and_moved_memory,
          report_faults_untouched_is_not_said_of_what_is_resident,
          report_faults_disk_waits_are_of_files_not_of_mappings,
          report_faults_several_files_of_one_site_have_no_name, report_faults_one_hint_for_a_place,
          report_faults_hints_are_few, report_faults_huge_pages_for_what_is_touched_as_a_whole,
          report_faults_disk_and_huge_pages_are_hinted_at,
          report_faults_untouched_needs_all_faults_to_be_known,
          report_faults_densest_part_of_the_run, report_faults_unsampled_blocks_have_no_owner)
