/* SPDX-License-Identifier: Apache-2.0 */
#include "model/region_owner.h"
#include "residency_fixture.h"
#include "unit_main.h"

#define HEAP UINT64_C(0x555555600000)
#define FAR UINT64_C(0x7f0000000000) /* a multiple of 64 MiB */

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a, b;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 100);
    a = builder_stack(stream, 1, U(0x401000));
    b = builder_stack(stream, 1, U(0x402000));
}

static void map(uint64_t source, uint64_t address, uint64_t pages, const char *name)
{
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", source, address, pages * PAGE, U(3), U(0x22), U(0),
                 a, name);
}

static void module(uint64_t start, uint64_t pages, const char *path, uint64_t flags)
{
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", start, start, start + pages * PAGE, "", path,
                 flags);
}

static void region(uint64_t start, uint64_t pages, uint64_t rss_pages, uint64_t flags,
                   const char *name)
{
    fixture_region(
        stream,
        (struct fixture_region){
            .start = start, .pages = pages, .rss = rss_pages * PAGE, .flags = flags, .name = name});
}

/* A region of which all pages are resident. */
static void whole(uint64_t start, uint64_t pages, uint64_t flags, const char *name, uint64_t state)
{
    region(start, pages, pages, flags, name);
    fixture_pages(stream, start, pages, state);
}

static const struct residency *take(struct trace_model **model)
{
    *model = fixture_take(builder);
    const struct residency *snapshot = residency_model_last(&(*model)->residency);
    ck_assert_ptr_nonnull(snapshot);
    return snapshot;
}

/* Two pages are in memory, a third is not: blocks of both sites share the first. */
START_TEST(residency_page_of_two_blocks_is_split_by_bytes)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP + 16, 1000, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + 1024, 2 * PAGE, b);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(HEAP, 3, 2, READ_WRITE, "[heap]");
    fixture_pages(stream, HEAP, 2, PRESENT);
    fixture_end(stream, 2 * PAGE);
    const struct residency *snapshot = take(&model);
    const struct residency_site *first = fixture_site(snapshot, 0);
    const struct residency_site *second = fixture_site(snapshot, 1);
    ck_assert_uint_eq(first->bytes.size, 1000);
    ck_assert_uint_eq(first->bytes.resident, 1000);
    ck_assert_uint_eq(second->bytes.size, 2 * PAGE);
    ck_assert_uint_eq(second->bytes.resident, 2 * PAGE - 1024);
    ck_assert_uint_eq(snapshot->parts[PART_LIVE].resident, 1000 + 2 * PAGE - 1024);
    ck_assert_uint_eq(snapshot->parts[PART_FREE].resident, 24);
    ck_assert_uint_eq(snapshot->rss_bytes, 2 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(residency_order_of_records_does_not_matter)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP + 16, 1000, a);
    builder_alloc(stream, VMT_MALLOC, FAR + 16, 2000, b);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(FAR, 1, 1, READ_WRITE, "[heap]");
    region(HEAP, 1, 1, READ_WRITE, "[heap]");
    fixture_pages(stream, FAR, 1, PRESENT);
    fixture_pages(stream, HEAP, 1, PRESENT);
    fixture_end(stream, 2 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident, 1000);
    ck_assert_uint_eq(fixture_site(snapshot, 1)->bytes.resident, 2000);
    ck_assert_uint_eq(snapshot->parts[PART_LIVE].resident, 3000);
    ck_assert_uint_eq(snapshot->rss_bytes, 2 * PAGE);
    trace_model_free(model);
}
END_TEST

/* Of four pages one is full, one is held by 64 + 32 bytes, one is empty and one half full. */
START_TEST(residency_nearly_empty_pages_are_charged_to_their_survivors)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, PAGE, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + PAGE + 128, 64, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + PAGE + 512, 32, b);
    builder_alloc(stream, VMT_MALLOC, HEAP + 3 * PAGE, PAGE / 2, b);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(HEAP, 4, READ_WRITE, "[heap]", PRESENT);
    fixture_end(stream, 4 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(snapshot->free_pages, PAGE);
    ck_assert_uint_eq(snapshot->pinned, PAGE - 96);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->pinned, (PAGE - 96) * 64 / 96);
    ck_assert_uint_eq(fixture_site(snapshot, 1)->pinned, PAGE - 96 - (PAGE - 96) * 64 / 96);
    ck_assert_uint_eq(snapshot->parts[PART_FREE].resident, PAGE + PAGE - 96 + PAGE / 2);
    trace_model_free(model);
}
END_TEST

