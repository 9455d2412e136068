/* SPDX-License-Identifier: Apache-2.0 */
#include "query/report.h"
#include "scan_fixture.h"
#include "unit_main.h"

#define HEAP UINT64_C(0x555555600000)
#define DATA UINT64_C(0x555555400000)
#define STACK UINT64_C(0x7ffffff00000)
#define MAPPED UINT64_C(0x7ffff0000000)
#define MS(milliseconds) AT((milliseconds)*U(1000000))

enum { LINES = 32 };

static struct trace_builder *builder;
static struct builder_stream *stream;
static struct report *report;
static uint32_t lines[LINES]; /* stacks with one frame each */

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 100);
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", DATA, DATA, DATA + 16 * PAGE, "", "/opt/app",
                 U(VMT_MODULE_MAIN));
    for (uint64_t i = 0; i < LINES; i++)
        lines[i] = builder_stack(stream, 1, DATA + 0x101 + 16 * i);
}

static void block(uint64_t address, uint64_t size, unsigned line)
{
    builder_alloc(stream, VMT_MALLOC, address, size, lines[line]);
}

static void begin(void)
{
    fixture_scan(stream, (struct fixture_scan){.reason = VMT_SCAN_EXIT});
    fixture_space(stream, DATA, 16, "/opt/app");
    fixture_space(stream, HEAP, 64, "[heap]");
    fixture_space(stream, MAPPED, 16, NULL);
    fixture_space(stream, STACK, 16, "[stack]");
    fixture_thread(stream, SCAN_TID, STACK + 8 * PAGE, 0);
}

static const struct report_retention *take(uint64_t pointers)
{
    const struct report_options options = {.resolve = false};
    fixture_scan_end(stream, 0, pointers);
    struct trace_model *model = fixture_take(builder);
    report = report_new(model, &options);
    trace_model_free(model);
    ck_assert_ptr_nonnull(report);
    ck_assert_ptr_nonnull(report->retention);
    return report->retention;
}

static const struct report_root *find_root(const struct report_retention *retention,
                                           enum report_root_kind kind, uint64_t offset)
{
    for (size_t i = 0; i < retention->root_count; i++)
        if (retention->roots[i].kind == kind && retention->roots[i].offset == offset)
            return &retention->roots[i];
    ck_abort_msg("no such root");
    return NULL;
}

static const struct report_kept *find_kept(const struct report_retention *retention, unsigned line)
{
    for (size_t i = 0; i < retention->kept_count; i++)
        if (retention->kept[i].site->stack->frames[0].offset == 0x100 + 16 * line)
            return &retention->kept[i];
    return NULL;
}

START_TEST(retention_report_names_each_kind_of_root)
{
    setup();
    builder_cold(stream, VMT_OP_THREAD_NAME, "us", SCAN_TID, "boss");
    builder_cold(stream, VMT_OP_STACK, "uu", STACK, STACK + 16 * PAGE);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), MAPPED, 8 * PAGE, U(3), U(0x22), U(0),
                 lines[9], "");
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), MAPPED + 8 * PAGE, 8 * PAGE, U(3), U(0x22),
                 U(0), lines[10], "");
    block(HEAP + 0x100, 100, 1);
    block(HEAP + 0x200, 200, 2);
    block(HEAP + 0x300, 300, 3);
    block(HEAP + 0x500, 50, 3);
    begin();
    fixture_pointer(stream, DATA + 0x208, HEAP + 0x100);
    fixture_pointer(stream, MAPPED + 8, HEAP + 0x300);
    fixture_pointer(stream, MAPPED + 8 * PAGE, HEAP + 0x500);
    fixture_pointer(stream, STACK + 9 * PAGE, HEAP + 0x200);
    const struct report_retention *retention = take(4);
    const struct report_root *data = find_root(retention, REPORT_ROOT_VARIABLE, 0x208);
    ck_assert_str_eq(data->module, "/opt/app");
    ck_assert_uint_eq(data->alone_bytes, 100);
    ck_assert_ptr_null(data->name);
    const struct report_root *stack = find_root(retention, REPORT_ROOT_STACK, REPORT_UNKNOWN);
    ck_assert_uint_eq(stack->alone_bytes, 200);
    ck_assert_uint_eq(stack->tid, SCAN_TID);
    ck_assert(stack->main_thread);
    ck_assert_str_eq(stack->name, "boss");
    const struct report_root *mapping = find_root(retention, REPORT_ROOT_MAPPING, REPORT_UNKNOWN);
    ck_assert_uint_eq(mapping->alone_bytes, 300);
    ck_assert_ptr_nonnull(mapping->site);
    ck_assert_uint_eq(mapping->site->stack->frames[0].offset, 0x100 + 16 * 9);
    ck_assert_uint_eq(retention->bytes, 650);
    ck_assert_uint_eq(retention->shared_bytes, 0);
    report_free(report);
}
END_TEST

