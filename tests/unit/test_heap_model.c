/* SPDX-License-Identifier: Apache-2.0 */
#include "model/heap_model.h"

#include "model_fixture.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct builder_stream *one, *two;
static uint32_t a, b; /* stacks of stream one */

static void setup(void)
{
    builder = trace_builder_new();
    one = trace_builder_stream(builder, 1);
    two = trace_builder_stream(builder, 2);
    a = builder_stack(one, 2, U(0x401000), U(0x402000));
    b = builder_stack(one, 2, U(0x401000), U(0x403000));
}

/* The only site of a kind. */
static const struct site *site_of(const struct trace_model *model, uint32_t kind)
{
    const struct site *found = NULL;
    for (size_t i = 0; i < model->sites.count; i++) {
        if (model->sites.sites[i].kind == kind) {
            ck_assert_ptr_null(found);
            found = &model->sites.sites[i];
        }
    }
    ck_assert_ptr_nonnull(found);
    return found;
}

START_TEST(heap_model_totals_of_every_call)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_alloc(one, VMT_CALLOC, 0x2000, 20, a);
    builder_alloc(one, VMT_NEW, 0x3000, 30, a);
    builder_alloc(one, VMT_NEW_ARRAY, 0x4000, 40, a);
    builder_alloc_other(one, VMT_SUB_MEMALIGN, 8, 0x5000, 50, a);
    builder_alloc(one, VMT_REALLOC, 0x6000, 60, a);
    builder_free(one, VMT_FREE, 0x1000);
    builder_free(one, VMT_DELETE, 0x3000);
    builder_free(one, VMT_DELETE_ARRAY, 0x4000);
    builder_free_other(one, VMT_SUB_FREE_SIZED, 0x5000);
    struct trace_model *model = fixture_take(builder);
    const struct heap_model *heap = &model->heap;
    ck_assert_uint_eq(heap->allocations, 6);
    ck_assert_uint_eq(heap->bytes_allocated, 210);
    ck_assert_uint_eq(heap->frees, 4);
    ck_assert_uint_eq(heap->bytes_freed, 130);
    ck_assert_uint_eq(heap->live_blocks, 2);
    ck_assert_uint_eq(heap->live_bytes, 80);
    ck_assert_uint_eq(heap->reallocations, 0);
    ck_assert_uint_eq(heap->impossible, 0);
    ck_assert_uint_eq(model->errors.count, 0);
    ck_assert_uint_eq(site_of(model, SITE_KIND(VMT_CALLOC, 0))->live_bytes, 20);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_realloc_is_an_allocation_and_a_free)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_realloc_begin(one, 0x1000);
    builder_alloc(one, VMT_REALLOC, 0x2000, 100, b);
    builder_realloc_begin(one, 0x2000);
    builder_realloc_failed(one, U(1) << 60, b);
    builder_realloc_begin(one, 0x2000);
    builder_alloc_other(one, VMT_SUB_REALLOCARRAY, 0, 0x2000, 50, b);
    struct trace_model *model = fixture_take(builder);
    const struct heap_model *heap = &model->heap;
    ck_assert_uint_eq(heap->allocations, 3);
    ck_assert_uint_eq(heap->frees, 2);
    ck_assert_uint_eq(heap->reallocations, 2);
    ck_assert_uint_eq(heap->bytes_allocated, 160);
    ck_assert_uint_eq(heap->live_bytes, 50);
    ck_assert_uint_eq(heap->failed, 1);
    ck_assert_uint_eq(heap->peak_bytes, 100);
    ck_assert_uint_eq(heap->temporary, 0);
    ck_assert_uint_eq(site_of(model, SITE_KIND(VMT_REALLOC, 0))->failed, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_realloc_to_zero_is_a_free)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_realloc_begin(one, 0x1000);
    builder_realloc_freed(one);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.allocations, 1);
    ck_assert_uint_eq(model->heap.frees, 1);
    ck_assert_uint_eq(model->heap.reallocations, 0);
    ck_assert_uint_eq(model->heap.live_blocks, 0);
    ck_assert_uint_eq(model->heap.temporary, 1);
    trace_model_free(model);
}
END_TEST

/* Between the begin and the end of a realloc that moves, another thread is given the old
 * address: neither block is lost and nothing is an error. */
