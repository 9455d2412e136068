/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_fixture.h"
#include "unit_main.h"

#define HEAP UINT64_C(0x555555600000)
#define DATA UINT64_C(0x555555400000)
#define STACK UINT64_C(0x7ffffff00000)
#define BLOCK(i) (HEAP + UINT64_C(0x100) * (i))

static struct trace_builder *builder;
static struct builder_stream *other, *stream; /* by rising number: in this order at one time */
static struct trace_model *model;
static uint32_t site;

static void setup(void)
{
    builder = trace_builder_new();
    other = trace_builder_stream(builder, 101);
    stream = trace_builder_stream(builder, 100);
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", DATA, DATA, DATA + 16 * PAGE, "", "/opt/app",
                 U(VMT_MODULE_MAIN));
    site = builder_stack(stream, 1, DATA + 0x10);
}

static void block(uint64_t address)
{
    builder_alloc(stream, VMT_MALLOC, address, 64, site);
}

static void scan(void)
{
    fixture_scan(stream, (struct fixture_scan){.reason = VMT_SCAN_EXIT});
    fixture_space(stream, DATA, 16, "/opt/app");
    fixture_space(stream, HEAP, 64, "[heap]");
    fixture_space(stream, STACK, 16, "[stack]");
    fixture_thread(stream, SCAN_TID, STACK + 8 * PAGE, 0);
}

static void take(uint64_t pointers)
{
    fixture_scan_end(stream, 0, pointers);
    model = fixture_take(builder);
    ck_assert_ptr_nonnull(reach_model_judge(&model->reach));
}

static void ck_class(uint64_t address, enum reach_class class)
{
    ck_assert_int_eq(fixture_class(model, address), class);
}

START_TEST(lsan_ignored_blocks_and_what_they_hold_are_reachable)
{
    setup();
    block(BLOCK(0));
    builder_cold(stream, VMT_OP_IGNORE_BEGIN, "");
    block(BLOCK(1));
    builder_cold(stream, VMT_OP_IGNORE_END, "");
    block(BLOCK(2));
    block(BLOCK(3));
    scan();
    fixture_pointer(stream, BLOCK(1) + 8, BLOCK(2));
    take(1);
    ck_class(BLOCK(0), REACH_DEFINITE);
    ck_class(BLOCK(1), REACH_REACHABLE);
    ck_class(BLOCK(2), REACH_REACHABLE);
    ck_class(BLOCK(3), REACH_DEFINITE);
    trace_model_free(model);
}
END_TEST

START_TEST(lsan_next_block_at_the_address_is_not_ignored)
{
    setup();
    builder_cold(stream, VMT_OP_IGNORE_BEGIN, "");
    block(BLOCK(0));
    builder_cold(stream, VMT_OP_IGNORE_END, "");
    builder_free(stream, VMT_FREE, BLOCK(0));
    block(BLOCK(0));
    scan();
    take(0);
    ck_class(BLOCK(0), REACH_DEFINITE);
    trace_model_free(model);
}
END_TEST

START_TEST(lsan_threads_ignore_for_themselves)
{
    setup();
    uint32_t there = builder_stack(other, 1, DATA + 0x20);
    builder_cold(other, VMT_OP_IGNORE_BEGIN, "");
    builder_alloc(other, VMT_MALLOC, BLOCK(1), 64, there);
    builder_cold(other, VMT_OP_THREAD, "u", U(102));
    builder_alloc(other, VMT_MALLOC, BLOCK(2), 64, there);
    block(BLOCK(0));
    scan();
    take(0);
    ck_class(BLOCK(0), REACH_DEFINITE);
    ck_class(BLOCK(1), REACH_REACHABLE);
    ck_class(BLOCK(2), REACH_DEFINITE);
    trace_model_free(model);
}
END_TEST

START_TEST(lsan_object_is_found_by_any_address_in_it)
{
    setup();
    block(BLOCK(0));
    block(BLOCK(1));
    builder_cold(stream, VMT_OP_IGNORE_OBJECT, "u", BLOCK(0) + 63);
    builder_cold(stream, VMT_OP_IGNORE_OBJECT, "u", BLOCK(1) + 64);
    builder_cold(stream, VMT_OP_IGNORE_OBJECT, "u", U(0));
    scan();
    take(0);
    ck_class(BLOCK(0), REACH_REACHABLE);
    ck_class(BLOCK(1), REACH_DEFINITE);
    trace_model_free(model);
}
END_TEST

START_TEST(lsan_root_regions_hold_blocks_until_they_are_taken_back)
{
    setup();
    for (uint64_t i = 0; i < 4; i++)
        block(BLOCK(i));
    builder_cold(stream, VMT_OP_ROOT_REGION, "uu", BLOCK(0) + 16, U(8));
    builder_cold(stream, VMT_OP_ROOT_REGION, "uu", BLOCK(0) + 32, U(8));
    builder_cold(stream, VMT_OP_ROOT_REGION, "uu", BLOCK(0), U(0));
    builder_cold(stream, VMT_OP_ROOT_REGION, "uu", UINT64_MAX - 8, U(100));
    builder_cold(stream, VMT_OP_ROOT_REGION_END, "uu", BLOCK(0) + 32, U(8));
    builder_cold(stream, VMT_OP_ROOT_REGION_END, "uu", BLOCK(0) + 16, U(16));
    scan();
    fixture_pointer(stream, BLOCK(0) + 8, BLOCK(1));
    fixture_pointer(stream, BLOCK(0) + 16, BLOCK(2));
    fixture_pointer(stream, BLOCK(0) + 32, BLOCK(3));
    take(3);
    ck_class(BLOCK(0), REACH_DEFINITE);
    ck_class(BLOCK(1), REACH_INDIRECT);
    ck_class(BLOCK(2), REACH_REACHABLE);
    ck_class(BLOCK(3), REACH_INDIRECT);
    trace_model_free(model);
}
END_TEST

START_TEST(lsan_options_leave_kinds_of_roots_out)
{
    static const char *const options[] = {"use_globals=1", "use_globals=0", "use_stacks=0"};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        setup();
        builder_cold(stream, VMT_OP_FACT, "ss", "lsan_options", options[i]);
        block(BLOCK(0));
        block(BLOCK(1));
        scan();
        fixture_pointer(stream, DATA + PAGE, BLOCK(0));
        fixture_pointer(stream, STACK + 9 * PAGE, BLOCK(1));
        take(2);
        ck_class(BLOCK(0), i == 1 ? REACH_DEFINITE : REACH_REACHABLE);
        ck_class(BLOCK(1), i == 2 ? REACH_DEFINITE : REACH_REACHABLE);
        trace_model_free(model);
    }
}
END_TEST

UNIT_MAIN("lsan_model", lsan_ignored_blocks_and_what_they_hold_are_reachable,
          lsan_next_block_at_the_address_is_not_ignored, lsan_threads_ignore_for_themselves,
          lsan_object_is_found_by_any_address_in_it,
          lsan_root_regions_hold_blocks_until_they_are_taken_back,
          lsan_options_leave_kinds_of_roots_out)