START_TEST(retention_report_chain_is_by_place)
{
    setup();
    block(HEAP + 0x100, 64, 1);
    block(HEAP + 0x200, 64, 2);
    block(HEAP + 0x300, 64, 2);
    block(HEAP + 0x400, 64, 3);
    begin();
    fixture_pointer(stream, DATA + 0x208, HEAP + 0x100);
    fixture_pointer(stream, HEAP + 0x100, HEAP + 0x200);
    fixture_pointer(stream, HEAP + 0x200, HEAP + 0x300);
    fixture_pointer(stream, HEAP + 0x300, HEAP + 0x410);
    const struct report_retention *retention = take(4);
    const struct report_kept *kept = find_kept(retention, 3);
    ck_assert_ptr_nonnull(kept);
    ck_assert(kept->possible);
    ck_assert_uint_eq(kept->possible_bytes, 64);
    ck_assert_uint_eq(kept->step_count, 3);
    ck_assert_uint_eq(kept->left_out, 0);
    ck_assert_uint_eq(kept->steps[1].blocks, 2);
    ck_assert_ptr_eq(kept->steps[2].site, kept->site);
    ck_assert_uint_eq(kept->root.offset, 0x208);
    kept = find_kept(retention, 2);
    ck_assert(!kept->possible);
    ck_assert_uint_eq(kept->reachable_bytes, 128);
    ck_assert_uint_eq(kept->retained_bytes, 192);
    ck_assert_uint_eq(kept->retained_blocks, 3);
    report_free(report);
}
END_TEST

START_TEST(retention_report_callers_do_not_part_a_place)
{
    setup();
    uint32_t other = builder_stack(stream, 2, DATA + 0x901, DATA + 0x101 + 16);
    block(HEAP + 0x100, 10, 1);
    builder_alloc(stream, VMT_MALLOC, HEAP + 0x200, 90, other);
    begin();
    fixture_pointer(stream, DATA + 0x208, HEAP + 0x100);
    fixture_pointer(stream, HEAP + 0x200, HEAP + 0x100);
    fixture_pointer(stream, STACK + 9 * PAGE, HEAP + 0x200);
    const struct report_retention *retention = take(3);
    ck_assert_uint_eq(retention->kept_count, 1);
    ck_assert_uint_eq(retention->kept[0].sites, 2);
    ck_assert_uint_eq(retention->kept[0].reachable_bytes, 100);
    ck_assert_uint_eq(retention->kept[0].site->stack->count, 2); /* that with more */
    ck_assert_uint_eq(retention->kept[0].way_bytes, 90);
    report_free(report);
}
END_TEST

START_TEST(retention_report_long_chain_keeps_its_end)
{
    setup();
    for (unsigned i = 0; i < LINES; i++)
        block(HEAP + 0x100 * (i + 1), 64, i);
    begin();
    fixture_pointer(stream, DATA, HEAP + 0x100);
    for (uint64_t i = 1; i < LINES; i++)
        fixture_pointer(stream, HEAP + 0x100 * i, HEAP + 0x100 * (i + 1));
    const struct report_kept *kept = find_kept(take(LINES), LINES - 1);
    ck_assert_uint_eq(kept->step_count, 16);
    ck_assert_uint_eq(kept->left_out, LINES - 16);
    ck_assert_ptr_eq(kept->steps[15].site, kept->site);
    ck_assert_uint_eq(kept->steps[0].site->stack->frames[0].offset, 0x100 + 16 * 16);
    report_free(report);
}
END_TEST

/* The first is there from the start, the second comes all the time, the third stops half-way, the
 * fourth is replaced all the time, the fifth begins half-way and stops before the end, the sixth
 * comes all the time and is lost but for its first block. */
