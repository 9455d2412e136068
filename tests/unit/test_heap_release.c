/* SPDX-License-Identifier: Apache-2.0 */
#include "model/heap_release.h"

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

static const struct memory_error *only_error(enum memory_error_kind kind)
{
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 1);
    ck_assert_int_eq(model->errors.errors[0].kind, kind);
    return &model->errors.errors[0];
}

static uint64_t pc_of(uint32_t node)
{
    ck_assert_uint_lt(node, model->stacks.count);
    return model->stacks.nodes[node].pc;
}

START_TEST(heap_release_twice_is_a_double_free)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 40, a);
    builder_free_at(stream, VMT_FREE, 0x1000, b);
    builder_free_at(stream, VMT_FREE, 0x1000, b);
    builder_free_at(stream, VMT_FREE, 0x1000, b);
    const struct memory_error *error = only_error(ERROR_DOUBLE_FREE);
    ck_assert_uint_eq(error->count, 2);
    ck_assert_uint_eq(error->address, 0x1000);
    ck_assert_uint_eq(error->tid, 42);
    ck_assert_uint_eq(error->block_size, 40);
    ck_assert_uint_eq(pc_of(error->allocated), 0x401000);
    ck_assert_uint_eq(pc_of(error->freed), 0x402000);
    ck_assert_uint_eq(pc_of(error->node), 0x402000);
    ck_assert_uint_eq(model->heap.frees, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_of_a_reused_address_is_no_error)
{
    setup();
    for (int i = 0; i < 3; i++) {
        builder_alloc(stream, VMT_MALLOC, 0x1000, 40, a);
        builder_free(stream, VMT_FREE, 0x1000);
    }
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_inside_a_block_says_where)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 40, a);
    builder_free(stream, VMT_FREE, 0x1018);
    const struct memory_error *error = only_error(ERROR_INVALID_FREE);
    ck_assert_int_eq(error->place, ERROR_PLACE_INSIDE_LIVE);
    ck_assert_uint_eq(error->offset, 24);
    ck_assert_uint_eq(error->block_size, 40);
    ck_assert_uint_eq(error->node, STACK_NONE);
    ck_assert_uint_eq(pc_of(error->allocated), 0x401000);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_inside_a_freed_block_says_so)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 40, a);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_free(stream, VMT_FREE, 0x1001);
    const struct memory_error *error = only_error(ERROR_INVALID_FREE);
    ck_assert_int_eq(error->place, ERROR_PLACE_INSIDE_FREED);
    ck_assert_uint_eq(error->offset, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_of_a_wild_address_is_invalid)
{
    setup();
    builder_free(stream, VMT_FREE, 0xdeadbeef);
    const struct memory_error *error = only_error(ERROR_INVALID_FREE);
    ck_assert_int_eq(error->place, ERROR_PLACE_UNKNOWN);
    ck_assert_uint_eq(model->heap.inherited_frees, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_in_a_forked_child_may_be_inherited)
{
    setup();
    trace_builder_header(builder)->flags = VMT_FLAG_FORKED;
    builder_free(stream, VMT_FREE, 0x5000);
    builder_realloc_begin(stream, 0x6000);
    builder_alloc(stream, VMT_REALLOC, 0x7000, 10, a);
    builder_free(stream, VMT_FREE, 0x7000);
    builder_free(stream, VMT_FREE, 0x7000); /* this one it has seen */
    const struct memory_error *error = only_error(ERROR_DOUBLE_FREE);
    ck_assert_uint_eq(error->address, 0x7000);
    ck_assert_uint_eq(model->heap.inherited_frees, 2);
    ck_assert_uint_eq(model->heap.frees, 1);
    ck_assert_uint_eq(model->heap.reallocations, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_after_a_pause_may_be_of_an_unseen_block)
{
    setup();
    builder_at(stream, AT(1));
    builder_alloc(stream, VMT_MALLOC, 0x1000, 40, a);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_at(stream, AT(2));
    builder_cold(stream, VMT_OP_PAUSE, "");
    builder_at(stream, AT(3));
    builder_cold(stream, VMT_OP_RESUME, "");
    builder_free(stream, VMT_FREE, 0x1000);
    builder_free(stream, VMT_FREE, 0x2000);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 0);
    ck_assert_uint_eq(model->heap.inherited_frees, 2);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_by_another_family_is_mismatched)
{
    static const struct {
        enum vmt_kind alloc, release;
        bool wrong;
    } pairs[] = {
        {VMT_MALLOC, VMT_FREE, false},     {VMT_MALLOC, VMT_DELETE, true},
        {VMT_NEW, VMT_DELETE, false},      {VMT_NEW, VMT_FREE, true},
        {VMT_NEW, VMT_DELETE_ARRAY, true}, {VMT_NEW_ARRAY, VMT_DELETE_ARRAY, false},
        {VMT_NEW_ARRAY, VMT_DELETE, true}, {VMT_CALLOC, VMT_DELETE_ARRAY, true},
        {VMT_REALLOC, VMT_FREE, false},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        setup();
        builder_alloc(stream, pairs[i].alloc, 0x1000, 8, a);
        builder_free(stream, pairs[i].release, 0x1000);
        model = fixture_take(builder);
        ck_assert_msg(model->errors.count == pairs[i].wrong, "pair %zu", i);
        ck_assert_uint_eq(model->heap.frees, 1);
        if (pairs[i].wrong)
            ck_assert_int_eq(model->errors.errors[0].kind, ERROR_MISMATCHED_FREE);
        trace_model_free(model);
    }
}
END_TEST

START_TEST(heap_release_aligned_forms_belong_to_their_family)
{
    setup();
    builder_alloc_other(stream, VMT_SUB_NEW_ALIGNED, 6, 0x1000, 8, a);
    builder_free_other(stream, VMT_SUB_DELETE_ALIGNED, 0x1000);
    builder_alloc_other(stream, VMT_SUB_NEW_ARRAY_ALIGNED, 6, 0x1000, 8, a);
    builder_free_other(stream, VMT_SUB_DELETE_ARRAY_ALIGNED, 0x1000);
    builder_alloc_other(stream, VMT_SUB_ALIGNED_ALLOC, 6, 0x1000, 8, a);
    builder_free_other(stream, VMT_SUB_FREE_ALIGNED_SIZED, 0x1000);
    builder_alloc_other(stream, VMT_SUB_PVALLOC, 12, 0x1000, 8, a);
    builder_free_other(stream, VMT_SUB_DELETE_ALIGNED, 0x1000); /* wrong */
    const struct memory_error *error = only_error(ERROR_MISMATCHED_FREE);
    ck_assert_uint_eq(error->allocated_kind, SITE_KIND(VMT_ALLOC_OTHER, VMT_SUB_PVALLOC));
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_realloc_of_new_is_mismatched)
{
    setup();
    builder_alloc(stream, VMT_NEW, 0x1000, 8, a);
    builder_realloc_begin(stream, 0x1000);
    builder_alloc(stream, VMT_REALLOC, 0x1000, 16, a);
    only_error(ERROR_MISMATCHED_FREE);
    ck_assert_uint_eq(model->heap.reallocations, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_realloc_of_a_freed_block_happened_where_its_outcome_did)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 8, a);
    builder_realloc_begin(stream, 0x1000);
    builder_alloc(stream, VMT_REALLOC, 0x2000, 16, b);
    builder_realloc_begin(stream, 0x1000);
    builder_alloc(stream, VMT_REALLOC, 0x3000, 16, b);
    const struct memory_error *error = only_error(ERROR_REALLOC_FREED);
    ck_assert_uint_eq(pc_of(error->node), 0x402000);
    ck_assert_uint_eq(pc_of(error->allocated), 0x401000);
    ck_assert_uint_eq(pc_of(error->freed), 0x402000);
    trace_model_free(model);
}
END_TEST