START_TEST(residency_each_part_gets_its_pages)
{
    struct trace_model *model;
    setup();
    module(0x400000, 6, "/opt/app", VMT_MODULE_MAIN);
    module(FAR, 2, "/usr/lib/libvmtrace.so", VMT_MODULE_TRACER);
    map(VMT_MAP_MMAP, FAR + 16 * PAGE, 8, "");
    map(VMT_MAP_MMAP, FAR + 32 * PAGE, 4, "/data");
    builder_cold(stream, VMT_OP_STACK, "uu", FAR + 48 * PAGE, FAR + 50 * PAGE);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(0x400000, 3, U(5), "/opt/app", OF_FILE);
    region(0x403000, 2, 2, READ_WRITE, "/opt/app"); /* .data, of which a page was written */
    fixture_pages(stream, 0x403000, 1, PRESENT);
    fixture_pages(stream, 0x404000, 1, OF_FILE);
    whole(0x405000, 1, READ_WRITE, "", PRESENT); /* .bss */
    whole(FAR, 2, U(5), "/usr/lib/libvmtrace.so", OF_FILE);
    whole(FAR + 16 * PAGE, 8, READ_WRITE, "", PRESENT);
    region(FAR + 32 * PAGE, 4, 3, READ_WRITE, "/data");
    fixture_pages(stream, FAR + 32 * PAGE, 2, OF_FILE);
    fixture_pages(stream, FAR + 34 * PAGE, 1, PRESENT); /* a written copy */
    whole(FAR + 47 * PAGE, 3, READ_WRITE, "", PRESENT); /* one below the stack */
    whole(FAR + 64 * PAGE, 16, READ_WRITE | VMT_REGION_SHARED, "/tmp/1.vmt", OF_FILE);
    whole(FAR + 80 * PAGE, 1, READ_WRITE | VMT_REGION_SHARED, "/tmp/1.vmt", OF_FILE);
    whole(FAR + 82 * PAGE, 3, READ_WRITE | VMT_REGION_SHARED, "/tmp/other", OF_FILE);
    whole(FAR + 96 * PAGE, 5, READ_WRITE, "[stack]", PRESENT);
    whole(FAR + 128 * PAGE, 6, READ_WRITE, "", PRESENT);
    region(FAR + 128 * PAGE, 4, 0, U(0), "[vmtrace]");
    fixture_end(stream, 55 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_FILES), 9 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_MAPPINGS), 9 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_STACKS), 7 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_TRACER), 23 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_OTHER), 7 * PAGE); /* 2 that only the kernel told */
    ck_assert_uint_eq(snapshot->program_data, 2 * PAGE);
    ck_assert_uint_eq(snapshot->rss_bytes, 53 * PAGE + 2 * PAGE);
    ck_assert_uint_eq(snapshot->file_count, 3);
    ck_assert_str_eq(snapshot->files[0].name, "/opt/app");
    ck_assert_uint_eq(snapshot->files[2].bytes.size, 4 * PAGE);
    ck_assert_uint_eq(snapshot->files[2].bytes.resident, 2 * PAGE);
    trace_model_free(model);
}
END_TEST

/* An arena of glibc's is known by the reserve behind it, or by a small block in it; a block that is
 * a mapping of its own leaves the rest of its pages to the allocator. */
START_TEST(residency_arenas_are_the_allocators)
{
    struct trace_model *model;
    uint64_t piece = UINT64_C(64) << 20, second = FAR + piece, third = FAR + 2 * piece;
    setup();
    builder_alloc(stream, VMT_MALLOC, second + 32, 100, a);
    builder_alloc(stream, VMT_MALLOC, third + 16 * PAGE + 16, 64 * PAGE, a);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(FAR, 10, READ_WRITE, "", PRESENT);
    region(FAR + 10 * PAGE, piece / PAGE - 10, 0, U(0), "");
    whole(second, 20, READ_WRITE, "", PRESENT);
    whole(third, 16 + 65 + 3, READ_WRITE, "", PRESENT);
    fixture_end(stream, 0);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 100 + 64 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_FREE), 10 * PAGE + 20 * PAGE - 100 + PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_OTHER), 19 * PAGE);
    ck_assert_uint_eq(snapshot->free_pages, 29 * PAGE);
    trace_model_free(model);
}
END_TEST

