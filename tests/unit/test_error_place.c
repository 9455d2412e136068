/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_place.h"

#include <signal.h>

#include "model_fixture.h"
#include "unit_main.h"

enum { MAPPED = 1, DENIED = 2, KERNEL = 0x80 }; /* si_code */

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a, b;
static struct trace_model *model;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 42);
    a = builder_stack(stream, 1, U(0x401000));
    b = builder_stack(stream, 1, U(0x402000));
}

static void crash(int signal, int64_t code, uint64_t address)
{
    builder_cold(stream, VMT_OP_CRASH, "uzuku", U(signal), code, address, b, U(VMT_CRASH_WRITE));
}

static const struct memory_error *last_error(void)
{
    model = fixture_take(builder);
    ck_assert_uint_gt(model->errors.count, 0);
    return &model->errors.errors[model->errors.count - 1];
}

static uint64_t pc_of(uint32_t node)
{
    ck_assert_uint_lt(node, model->stacks.count);
    return model->stacks.nodes[node].pc;
}

/* One live block of 40 bytes at 0x10000000 and one of 100 that was freed at 0x10010000. */
static const struct memory_error *crash_near_blocks(uint64_t address)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x10000000, 40, a);
    builder_alloc(stream, VMT_MALLOC, 0x10010000, 100, a);
    builder_free_at(stream, VMT_FREE, 0x10010000, b);
    crash(SIGSEGV, MAPPED, address);
    return last_error();
}

START_TEST(error_place_crash_is_told_by_the_nearest_block)
{
    static const struct {
        uint64_t address;
        enum memory_error_place place;
        uint64_t offset, size;
    } cases[] = {
        {0x10000000, ERROR_PLACE_INSIDE_LIVE, 0, 40},
        {0x10000027, ERROR_PLACE_INSIDE_LIVE, 39, 40},
        {0x10000028, ERROR_PLACE_AFTER_LIVE, 0, 40},
        {0x10000040, ERROR_PLACE_AFTER_LIVE, 24, 40},
        {0x0ffffff8, ERROR_PLACE_BEFORE_LIVE, 8, 40},
        {0x10010063, ERROR_PLACE_INSIDE_FREED, 99, 100},
        {0x1001fff0, ERROR_PLACE_AFTER_FREED, 0x1001fff0 - 0x10010064, 100},
        {0x1000fff8, ERROR_PLACE_BEFORE_FREED, 8, 100},
        {0x10010064 + 70000, ERROR_PLACE_UNKNOWN, 0, 0},
        {0, ERROR_PLACE_NULL, 0, 0},
        {0x18, ERROR_PLACE_NULL, 24, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct memory_error *error = crash_near_blocks(cases[i].address);
        ck_assert_msg(error->place == cases[i].place, "%zu: place %d", i, (int)error->place);
        if (error->place != ERROR_PLACE_UNKNOWN)
            ck_assert_uint_eq(error->offset, cases[i].offset);
        if (cases[i].size) {
            ck_assert_uint_eq(error->block_size, cases[i].size);
            ck_assert_uint_eq(pc_of(error->allocated), 0x401000);
        }
        if (cases[i].size == 100)
            ck_assert_uint_eq(pc_of(error->freed), 0x402000);
        trace_model_free(model);
    }
}
END_TEST

START_TEST(error_place_signal_that_was_sent_has_no_address)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x10000000, 40, a);
    crash(SIGSEGV, 0, 0x10000000);
    ck_assert_int_eq(last_error()->place, ERROR_PLACE_UNKNOWN);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_stack_of_a_thread)
{
    setup();
    builder_cold(stream, VMT_OP_STACK, "uu", U(0x7f0000000000), U(0x7f0000100000));
    builder_free_at(stream, VMT_FREE, 0x7f0000080000, b);
    const struct memory_error *error = last_error();
    ck_assert_int_eq(error->kind, ERROR_INVALID_FREE);
    ck_assert_int_eq(error->place, ERROR_PLACE_STACK);
    ck_assert_uint_eq(error->place_id, 42);
    ck_assert_uint_eq(pc_of(error->node), 0x402000);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_overflow_of_a_stack)
{
    static const struct {
        uint64_t address, offset;
    } cases[] = {{0x7efffffff000, 4096}, {0x7f0000000010, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        setup();
        builder_cold(stream, VMT_OP_STACK, "uu", U(0x7f0000000000), U(0x7f0000100000));
        crash(SIGSEGV, DENIED, cases[i].address);
        const struct memory_error *error = last_error();
        ck_assert_int_eq(error->place, ERROR_PLACE_BELOW_STACK);
        ck_assert_uint_eq(error->offset, cases[i].offset);
        trace_model_free(model);
    }
}
END_TEST

static void map(uint64_t start, uint64_t length)
{
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), start, length, U(3), U(0x22), U(0), a, "");
}

static void unmap(uint64_t start, uint64_t length)
{
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", U(0), start, length, b);
}

