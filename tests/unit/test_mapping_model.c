/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mapping_model.h"

#include "model_fixture.h"
#include "unit_main.h"

#define BASE UINT64_C(0x7f0000000000)
#define PAGE UINT64_C(0x1000)

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a, b;
static struct trace_model *model;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 1);
    a = builder_stack(stream, 1, U(0x401000));
    b = builder_stack(stream, 1, U(0x402000));
}

static void map(uint64_t source, uint64_t page, uint64_t length, uint32_t node, const char *name)
{
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", source, BASE + page * PAGE, length, U(3), U(0x22),
                 U(0), node, name);
}

static void unmap(uint64_t source, uint64_t page, uint64_t length)
{
    builder_cold(stream, VMT_OP_UNMAP, "uuuk", source, BASE + page * PAGE, length, b);
}

static void expect(uint64_t mapped_pages, uint64_t unmapped_pages, size_t ranges)
{
    model = fixture_take(builder);
    ck_assert_uint_eq(model->maps.mapped_bytes, mapped_pages * PAGE);
    ck_assert_uint_eq(model->maps.unmapped_bytes, unmapped_pages * PAGE);
    ck_assert_uint_eq(model->maps.list.count, ranges);
}

static const struct site *site_at(uint64_t pc, uint32_t kind)
{
    for (size_t i = 0; i < model->sites.count; i++) {
        const struct site *site = &model->sites.sites[i];
        if (site->kind == kind && model->stacks.nodes[site->node].pc == pc)
            return site;
    }
    ck_abort_msg("no such site");
    return NULL;
}