/* A thread that never allocated has told nothing of its stack; a guard is below it. */
START_TEST(residency_guarded_memory_is_a_stack)
{
    struct trace_model *model;
    setup();
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(FAR, 1, 0, U(0), "");
    whole(FAR + PAGE, 2048 + 3, READ_WRITE, "", PRESENT); /* joined with what lies above */
    region(FAR + 8192 * PAGE, 64, 0, U(0), "");           /* too large for a guard */
    whole(FAR + 8256 * PAGE, 5, READ_WRITE, "", PRESENT);
    fixture_end(stream, 0);
    take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_STACKS), 2048 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_OTHER), 8 * PAGE);
    trace_model_free(model);
}
END_TEST

/* What the program maps where a thread's stack was is its own; a stack that it maps is a stack. */
START_TEST(residency_mapping_takes_the_place_of_a_stack)
{
    struct trace_model *model;
    setup();
    builder_cold(stream, VMT_OP_STACK, "uu", FAR, FAR + 4 * PAGE);
    map(VMT_MAP_MMAP, FAR, 4, "");
    map(VMT_MAP_MMAP, FAR + 16 * PAGE, 8, "");
    builder_cold(stream, VMT_OP_STACK, "uu", FAR + 16 * PAGE, FAR + 24 * PAGE);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(FAR, 4, READ_WRITE, "", PRESENT);
    whole(FAR + 16 * PAGE, 8, READ_WRITE, "", PRESENT);
    fixture_end(stream, 0);
    take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_MAPPINGS), 4 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_STACKS), 8 * PAGE);
    trace_model_free(model);
}
END_TEST

/* Pages that were only read are the kernel's page of zeros: present, but in no RSS. */
START_TEST(residency_zero_pages_do_not_count)
{
    struct trace_model *model;
    setup();
    map(VMT_MAP_MMAP, FAR, 10, "");
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(FAR, 10, 3, READ_WRITE, "");
    fixture_pages(stream, FAR, 6, U(VMT_PAGE_PRESENT));
    fixture_pages(stream, FAR + 6 * PAGE, 3, PRESENT);
    fixture_end(stream, 3 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(snapshot->rss_bytes, 3 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident, 3 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.size, 10 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(residency_swapped_bytes_are_no_rss)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 4 * PAGE, a);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(HEAP, 4, 1, READ_WRITE, "[heap]");
    fixture_pages(stream, HEAP, 1, PRESENT);
    fixture_pages(stream, HEAP + PAGE, 2, U(VMT_PAGE_SWAPPED));
    fixture_end(stream, PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(snapshot->parts[PART_LIVE].resident, PAGE);
    ck_assert_uint_eq(snapshot->parts[PART_LIVE].swapped, 2 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.swapped, 2 * PAGE);
    trace_model_free(model);
}
END_TEST

/* No pagemap: half of the region is resident, so is about half of each block. */
START_TEST(residency_without_pages_is_shared_out)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 6 * PAGE, a);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(HEAP, 8, 4, READ_WRITE, "[heap]");
    fixture_end(stream, 5 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(snapshot->guessed, 4 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 3 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_FREE), PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_OTHER), PAGE);
    ck_assert_uint_eq(snapshot->rss_bytes, 5 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(residency_huge_pages_are_shared_by_proportion)
{
    struct trace_model *model;
    setup();
    map(VMT_MAP_MMAP, FAR, 1024, "");
    builder_alloc(stream, VMT_MALLOC, FAR + 512 * PAGE, 256 * PAGE, b);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    fixture_region(stream, (struct fixture_region){.start = FAR,
                                                   .pages = 1024,
                                                   .rss = 1024 * PAGE,
                                                   .flags = READ_WRITE,
                                                   .huge = 512 * PAGE});
    fixture_pages(stream, FAR, 1024, PRESENT);
    fixture_end(stream, 1024 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident, 768 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->huge, 384 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 1)->huge, 128 * PAGE);
    ck_assert_uint_eq(snapshot->huge, 512 * PAGE);
    trace_model_free(model);
}
END_TEST