START_TEST(error_place_mapping_that_was_unmapped)
{
    setup();
    map(0x20000000, 0x4000);
    unmap(0x20001000, 0x1000);
    crash(SIGSEGV, MAPPED, 0x20001010);
    const struct memory_error *error = last_error();
    ck_assert_int_eq(error->place, ERROR_PLACE_UNMAPPED);
    ck_assert_uint_eq(error->offset, 16);
    ck_assert_uint_eq(pc_of(error->allocated), 0x401000);
    ck_assert_uint_eq(pc_of(error->freed), 0x402000);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_unmapping_that_failed_leaves_the_mapping)
{
    setup();
    map(0x20000000, 0x4000);
    unmap(0x20001000, 0x1000);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    crash(SIGSEGV, DENIED, 0x20001010);
    const struct memory_error *error = last_error();
    ck_assert_int_eq(error->place, ERROR_PLACE_MAPPING);
    ck_assert_uint_eq(error->offset, 0x1010);
    ck_assert_uint_eq(error->block_size, 0x4000);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_module_that_was_unloaded)
{
    setup();
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0), U(0x30000000), U(0x30010000), "",
                 "lib", U(0));
    builder_at(stream, AT(5));
    builder_cold(stream, VMT_OP_MODULE_UNLOAD, "u", U(0x30000000));
    builder_at(stream, AT(6));
    crash(SIGSEGV, MAPPED, 0x30001000);
    const struct memory_error *error = last_error();
    ck_assert_int_eq(error->place, ERROR_PLACE_MODULE_GONE);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_registers_of_freed_blocks)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x10000000, 40, a);
    builder_alloc(stream, VMT_MALLOC, 0x10010000, 100, a);
    builder_free_at(stream, VMT_FREE, 0x10010000, b);
    builder_cold(stream, VMT_OP_CRASH, "uzukuuuu", U(SIGSEGV), (int64_t)MAPPED, U(0x414141410), b,
                 U(0), U(0x10000000), U(0x4141414141414141), U(0x10010008));
    const struct memory_error *error = last_error();
    ck_assert_uint_eq(error->register_count, 1);
    ck_assert_uint_eq(error->registers[0].number, 2);
    ck_assert_uint_eq(error->registers[0].offset, 8);
    ck_assert_uint_eq(error->registers[0].block_size, 100);
    ck_assert_uint_eq(pc_of(error->registers[0].freed), 0x402000);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_register_that_is_no_address)
{
    setup();
    builder_cold(stream, VMT_OP_CRASH, "uzukuuu", U(SIGSEGV), (int64_t)KERNEL, U(0), b, U(0), U(7),
                 U(0x4141414141414141));
    const struct memory_error *error = last_error();
    ck_assert_uint_eq(error->register_count, 1);
    ck_assert_uint_eq(error->registers[0].number, 1);
    ck_assert(error->registers[0].wild);
    trace_model_free(model);
}
END_TEST

/* 48 bits are an address of aarch64's, and a crash at address 0 is told by that. */
START_TEST(error_place_registers_of_a_null_pointer)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0xffff80001000, 100, a);
    builder_free_at(stream, VMT_FREE, 0xffff80001000, b);
    builder_cold(stream, VMT_OP_CRASH, "uzukuuuu", U(SIGSEGV), (int64_t)MAPPED, U(0), b, U(0),
                 U(0xffffd0001000), U(0x4141414141414141), U(0xffff80001008));
    const struct memory_error *error = last_error();
    ck_assert_uint_eq(error->register_count, 1);
    ck_assert_uint_eq(error->registers[0].number, 2);
    ck_assert_uint_eq(error->registers[0].offset, 8);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_has_time_kept_for_the_last_crash)
{
    const struct memory_error *last = crash_near_blocks(0x10000008);
    struct memory_error error = {.kind = ERROR_CRASH, .address = 0x10000008};
    ck_assert_uint_eq(last->place, ERROR_PLACE_INSIDE_LIVE);
    model->errors.walked = ERROR_WALKED_MAX;
    error.flags = VMT_CRASH_HANDLED;
    error_place_find(model, &error);
    ck_assert_uint_eq(error.place, ERROR_PLACE_UNKNOWN);
    error.flags = 0;
    error_place_find(model, &error);
    ck_assert_uint_eq(error.place, ERROR_PLACE_INSIDE_LIVE);
    model->errors.walked = 2 * ERROR_WALKED_MAX;
    error.place = ERROR_PLACE_UNKNOWN;
    error_place_find(model, &error);
    ck_assert_uint_eq(error.place, ERROR_PLACE_UNKNOWN);
    trace_model_free(model);
}
END_TEST

START_TEST(error_place_walks_are_counted)
{
    const struct memory_error *last = crash_near_blocks(0x10000008);
    ck_assert_uint_eq(last->place, ERROR_PLACE_INSIDE_LIVE);
    ck_assert_uint_ge(model->errors.walked, 2);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("error_place", error_place_crash_is_told_by_the_nearest_block,
          error_place_signal_that_was_sent_has_no_address, error_place_stack_of_a_thread,
          error_place_overflow_of_a_stack, error_place_mapping_that_was_unmapped,
          error_place_unmapping_that_failed_leaves_the_mapping,
          error_place_module_that_was_unloaded, error_place_registers_of_freed_blocks,
          error_place_register_that_is_no_address, error_place_registers_of_a_null_pointer,
          error_place_has_time_kept_for_the_last_crash, error_place_walks_are_counted)