/* glibc aborts in the second free: the crash tells where that was. */
START_TEST(heap_release_crash_gives_the_error_its_stack)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 8, a);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(6), (int64_t)-6, U(0), b);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, 2);
    ck_assert_uint_eq(pc_of(model->errors.errors[0].node), 0x402000);
    ck_assert_int_eq(model->errors.errors[1].kind, ERROR_CRASH);
    ck_assert_int_eq(model->errors.errors[1].signal, 6);
    ck_assert_int_eq(model->facts.crash_signal, 6);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_later_crash_is_another_matter)
{
    setup();
    builder_free(stream, VMT_FREE, 0x1000);
    builder_alloc(stream, VMT_MALLOC, 0x1000, 8, a);
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(11), (int64_t)1, U(8), b);
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.errors[0].node, STACK_NONE);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_release_many_different_errors_are_bounded)
{
    setup();
    for (uint64_t i = 0; i < 3000; i++) {
        uint32_t node = builder_stack(stream, 1, U(0x500000 + i));
        builder_free_at(stream, VMT_FREE, 0x100000 + 64 * i, node);
    }
    model = fixture_take(builder);
    ck_assert_uint_eq(model->errors.count, ERROR_MAX);
    ck_assert_uint_eq(model->errors.dropped, 3000 - ERROR_MAX);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("heap_release", heap_release_twice_is_a_double_free,
          heap_release_of_a_reused_address_is_no_error, heap_release_inside_a_block_says_where,
          heap_release_inside_a_freed_block_says_so, heap_release_of_a_wild_address_is_invalid,
          heap_release_in_a_forked_child_may_be_inherited,
          heap_release_after_a_pause_may_be_of_an_unseen_block,
          heap_release_by_another_family_is_mismatched,
          heap_release_aligned_forms_belong_to_their_family,
          heap_release_realloc_of_new_is_mismatched,
          heap_release_realloc_of_a_freed_block_happened_where_its_outcome_did,
          heap_release_crash_gives_the_error_its_stack, heap_release_later_crash_is_another_matter,
          heap_release_many_different_errors_are_bounded)
