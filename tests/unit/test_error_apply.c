/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_apply.h"

#include "model_fixture.h"
#include "unit_main.h"

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

static void crash(int64_t code, uint32_t node, unsigned flags)
{
    builder_cold(stream, VMT_OP_CRASH, "uzuku", U(11), code, U(8), node, U(flags));
}

START_TEST(error_apply_crash_of_an_older_recorder_has_no_flags)
{
    setup();
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(11), (int64_t)1, U(8), b);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 1);
    ck_assert_uint_eq(model->errors.errors[0].flags, 0);
    ck_assert_int_eq(model->facts.crash_signal, 11);
    trace_model_free(model);
}
END_TEST

START_TEST(error_apply_handled_crash_does_not_end_the_process)
{
    setup();
    for (int i = 0; i < 3; i++)
        crash(1, b, VMT_CRASH_HANDLED);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 1);
    ck_assert_uint_eq(model->errors.errors[0].count, 3);
    ck_assert_uint_eq(model->errors.errors[0].flags, VMT_CRASH_HANDLED);
    ck_assert_int_eq(model->facts.crash_signal, 0);
    trace_model_free(model);
}
END_TEST

/* By the same instruction, or by a handler that raises it. */
START_TEST(error_apply_signal_that_comes_again_is_the_same_crash)
{
    for (int64_t code = -6; code < 2; code += 7) {
        setup();
        crash(1, b, VMT_CRASH_HANDLED);
        crash(code, code > 0 ? b : a, 0);
        model = fixture_take(builder);
        ck_assert_uint_eq(model->errors.count, 1);
        ck_assert_uint_eq(model->errors.errors[0].count, 1);
        ck_assert_uint_eq(model->errors.errors[0].flags, 0);
        ck_assert_int_eq(model->facts.crash_signal, 11);
        trace_model_free(model);
    }
}
END_TEST

START_TEST(error_apply_crash_elsewhere_is_another_one)
{
    setup();
    crash(1, b, VMT_CRASH_HANDLED);
    crash(1, a, 0);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 2);
    ck_assert_uint_eq(model->errors.errors[0].flags, VMT_CRASH_HANDLED);
    trace_model_free(model);
}
END_TEST

static void unmap(unsigned source, uint64_t start, uint64_t length)
{
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", U(source), start, length, b);
}

START_TEST(error_apply_unmap_of_a_live_block)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x20000010, 0x8000, a);
    unmap(0, 0x20001000, 0x1000);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 1);
    const struct memory_error *error = &model->errors.errors[0];
    ck_assert_int_eq(error->kind, ERROR_UNMAPPED_HEAP);
    ck_assert_uint_eq(error->address, 0x20001000);
    ck_assert_uint_eq(error->block_size, 0x8000);
    ck_assert_uint_eq(error->offset, 0x1000);
    ck_assert_uint_eq(model->stacks.nodes[error->node].pc, 0x402000);
    ck_assert_uint_eq(model->stacks.nodes[error->allocated].pc, 0x401000);
    trace_model_free(model);
}
END_TEST

START_TEST(error_apply_unmap_of_what_was_mapped_or_freed_is_no_error)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x20000010, 0x8000, a);
    builder_free(stream, VMT_FREE, 0x20000010);
    unmap(0, 0x20000000, 0x9000);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x30000000), U(0x9000), U(3), U(0x22),
                 U(0), a, "");
    builder_alloc(stream, VMT_MALLOC, 0x30000010, 0x8000, a); /* an allocator of the program's */
    unmap(0, 0x30000000, 0x9000);
    builder_alloc(stream, VMT_MALLOC, 0x40000010, 0x8000, a);
    unmap(VMT_MAP_ALLOCATOR, 0x40000000, 0x9000);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(error_apply_unmap_that_failed_is_no_error)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x20000010, 0x8000, a);
    unmap(0, 0x20001000, 0x1000);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 0);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("error_apply", error_apply_crash_of_an_older_recorder_has_no_flags,
          error_apply_handled_crash_does_not_end_the_process,
          error_apply_signal_that_comes_again_is_the_same_crash,
          error_apply_crash_elsewhere_is_another_one, error_apply_unmap_of_a_live_block,
          error_apply_unmap_of_what_was_mapped_or_freed_is_no_error,
          error_apply_unmap_that_failed_is_no_error)