START_TEST(retention_report_growth_is_what_still_comes)
{
    setup();
    uint64_t pointers = 0;
    block(HEAP + 0x40, 40, 0);
    for (uint64_t i = 0; i < 100; i++) {
        builder_at(stream, MS(10 * i));
        block(HEAP + 0x1000 + 0x40 * i, 10, 1);
        block(HEAP + 0x8000 + 0x40 * i, 10, 5);
        if (i < 50) {
            builder_at(stream, MS(10 * i));
            block(HEAP + 0x4000 + 0x40 * i, 10, 2);
        }
        if (i >= 50 && i < 84) {
            builder_at(stream, MS(10 * i));
            block(HEAP + 0x6000 + 0x40 * i, 10, 4);
        }
        builder_at(stream, MS(10 * i));
        block(HEAP + 0x80, 30, 3);
        if (i < 99) {
            builder_at(stream, MS(10 * i));
            builder_free(stream, VMT_FREE, HEAP + 0x80);
        }
    }
    builder_at(stream, MS(1000));
    begin();
    fixture_pointer(stream, DATA, HEAP + 0x40), pointers++;
    fixture_pointer(stream, DATA + 8, HEAP + 0x80), pointers++;
    fixture_pointer(stream, DATA + 0x10, HEAP + 0x8000), pointers++; /* all others are lost */
    for (uint64_t i = 0; i < 100; i++, pointers++)
        fixture_pointer(stream, DATA + 0x100 + 8 * i, HEAP + 0x1000 + 0x40 * i);
    for (uint64_t i = 0; i < 50; i++, pointers++)
        fixture_pointer(stream, DATA + 0x800 + 8 * i, HEAP + 0x4000 + 0x40 * i);
    for (uint64_t i = 50; i < 84; i++, pointers++)
        fixture_pointer(stream, DATA + 0x1000 + 8 * i, HEAP + 0x6000 + 0x40 * i);
    const struct report_retention *retention = take(pointers);
    ck_assert(!find_kept(retention, 4)->grows);
    ck_assert(find_kept(retention, 1)->grows);
    ck_assert(!find_kept(retention, 0)->grows);
    ck_assert(!find_kept(retention, 2)->grows);
    ck_assert(!find_kept(retention, 3)->grows);
    ck_assert(!find_kept(retention, 5)->grows);
    ck_assert_uint_eq(find_kept(retention, 5)->quarters[0], 10);
    ck_assert_uint_eq(find_kept(retention, 5)->quarters[3], 0);
    ck_assert_ptr_eq(&retention->kept[0], find_kept(retention, 1));
    const struct report_kept *kept = find_kept(retention, 1);
    for (size_t i = 0; i < REPORT_QUARTERS; i++) {
        ck_assert_uint_ge(kept->quarters[i], 200);
        ck_assert_uint_le(kept->quarters[i], 300);
    }
    report_free(report);
}
END_TEST

/* 100 and 200 bytes come all the time, beside 128 KiB. */
START_TEST(retention_report_growth_is_a_thousandth_at_least)
{
    setup();
    block(HEAP + 0x8000, 128 << 10, 0);
    for (uint64_t i = 0; i < 100; i++) {
        builder_at(stream, MS(10 * i));
        block(HEAP + 0x100 + 0x40 * i, 1, 1);
        block(HEAP + 0x4000 + 0x40 * i, 2, 2);
    }
    builder_at(stream, MS(1000));
    begin();
    fixture_pointer(stream, DATA, HEAP + 0x8000);
    for (uint64_t i = 0; i < 100; i++)
        fixture_pointer(stream, DATA + 0x100 + 8 * i, HEAP + 0x100 + 0x40 * i);
    for (uint64_t i = 0; i < 100; i++)
        fixture_pointer(stream, DATA + 0x800 + 8 * i, HEAP + 0x4000 + 0x40 * i);
    const struct report_retention *retention = take(201);
    ck_assert(!find_kept(retention, 1)->grows);
    ck_assert(find_kept(retention, 2)->grows);
    report_free(report);
}
END_TEST

START_TEST(retention_report_lost_blocks_are_not_in_it)
{
    setup();
    block(HEAP + 0x100, 64, 1);
    block(HEAP + 0x200, 64, 2);
    begin();
    fixture_pointer(stream, DATA, HEAP + 0x100);
    const struct report_retention *retention = take(1);
    ck_assert_ptr_nonnull(find_kept(retention, 1));
    ck_assert_ptr_null(find_kept(retention, 2));
    ck_assert_uint_eq(retention->blocks, 1);
    report_free(report);
}
END_TEST

UNIT_MAIN("report_retention", retention_report_names_each_kind_of_root,
          retention_report_chain_is_by_place, retention_report_callers_do_not_part_a_place,
          retention_report_long_chain_keeps_its_end, retention_report_growth_is_what_still_comes,
          retention_report_growth_is_a_thousandth_at_least,
          retention_report_lost_blocks_are_not_in_it)