/* The blocks of the moment count, not those of the end. */
START_TEST(residency_snapshots_keep_their_moment)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, PAGE, a);
    fixture_begin(stream, VMT_RESIDENCY_SNAPSHOT, "full");
    whole(HEAP, 1, READ_WRITE, "[heap]", PRESENT);
    fixture_end(stream, PAGE);
    builder_free(stream, VMT_FREE, HEAP);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(HEAP, 1, READ_WRITE, "[heap]", PRESENT);
    fixture_end(stream, PAGE);
    fixture_begin(stream, VMT_RESIDENCY_PEAK, "never ended");
    whole(HEAP, 1, READ_WRITE, "[heap]", PRESENT);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(model->residency.count, 2);
    ck_assert_uint_eq(snapshot->reason, VMT_RESIDENCY_EXIT);
    ck_assert_uint_eq(snapshot->parts[PART_FREE].resident, PAGE);
    ck_assert_str_eq(snapshot[-1].name, "full");
    ck_assert_uint_eq(snapshot[-1].parts[PART_LIVE].resident, PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(residency_nonsense_is_endured)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 3 * PAGE, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + PAGE, 3 * PAGE, b); /* overlaps */
    fixture_pages(stream, HEAP, 4, PRESENT);                     /* before any snapshot */
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(HEAP, 4, READ_WRITE, "[heap]", PRESENT);
    whole(HEAP, 4, READ_WRITE, "[heap]", PRESENT); /* twice */
    region(HEAP + 2 * PAGE, 4, 9, READ_WRITE, "");
    region(UINT64_MAX - PAGE, 2, 2, READ_WRITE, "");
    region(FAR, 0, 5, READ_WRITE, "");
    builder_cold(stream, VMT_OP_PAGES, "uuu", HEAP, U(3), U(0x11));
    builder_cold(stream, VMT_OP_PAGES, "uuu", HEAP, PAGE, UINT64_MAX);
    builder_cold(stream, VMT_OP_PAGES, "uuu", UINT64_MAX - 5, PAGE, U(0x11));
    fixture_end(stream, 4 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(snapshot->rss_bytes, 4 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 4 * PAGE);
    trace_model_free(model);
}
END_TEST

START_TEST(residency_old_snapshots_make_room)
{
    struct trace_model *model;
    setup();
    for (uint64_t i = 0; i < RESIDENCY_MAX + 10; i++) {
        builder_at(stream, BUILDER_START_TICKS + i);
        fixture_begin(stream, i == 5 ? VMT_RESIDENCY_SNAPSHOT : VMT_RESIDENCY_PEAK, "");
        whole(HEAP, i == 9 ? 3 : 1, READ_WRITE, "[heap]", PRESENT);
        fixture_end(stream, PAGE);
    }
    take(&model);
    ck_assert_uint_eq(model->residency.count, RESIDENCY_MAX);
    ck_assert_uint_eq(model->residency.dropped, 10);
    ck_assert_uint_eq(model->residency.snapshots[0].ticks, BUILDER_START_TICKS);
    ck_assert_uint_eq(model->residency.snapshots[1].reason, VMT_RESIDENCY_SNAPSHOT);
    ck_assert_uint_eq(model->residency.snapshots[2].rss_bytes, 3 * PAGE);
    trace_model_free(model);
}
END_TEST

/* Of a sampled heap only some blocks are known: what they stand for is live as well. */
START_TEST(residency_sampled_blocks_are_weighed)
{
    struct trace_model *model;
    setup();
    trace_builder_header(builder)->sample_interval = 4 * PAGE;
    builder_alloc(stream, VMT_MALLOC, HEAP, PAGE, a);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(HEAP, 100, READ_WRITE, "[heap]", PRESENT);
    fixture_end(stream, 100 * PAGE);
    const struct residency *snapshot = take(&model);
    const struct residency_site *site = fixture_site(snapshot, 0);
    /* 1 / (1 - exp(-1/4)) = 4.52 */
    ck_assert_uint_gt(site->bytes.resident, 4 * PAGE);
    ck_assert_uint_lt(site->bytes.resident, 5 * PAGE);
    ck_assert_uint_eq(snapshot->parts[PART_LIVE].resident, site->bytes.resident);
    ck_assert_uint_eq(snapshot->rss_bytes, 100 * PAGE);
    trace_model_free(model);
}
END_TEST

/* Blocks of 256 bytes, one to a page, stand for far more than is in memory.  One that was left out
 * has a mapping of its own. */