START_TEST(mapping_model_lengths_are_whole_pages)
{
    setup();
    map(VMT_MAP_MMAP, 0, 1, a, "");
    map(VMT_MAP_MMAP, 10, 2 * PAGE + 1, a, "");
    unmap(VMT_MAP_MMAP, 0, 100);
    expect(4, 1, 1);
    ck_assert_uint_eq(model->maps.map_calls, 2);
    ck_assert_uint_eq(model->maps.unmap_calls, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_partial_unmap_leaves_the_rest)
{
    setup();
    map(VMT_MAP_MMAP, 0, 10 * PAGE, a, "");
    unmap(VMT_MAP_MMAP, 3, 2 * PAGE); /* a hole */
    unmap(VMT_MAP_MMAP, 0, PAGE);     /* the head */
    unmap(VMT_MAP_MMAP, 8, 5 * PAGE); /* the tail, and more */
    expect(10, 5, 2);
    ck_assert_uint_eq(site_at(0x401000, SITE_MMAP)->live_bytes, 5 * PAGE);
    ck_assert_uint_eq(site_at(0x401000, SITE_MMAP)->live_blocks, 2);
    ck_assert_uint_eq(model->maps.list.mappings[0].start, BASE + 5 * PAGE);
    ck_assert_uint_eq(model->maps.list.mappings[0].end, BASE + 8 * PAGE);
    ck_assert_uint_eq(model->maps.list.mappings[1].start, BASE + PAGE);
    ck_assert_uint_eq(model->maps.list.mappings[1].end, BASE + 3 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_unmap_over_several_owners)
{
    setup();
    map(VMT_MAP_MMAP, 0, 4 * PAGE, a, "");
    map(VMT_MAP_MMAP, 4, 4 * PAGE, b, "");
    map(VMT_MAP_MMAP, 10, 4 * PAGE, a, "");
    unmap(VMT_MAP_MMAP, 2, 10 * PAGE);
    expect(12, 8, 2);
    ck_assert_uint_eq(site_at(0x401000, SITE_MMAP)->live_bytes, 4 * PAGE);
    ck_assert_uint_eq(site_at(0x402000, SITE_MMAP)->live_bytes, 0);
    ck_assert_uint_eq(site_at(0x402000, SITE_MMAP)->live_blocks, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_failed_unmap_changes_nothing)
{
    setup();
    map(VMT_MAP_MMAP, 0, 10 * PAGE, a, "");
    map(VMT_MAP_MMAP, 10, 2 * PAGE, a, "");
    unmap(VMT_MAP_MMAP, 3, 2 * PAGE);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    unmap(VMT_MAP_MMAP, 0, 100 * PAGE);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    unmap(VMT_MAP_MMAP, 9, 2 * PAGE);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    expect(12, 0, 2);
    ck_assert_uint_eq(model->maps.unmap_calls, 0);
    ck_assert_uint_eq(site_at(0x401000, SITE_MMAP)->live_blocks, 2);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_overlay_takes_the_place)
{
    setup();
    map(VMT_MAP_MMAP, 0, 10 * PAGE, a, "");
    map(VMT_MAP_MMAP, 4, 2 * PAGE, b, "/lib/x.so");
    expect(12, 2, 3);
    ck_assert_uint_eq(model->maps.unmap_calls, 0);
    ck_assert_uint_eq(site_at(0x401000, SITE_MMAP)->live_bytes, 8 * PAGE);
    ck_assert_uint_eq(site_at(0x402000, SITE_MMAP)->live_bytes, 2 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_remap_moves_to_a_new_owner)
{
    setup();
    map(VMT_MAP_MMAP, 0, 4 * PAGE, a, "/data");
    builder_cold(stream, VMT_OP_REMAP_BEGIN, "uu", BASE, 4 * PAGE);
    builder_cold(stream, VMT_OP_REMAP_END, "uuk", BASE + 100 * PAGE, 8 * PAGE, b);
    builder_cold(stream, VMT_OP_REMAP_BEGIN, "uu", BASE + 100 * PAGE, 8 * PAGE);
    builder_cold(stream, VMT_OP_UNMAP_FAILED, "");
    expect(12, 4, 1);
    ck_assert_uint_eq(model->maps.map_calls, 1);
    ck_assert_uint_eq(model->maps.unmap_calls, 0);
    ck_assert_uint_eq(site_at(0x401000, SITE_MMAP)->live_bytes, 0);
    ck_assert_uint_eq(site_at(0x402000, SITE_MMAP)->live_bytes, 8 * PAGE);
    ck_assert_str_eq(site_at(0x402000, SITE_MMAP)->name, "/data");
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_remap_of_length_zero_duplicates)
{
    setup();
    map(VMT_MAP_MMAP, 0, 4 * PAGE, a, "");
    builder_cold(stream, VMT_OP_REMAP_BEGIN, "uu", BASE, U(0));
    builder_cold(stream, VMT_OP_REMAP_END, "uuk", BASE + 100 * PAGE, 4 * PAGE, b);
    expect(8, 0, 2);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_shm_detaches_by_its_start)
{
    setup();
    map(VMT_MAP_SHM, 0, 3 * PAGE, a, "shm");
    map(VMT_MAP_MMAP, 8, PAGE, a, "");
    unmap(VMT_MAP_SHM, 0, 0);
    unmap(VMT_MAP_SHM, 8, 0); /* no segment */
    expect(4, 3, 1);
    ck_assert_uint_eq(site_at(0x401000, SITE_SHM)->live_blocks, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_allocators_are_kept_apart)
{
    setup();
    map(VMT_MAP_ALLOCATOR | VMT_MAP_MMAP, 0, 4 * PAGE, a, "");
    unmap(VMT_MAP_ALLOCATOR | VMT_MAP_MMAP, 0, PAGE);
    expect(0, 0, 1);
    ck_assert_uint_eq(model->maps.map_calls + model->maps.unmap_calls, 0);
    ck_assert_uint_eq(model->sites.count, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_break_is_owned_but_not_mapped)
{
    setup();
    builder_cold(stream, VMT_OP_BREAK, "uuk", U(0x600000), U(0x600123), a);
    builder_cold(stream, VMT_OP_BREAK, "uuk", U(0x600123), U(0x600200), b);
    builder_cold(stream, VMT_OP_BREAK, "uuk", U(0x600200), U(0x600100), b);
    expect(0, 0, 1);
    ck_assert_uint_eq(site_at(0x401000, SITE_BREAK)->live_bytes, 0x100);
    ck_assert_uint_eq(site_at(0x402000, SITE_BREAK)->live_bytes, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_advice_is_counted)
{
    setup();
    builder_cold(stream, VMT_OP_ADVISE, "uuuk", BASE, 2 * PAGE, U(4), a);
    builder_cold(stream, VMT_OP_ADVISE, "uuuk", BASE, 3 * PAGE, U(8), a);
    builder_cold(stream, VMT_OP_ADVISE, "uuuk", BASE, 5 * PAGE, U(14), a); /* huge pages */
    expect(0, 0, 0);
    ck_assert_uint_eq(model->maps.advise_calls, 2);
    ck_assert_uint_eq(model->maps.advised_bytes, 5 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_wrapping_ranges_are_refused)
{
    setup();
    map(VMT_MAP_MMAP, 0, UINT64_MAX, a, "");
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), UINT64_MAX - 10, U(5), U(3), U(0), U(0), a,
                 "");
    unmap(VMT_MAP_MMAP, 0, UINT64_MAX);
    expect(0, 0, 0);
    ck_assert_uint_eq(model->maps.impossible, 3);
    trace_model_free(model);
}
END_TEST

START_TEST(mapping_model_site_of_several_files_has_no_name)
{
    setup();
    map(VMT_MAP_MMAP, 0, PAGE, a, "/x");
    map(VMT_MAP_MMAP, 2, PAGE, a, "/x");
    map(VMT_MAP_MMAP, 4, PAGE, b, "/x");
    map(VMT_MAP_MMAP, 6, PAGE, b, "/y");
    map(VMT_MAP_MMAP, 8, PAGE, b, "/y");
    expect(5, 0, 5);
    ck_assert_str_eq(site_at(0x401000, SITE_MMAP)->name, "/x");
    ck_assert_ptr_null(site_at(0x402000, SITE_MMAP)->name);
    ck_assert(site_at(0x402000, SITE_MMAP)->several_names);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("mapping_model", mapping_model_lengths_are_whole_pages,
          mapping_model_partial_unmap_leaves_the_rest, mapping_model_unmap_over_several_owners,
          mapping_model_failed_unmap_changes_nothing, mapping_model_overlay_takes_the_place,
          mapping_model_remap_moves_to_a_new_owner, mapping_model_remap_of_length_zero_duplicates,
          mapping_model_shm_detaches_by_its_start, mapping_model_allocators_are_kept_apart,
          mapping_model_break_is_owned_but_not_mapped, mapping_model_advice_is_counted,
          mapping_model_wrapping_ranges_are_refused,
          mapping_model_site_of_several_files_has_no_name)
