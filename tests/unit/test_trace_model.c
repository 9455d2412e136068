/* SPDX-License-Identifier: Apache-2.0 */
/* Whole traces, whole or not; trace_apply.c, process_facts.c and thread_table.c as well. */
#include "model/trace_model.h"

#include <string.h>
#include <unistd.h>

#include "model_fixture.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 1);
    a = builder_stack(stream, 2, U(0x401000), U(0x402000));
}

static struct trace_model *read_bytes(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct trace_model *model = trace_model_new();
    ck_assert_int_eq(trace_model_read_memory(model, bytes, size, &error), VMT_OK);
    ck_assert_ptr_null(model_invariants_broken(model));
    return model;
}

START_TEST(trace_model_bad_file_is_an_error_with_a_message)
{
    struct error error = {.code = VMT_OK};
    struct trace_model *model = trace_model_new();
    ck_assert_int_eq(trace_model_read(model, "/nonexistent.vmt", &error, NULL), VMT_ERROR_OPEN);
    ck_assert_uint_gt(strlen(error.message), 0);
    trace_model_free(model);
    model = trace_model_new();
    ck_assert_int_eq(trace_model_read_memory(model, "text", 4, &error), VMT_ERROR_NOT_TRACE);
    trace_model_free(model);
    trace_model_free(NULL);
}
END_TEST

static unsigned last_per_mille;

static void note_progress(void *context, const char *what, unsigned per_mille)
{
    ck_assert_ptr_eq(context, &last_per_mille);
    ck_assert_ptr_nonnull(what);
    ck_assert_uint_ge(per_mille, last_per_mille);
    last_per_mille = per_mille;
}

START_TEST(trace_model_file_and_memory_are_alike)
{
    char path[] = "/tmp/vmtrace-model-XXXXXX";
    const struct trace_progress progress = {note_progress, &last_per_mille};
    size_t size;
    struct error error;
    setup();
    for (uint64_t i = 0; i < 300000; i++)
        builder_alloc(stream, VMT_MALLOC, 0x10000 + 16 * i, i % 1000, a);
    const uint8_t *bytes = trace_builder_trimmed(builder, &size);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    struct trace_model *model = trace_model_new();
    ck_assert_int_eq(trace_model_read(model, path, &error, &progress), VMT_OK);
    ck_assert_uint_eq(model->heap.live_blocks, 300000);
    ck_assert_str_eq(model->path, path);
    ck_assert_uint_eq(last_per_mille, 1000);
    ck_assert(!trace_damage_any(&model->damage));
    close(fd);
    unlink(path);
    trace_model_free(model);
    trace_builder_free(builder);
}
END_TEST

/* What lies in missing chunks is missing, the rest is read: blocks freed that nobody saw
 * allocated are no errors, nodes defined in there are lost stacks. */
START_TEST(trace_model_missing_chunk_costs_only_itself)
{
    size_t size;
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_new_chunk(stream);
    uint32_t b = builder_stack(stream, 1, U(0x405000));
    builder_alloc(stream, VMT_MALLOC, 0x2000, 2, b);
    builder_new_chunk(stream);
    uint32_t c = builder_stack(stream, 1, U(0x406000));
    builder_free(stream, VMT_FREE, 0x2000);
    builder_alloc(stream, VMT_MALLOC, 0x3000, 4, b);
    builder_alloc(stream, VMT_MALLOC, 0x4000, 8, a);
    builder_alloc(stream, VMT_MALLOC, 0x5000, 16, c);
    uint8_t *bytes = (uint8_t *)(uintptr_t)trace_builder_bytes(builder, &size);
    memset(bytes + 65536, 0xee, 65536);
    struct trace_model *model = read_bytes(bytes, size);
    ck_assert_uint_eq(model->damage.bad_chunks, 1);
    ck_assert_uint_eq(model->damage.missing_chunks, 1);
    ck_assert_uint_eq(model->heap.allocations, 4);
    ck_assert_uint_eq(model->heap.live_bytes, 29);
    ck_assert_uint_eq(model->heap.inherited_frees, 1);
    ck_assert_uint_eq(model->heap.impossible, 0);
    ck_assert_uint_eq(model->errors.count, 0);
    ck_assert_uint_eq(model->sites.count, 3);
    ck_assert_uint_eq(model->sites.sites[0].live_bytes, 9);
    ck_assert_uint_eq(model->sites.sites[1].node, STACK_LOST);
    ck_assert_uint_eq(model->stacks.nodes[model->sites.sites[2].node].pc, 0x406000);
    trace_model_free(model);
    trace_builder_free(builder);
}
END_TEST

/* A NODES_RESET was in the missing part: old numbers must not be taken for new ones. */
START_TEST(trace_model_missed_reset_voids_the_nodes)
{
    size_t size;
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_new_chunk(stream);
    builder_cold(stream, VMT_OP_NODES_RESET, "");
    uint32_t b = builder_stack(stream, 2, U(0x501000), U(0x502000));
    builder_new_chunk(stream);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 2, b);
    uint8_t *bytes = (uint8_t *)(uintptr_t)trace_builder_bytes(builder, &size);
    memset(bytes + 65536, 0xee, 65536);
    struct trace_model *model = read_bytes(bytes, size);
    ck_assert_uint_eq(a, b);
    ck_assert_uint_eq(model->sites.count, 2);
    ck_assert_uint_eq(model->sites.sites[1].node, STACK_LOST);
    trace_model_free(model);
    trace_builder_free(builder);
}
END_TEST