START_TEST(heap_model_address_reused_during_realloc)
{
    setup();
    uint32_t other = builder_stack(two, 1, U(0x409000));
    builder_at(one, AT(1));
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_at(one, AT(2));
    builder_realloc_begin(one, 0x1000);
    builder_at(two, AT(3));
    builder_alloc(two, VMT_MALLOC, 0x1000, 7, other);
    builder_at(one, AT(4));
    builder_alloc(one, VMT_REALLOC, 0x2000, 20, b);
    builder_at(two, AT(5));
    builder_free(two, VMT_FREE, 0x1000);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.live_bytes, 20);
    ck_assert_uint_eq(model->heap.live_blocks, 1);
    ck_assert_uint_eq(model->heap.frees, 2);
    ck_assert_uint_eq(model->heap.impossible, 0);
    ck_assert_uint_eq(model->errors.count, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_unfinished_realloc_leaves_the_old_block)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_realloc_begin(one, 0x1000);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.live_bytes, 10);
    ck_assert_uint_eq(model->heap.live_blocks, 1);
    ck_assert_uint_eq(model->heap.frees, 0);
    trace_model_free(model);
}
END_TEST

/* A signal handler may allocate between the two records of a realloc. */
START_TEST(heap_model_allocation_inside_a_realloc)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_realloc_begin(one, 0x1000);
    builder_alloc(one, VMT_MALLOC, 0x3000, 5, b);
    builder_alloc(one, VMT_REALLOC, 0x1000, 20, a);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.live_bytes, 25);
    ck_assert_uint_eq(model->heap.frees, 1);
    ck_assert_uint_eq(model->heap.impossible, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_peak_remembers_who_held_it)
{
    uint64_t bytes, blocks;
    setup();
    builder_at(one, AT(10));
    builder_alloc(one, VMT_MALLOC, 0x1000, 100, a);
    builder_alloc(one, VMT_CALLOC, 0x2000, 50, b);
    builder_at(one, AT(20));
    builder_alloc(one, VMT_CALLOC, 0x3000, 60, b); /* the peak: 210 */
    builder_at(one, AT(30));
    builder_free(one, VMT_FREE, 0x1000);
    builder_free(one, VMT_FREE, 0x2000);
    builder_alloc(one, VMT_CALLOC, 0x4000, 40, b);
    for (uint64_t i = 0; i < 10; i++)
        builder_alloc(one, VMT_MALLOC, 0x5000 + 16 * i, 1, a);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.peak_bytes, 210);
    ck_assert_uint_eq(model->heap.peak_blocks, 3);
    ck_assert_uint_eq(model->heap.peak_ticks, AT(20));
    ck_assert_uint_eq(model->heap.most_blocks, 12);
    ck_assert_uint_eq(model->heap.most_blocks_ticks, AT(30));
    site_table_at_peak(&model->sites, 0, &bytes, &blocks);
    ck_assert_uint_eq(bytes, 100);
    ck_assert_uint_eq(blocks, 1);
    site_table_at_peak(&model->sites, 1, &bytes, &blocks);
    ck_assert_uint_eq(bytes, 110);
    ck_assert_uint_eq(blocks, 2);
    ck_assert_uint_eq(model->sites.sites[1].own_peak_bytes, 110);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_temporary_needs_the_same_thread)
{
    setup();
    builder_at(one, AT(1));
    builder_alloc(one, VMT_MALLOC, 0x1000, 1, a);
    builder_free(one, VMT_FREE, 0x1000); /* temporary */
    builder_alloc(one, VMT_MALLOC, 0x2000, 1, a);
    builder_alloc(one, VMT_MALLOC, 0x3000, 1, a);
    builder_free(one, VMT_FREE, 0x2000); /* another allocation came between */
    builder_at(two, AT(2));
    builder_free(two, VMT_FREE, 0x3000); /* another thread */
    builder_at(one, AT(3));
    builder_alloc(one, VMT_MALLOC, 0x4000, 1, a);
    builder_at(two, AT(4));
    builder_free(two, VMT_FREE, 0x4000);
    uint32_t other = builder_stack(two, 1, U(0x409000));
    builder_alloc(two, VMT_CALLOC, 0x4000, 1, other);
    builder_at(one, AT(5));
    builder_free(one, VMT_FREE, 0x4000); /* at the address of its last one, but not that */
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.temporary, 1);
    ck_assert_uint_eq(model->heap.frees, 5);
    ck_assert_uint_eq(site_of(model, SITE_KIND(VMT_MALLOC, 0))->temporary, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_blocks_cross_threads)
{
    setup();
    uint32_t other = builder_stack(two, 2, U(0x401000), U(0x402000));
    for (uint64_t i = 1; i <= 2000; i++) {
        builder_at(one, AT(10 * i));
        builder_alloc(one, VMT_MALLOC, 0x10000 + 32 * (i % 8), i, a);
        builder_at(two, AT(10 * i + 1));
        builder_free(two, VMT_FREE, 0x10000 + 32 * (i % 8));
        builder_alloc(two, VMT_MALLOC, 0x20000 + 32 * (i % 8), i, other);
        builder_at(one, AT(10 * i + 5));
        builder_free(one, VMT_FREE, 0x20000 + 32 * (i % 8));
    }
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.allocations, 4000);
    ck_assert_uint_eq(model->heap.frees, 4000);
    ck_assert_uint_eq(model->heap.temporary, 0);
    ck_assert_uint_eq(model->heap.impossible, 0);
    ck_assert_uint_eq(model->sites.count, 1); /* one stack, whichever thread */
    ck_assert_uint_eq(model->threads.count, 2);
    ck_assert_uint_eq(model->threads.threads[0].allocations, 2000);
    ck_assert_uint_eq(model->threads.threads[1].frees, 2000);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_faults_belong_to_the_blocks_site)
{
    setup();
    builder_faults(one, 5, 1);
    builder_alloc(one, VMT_MALLOC, 0x1000, 1, a);
    builder_faults(one, 7, 0);
    builder_alloc(one, VMT_CALLOC, 0x2000, 1, b);
    builder_faults(one, 11, 2);
    builder_free(one, VMT_FREE, 0x1000);
    builder_at(two, AT(100));
    builder_faults(two, 100, 0);
    builder_free(two, VMT_FREE, 0x7777); /* of no known block */
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(site_of(model, SITE_KIND(VMT_MALLOC, 0))->minor, 16);
    ck_assert_uint_eq(site_of(model, SITE_KIND(VMT_MALLOC, 0))->major, 3);
    ck_assert_uint_eq(site_of(model, SITE_KIND(VMT_CALLOC, 0))->minor, 7);
    ck_assert_uint_eq(model->heap.attributed_minor, 23);
    ck_assert_uint_eq(model->threads.threads[1].minor, 100);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_unseen_release_is_told)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0x1000, 10, a);
    builder_alloc(one, VMT_MALLOC, 0x1000, 20, a);
    struct trace_model *model = fixture_model(builder);
    ck_assert_uint_eq(model->heap.displaced, 1);
    ck_assert_uint_eq(model->heap.impossible, 1);
    ck_assert_uint_eq(model->heap.live_bytes, 20);
    trace_model_free(model);
    trace_builder_header(builder)->flags = VMT_FLAG_FORKED;
    model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.displaced, 1);
    ck_assert_uint_eq(model->heap.impossible, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(heap_model_impossible_blocks_are_not_taken_in)
{
    setup();
    builder_alloc(one, VMT_MALLOC, 0, 10, a);
    builder_alloc(one, VMT_MALLOC, 0x1000, U(1) << 48, a);
    builder_free(one, VMT_FREE, 0);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.impossible, 2);
    ck_assert_uint_eq(model->heap.allocations, 0);
    ck_assert_uint_eq(model->errors.count, 0);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("heap_model", heap_model_totals_of_every_call,
          heap_model_realloc_is_an_allocation_and_a_free, heap_model_realloc_to_zero_is_a_free,
          heap_model_address_reused_during_realloc,
          heap_model_unfinished_realloc_leaves_the_old_block,
          heap_model_allocation_inside_a_realloc, heap_model_peak_remembers_who_held_it,
          heap_model_temporary_needs_the_same_thread, heap_model_blocks_cross_threads,
          heap_model_faults_belong_to_the_blocks_site, heap_model_unseen_release_is_told,
          heap_model_impossible_blocks_are_not_taken_in)