START_TEST(residency_sampled_sites_add_up_to_their_part)
{
    struct trace_model *model;
    setup();
    trace_builder_header(builder)->sample_interval = 64 * PAGE;
    for (uint64_t i = 0; i < 32; i++)
        builder_alloc(stream, VMT_MALLOC, HEAP + i * PAGE, 256, i % 2 ? a : b);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(HEAP, 32, READ_WRITE, "[heap]", PRESENT);
    whole(FAR, 512, READ_WRITE, "", PRESENT);
    fixture_end(stream, 544 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_FREE), 0);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 544 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident +
                          fixture_site(snapshot, 1)->bytes.resident,
                      544 * PAGE);
    trace_model_free(model);
}
END_TEST

/* Nor may what is known to be somebody else's be taken for it. */
START_TEST(residency_sampled_estimate_leaves_others_alone)
{
    struct trace_model *model;
    setup();
    trace_builder_header(builder)->sample_interval = 64 * PAGE;
    for (uint64_t i = 0; i < 32; i++)
        builder_alloc(stream, VMT_MALLOC, HEAP + i * PAGE, 256, a);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    whole(HEAP, 32, READ_WRITE, "[heap]", PRESENT);
    whole(FAR, 512, READ_WRITE, "[anon: of another]", PRESENT);
    fixture_end(stream, 544 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 32 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident, 32 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_OTHER), 512 * PAGE);
    trace_model_free(model);
}
END_TEST

/* Four processes have three of the pages. */
START_TEST(residency_shared_pages_count_in_part)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 2 * PAGE, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + 2 * PAGE, 4 * PAGE, b);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    fixture_shared_region(
        stream,
        (struct fixture_region){
            .start = HEAP, .pages = 8, .rss = 6 * PAGE, .flags = READ_WRITE, .name = "[heap]"},
        3 * PAGE, 3 * PAGE * 3 / 4);
    fixture_pages(stream, HEAP, 3, VMT_PAGE_PRESENT);
    fixture_pages(stream, HEAP + 3 * PAGE, 3, PRESENT);
    fixture_end(stream, 6 * PAGE);
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident, 2 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->pss, 2 * PAGE / 4);
    ck_assert_uint_eq(fixture_site(snapshot, 1)->bytes.resident, 4 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 1)->pss, 3 * PAGE + PAGE / 4);
    trace_model_free(model);
}
END_TEST

/* Housekeeping may run inside realloc, behind its BEGIN. */
START_TEST(residency_block_on_the_move_is_live)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 3 * PAGE, a);
    builder_realloc_begin(stream, HEAP);
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(1) << 30, 8 * PAGE, U(0), U(0), U(0),
                 U(0));
    fixture_begin(stream, VMT_RESIDENCY_PEAK, "");
    whole(HEAP, 8, READ_WRITE, "[heap]", PRESENT);
    fixture_end(stream, 8 * PAGE);
    builder_alloc(stream, VMT_REALLOC, HEAP, 4 * PAGE, b);
    builder_realloc_begin(stream, HEAP);
    builder_realloc_freed(stream);
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(1) << 30, 8 * PAGE, U(0), U(0), U(0),
                 U(0));
    const struct residency *snapshot = take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 3 * PAGE);
    ck_assert_uint_eq(snapshot->parts[PART_LIVE].size, 3 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.resident, 3 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->bytes.size, 3 * PAGE);
    ck_assert_uint_eq(fixture_site(snapshot, 0)->blocks, 1);
    ck_assert_uint_eq(model->timeline.samples[0].live_bytes, 3 * PAGE);
    ck_assert_uint_eq(model->timeline.samples[1].live_bytes, 0);
    ck_assert_uint_eq(model->heap.moving_blocks | model->heap.moving_bytes, 0);
    trace_model_free(model);
}
END_TEST

/* Where the stretch of `at` in the first region ends. */
static uint64_t stretch_end(struct trace_model *model, uint64_t at)
{
    struct block_order order;
    struct residency_capture *capture = &model->residency.capture;
    ck_assert(block_order_init(&order, &model->heap));
    ck_assert_ptr_null(capture->regions);
    capture->regions = model->residency.regions;
    capture->region_count = model->residency.region_count;
    struct stretch stretch =
        region_owner(&model->residency, &model->residency.capture, &order, 0, at);
    capture->regions = NULL;
    block_order_release(&order);
    return stretch.end;
}