START_TEST(trace_model_reset_inside_a_chunk)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_cold(stream, VMT_OP_NODES_RESET, "");
    uint32_t b = builder_stack(stream, 2, U(0x401000), U(0x502000));
    builder_alloc(stream, VMT_MALLOC, 0x2000, 2, b);
    builder_new_chunk(stream);
    builder_alloc(stream, VMT_MALLOC, 0x3000, 2, b);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->sites.count, 2);
    ck_assert_uint_eq(model->sites.sites[1].allocations, 2);
    ck_assert_uint_eq(model->stacks.nodes[model->sites.sites[1].node].pc, 0x502000);
    ck_assert_uint_eq(model->stacks.count, STACK_FIRST + 3);
    trace_model_free(model);
}
END_TEST

START_TEST(trace_model_loss_ends_with_the_next_chunk)
{
    setup();
    builder_at(stream, AT(1));
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_at(stream, AT(2));
    builder_cold(stream, VMT_OP_LOST, "uu", U(VMT_LOST_SPACE), U(28));
    builder_new_chunk(stream);
    builder_at(stream, AT(3));
    builder_free(stream, VMT_FREE, 0x1000); /* allocated again, unseen */
    builder_at(stream, AT(4));
    builder_alloc(stream, VMT_MALLOC, 0x3000, 1, a);
    builder_free(stream, VMT_FREE, 0x3000);
    builder_free(stream, VMT_FREE, 0x3000); /* an error again */
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.inherited_frees, 1);
    ck_assert_uint_eq(model->heap.lost_streams, 0);
    ck_assert_uint_eq(model->errors.count, 1);
    ck_assert_uint_eq(model->facts.losses[VMT_LOST_SPACE].records, 1);
    ck_assert_uint_eq(model->facts.losses[VMT_LOST_SPACE].error, 28);
    trace_model_free(model);
}
END_TEST

START_TEST(trace_model_thread_takes_a_stream_over)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_cold(stream, VMT_OP_THREAD, "u", U(77));
    builder_cold(stream, VMT_OP_THREAD_NAME, "us", U(77), "worker");
    builder_free(stream, VMT_FREE, 0x1000); /* by another thread: not temporary */
    builder_new_chunk(stream);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 2, a);
    struct trace_model *model = fixture_take(builder);
    const struct thread_entry *threads = model->threads.threads;
    ck_assert_uint_eq(model->threads.count, 2);
    ck_assert_uint_eq(threads[0].allocations, 1);
    ck_assert_uint_eq(threads[0].frees, 0);
    ck_assert_uint_eq(threads[1].tid, 77);
    ck_assert_str_eq(threads[1].name, "worker");
    ck_assert_uint_eq(threads[1].allocations, 1);
    ck_assert_uint_eq(threads[1].frees, 1);
    ck_assert_uint_eq(model->heap.temporary, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(trace_model_facts_keep_the_newest_value)
{
    setup();
    builder_cold(stream, VMT_OP_FACT, "ss", "kernel", "5.10");
    builder_cold(stream, VMT_OP_FACT, "ss", "exe", "/bin/x");
    builder_cold(stream, VMT_OP_FACT, "ss", "kernel", "6.1");
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->facts.fact_count, 2);
    ck_assert_str_eq(process_facts_get(&model->facts, "kernel"), "6.1");
    ck_assert_ptr_null(process_facts_get(&model->facts, "none"));
    trace_model_free(model);
}
END_TEST

/* However many bytes of a good trace are cut off, the rest is read and adds up. */
START_TEST(trace_model_cut_anywhere_is_read_so_far)
{
    size_t size, before = 0;
    setup();
    struct builder_stream *other = trace_builder_stream(builder, 2);
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_realloc_begin(stream, 0x1000);
    builder_alloc(stream, VMT_REALLOC, 0x2000, 5, a);
    uint32_t b = builder_stack(other, 2, U(0x401000), U(0x402000));
    for (uint64_t i = 0; i < 20; i++)
        builder_alloc(other, VMT_MALLOC, 0x5000 + 32 * i, 7 * i, b);
    const uint8_t *bytes = trace_builder_trimmed(builder, &size);
    for (size_t cut = sizeof(struct vmt_file_header); cut <= size;
         cut += cut < size - 1500 ? 997 : 1) {
        struct trace_model *model = read_bytes(bytes, cut);
        ck_assert_uint_ge(model->heap.allocations, before);
        ck_assert_uint_eq(model->errors.count, 0);
        before = model->heap.allocations;
        trace_model_free(model);
    }
    ck_assert_uint_eq(before, 22);
    trace_builder_free(builder);
}
END_TEST

UNIT_MAIN("trace_model", trace_model_bad_file_is_an_error_with_a_message,
          trace_model_file_and_memory_are_alike, trace_model_missing_chunk_costs_only_itself,
          trace_model_missed_reset_voids_the_nodes, trace_model_reset_inside_a_chunk,
          trace_model_loss_ends_with_the_next_chunk, trace_model_thread_takes_a_stream_over,
          trace_model_facts_keep_the_newest_value, trace_model_cut_anywhere_is_read_so_far)