/* 2^30 pieces of 64 MiB, of which two may be arenas'; what is larger cannot be. */
START_TEST(residency_endless_regions_are_gone_through)
{
    struct trace_model *model;
    uint64_t piece = UINT64_C(64) << 20, end = U(1) << 56;
    setup();
    builder_alloc(stream, VMT_MALLOC, FAR + 32, 100, a);
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    region(PAGE, end / PAGE - 11, 6, READ_WRITE, "");
    fixture_pages(stream, FAR, 2, PRESENT);
    fixture_pages(stream, FAR + piece, 1, PRESENT);
    fixture_pages(stream, end - piece, 3, PRESENT);
    region(end - 10 * PAGE, 10, 0, U(0), "");
    region(U(1) << 56, (U(1) << 56) / PAGE + 1, 1, READ_WRITE, "");
    region(UINT64_C(0xffffffffff600000), 1, 0, U(5), "[vsyscall]");
    fixture_end(stream, 6 * PAGE);
    take(&model);
    ck_assert_uint_eq(fixture_part(model, PART_LIVE), 100);
    ck_assert_uint_eq(fixture_part(model, PART_FREE), 2 * PAGE - 100 + 3 * PAGE);
    ck_assert_uint_eq(fixture_part(model, PART_OTHER), PAGE);
    ck_assert_uint_eq(model->residency.region_count, 3);
    ck_assert_uint_eq(stretch_end(model, PAGE), FAR);
    ck_assert_uint_eq(stretch_end(model, FAR), FAR + piece);
    ck_assert_uint_eq(stretch_end(model, FAR + piece), end - piece);
    ck_assert_uint_eq(stretch_end(model, end - piece), end - 10 * PAGE);
    trace_model_free(model);
}
END_TEST

static void add_snapshot(struct trace_model *model, enum vmt_residency reason)
{
    struct event event = {.type = EVENT_COLD, .op = VMT_OP_RESIDENCY};
    event.cold.values[0] = reason;
    event.cold.strings[0] = (struct event_string){"", 0};
    ck_assert(residency_model_apply(&model->residency, 0, 100, &event));
    event = (struct event){.type = EVENT_COLD, .op = VMT_OP_REGION};
    event.cold.values[0] = HEAP;
    event.cold.values[1] = PAGE;
    event.cold.strings[0] = (struct event_string){"", 0};
    ck_assert(residency_model_apply(&model->residency, 0, 100, &event));
    event = (struct event){.type = EVENT_COLD, .op = VMT_OP_RESIDENCY_END};
    ck_assert(residency_model_apply(&model->residency, 0, 100, &event));
}

/* When all that joins may cost was used, one in two follows, then one in four; and the last. */
START_TEST(residency_costly_joins_become_rare)
{
    struct trace_model *model;
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, PAGE, a);
    model = fixture_take(builder);
    for (size_t round = 0; round < 2; round++) {
        model->residency.work = RESIDENCY_WORK - 1;
        add_snapshot(model, VMT_RESIDENCY_PEAK);
    }
    ck_assert_uint_eq(model->residency.count, 1);
    add_snapshot(model, VMT_RESIDENCY_PEAK);
    ck_assert_uint_eq(model->residency.count, 2);
    for (size_t i = 0; i < 8; i++)
        add_snapshot(model, VMT_RESIDENCY_PEAK);
    ck_assert_uint_eq(model->residency.count, 4);
    add_snapshot(model, VMT_RESIDENCY_EXIT);
    ck_assert_uint_eq(model->residency.count, 5);
    ck_assert_uint_eq(residency_model_last(&model->residency)->reason, VMT_RESIDENCY_EXIT);
    add_snapshot(model, VMT_RESIDENCY_EXIT);
    ck_assert_uint_eq(model->residency.count, 5);
    ck_assert_uint_eq(model->residency.dropped, 8);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("residency", residency_page_of_two_blocks_is_split_by_bytes,
          residency_order_of_records_does_not_matter,
          residency_nearly_empty_pages_are_charged_to_their_survivors,
          residency_each_part_gets_its_pages, residency_arenas_are_the_allocators,
          residency_guarded_memory_is_a_stack, residency_mapping_takes_the_place_of_a_stack,
          residency_zero_pages_do_not_count, residency_swapped_bytes_are_no_rss,
          residency_without_pages_is_shared_out, residency_huge_pages_are_shared_by_proportion,
          residency_snapshots_keep_their_moment, residency_nonsense_is_endured,
          residency_old_snapshots_make_room, residency_sampled_blocks_are_weighed,
          residency_sampled_sites_add_up_to_their_part,
          residency_sampled_estimate_leaves_others_alone, residency_shared_pages_count_in_part,
          residency_block_on_the_move_is_live, residency_endless_regions_are_gone_through,
          residency_costly_joins_become_rare)
