/* SPDX-License-Identifier: Apache-2.0 */
/* Why RSS grew, whether it goes on growing, and the map: query/report_growth.c, _trend.c, _map.c.
 */
#include <string.h>

#include "render/renderer.h"
#include "residency_fixture.h"
#include "unit_main.h"

#define HEAP UINT64_C(0x555555600000)
#define FAR UINT64_C(0x7f0000000000)
#define SECOND UINT64_C(1000000000) /* ticks of the builder's clock */

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

static void heap_snapshot(enum vmt_residency reason, const char *name, uint64_t pages)
{
    fixture_begin(stream, reason, name);
    fixture_region(stream, (struct fixture_region){.start = HEAP,
                                                   .pages = pages,
                                                   .rss = pages * PAGE,
                                                   .flags = READ_WRITE,
                                                   .name = "[heap]"});
    fixture_pages(stream, HEAP, pages, PRESENT);
    fixture_end(stream, pages * PAGE);
}

static void sample(uint64_t ticks, uint64_t rss)
{
    builder_at(stream, BUILDER_START_TICKS + ticks);
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(1) << 30, rss, U(0), U(0), U(0), U(0));
}

static const struct report_interval *interval_between(const struct report *report, size_t from,
                                                      size_t to)
{
    for (size_t i = 0; i < report->memory->interval_count; i++)
        if (report->memory->intervals[i].from == from && report->memory->intervals[i].to == to)
            return &report->memory->intervals[i];
    ck_abort_msg("no such interval");
    return NULL;
}

static void expect_sums(const struct report_interval *interval)
{
    int64_t parts = 0, causes = 0;
    for (size_t i = 0; i < REPORT_PARTS; i++)
        parts += interval->parts[i];
    for (size_t i = 0; i < interval->cause_count; i++)
        causes += interval->causes[i].bytes;
    ck_assert_int_eq(parts, interval->bytes);
    ck_assert_int_eq(causes, interval->bytes);
}

START_TEST(growth_free_heap_is_told_at_the_points_before_snapshots)
{
    setup();
    sample(1, PAGE);
    builder_alloc(stream, VMT_MALLOC, HEAP, 7 * PAGE, a);
    sample(2, 10 * PAGE);
    heap_snapshot(VMT_RESIDENCY_PEAK, "", 10);
    sample(3, 10 * PAGE);
    builder_free(stream, VMT_FREE, HEAP);
    sample(4, 10 * PAGE);
    heap_snapshot(VMT_RESIDENCY_EXIT, "", 10);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->sample_count, 4);
    ck_assert_uint_eq(report->samples[0].free_heap_bytes, REPORT_UNKNOWN);
    ck_assert_uint_eq(report->samples[1].free_heap_bytes, 3 * PAGE);
    ck_assert_uint_eq(report->samples[2].free_heap_bytes, REPORT_UNKNOWN);
    ck_assert_uint_eq(report->samples[3].free_heap_bytes, 10 * PAGE);
    report_free(report);
}
END_TEST

/* A: 10 pages of the first site.  B: 3 of these, 40 of the second, and 2 free. */
START_TEST(growth_causes_add_up_and_come_by_size)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 7 * PAGE, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + 7 * PAGE, 3 * PAGE, a);
    heap_snapshot(VMT_RESIDENCY_SNAPSHOT, "A", 10);
    builder_free(stream, VMT_FREE, HEAP);
    builder_alloc(stream, VMT_MALLOC, HEAP + 10 * PAGE, 40 * PAGE, b);
    builder_alloc(stream, VMT_MALLOC, HEAP, 5 * PAGE, b);
    heap_snapshot(VMT_RESIDENCY_SNAPSHOT, "B", 50);
    struct report *report = fixture_report(builder);
    const struct report_interval *interval = interval_between(report, 0, 1);
    ck_assert_int_eq(interval->bytes, (int64_t)(40 * PAGE));
    ck_assert_int_eq(interval->parts[REPORT_PART_LIVE], (int64_t)(38 * PAGE));
    ck_assert_int_eq(interval->parts[REPORT_PART_FREE], (int64_t)(2 * PAGE));
    ck_assert_uint_eq(interval->cause_count, 3);
    ck_assert_int_eq(interval->causes[0].bytes, (int64_t)(45 * PAGE));
    ck_assert_int_eq(interval->causes[1].bytes, -(int64_t)(7 * PAGE));
    ck_assert_int_eq(interval->causes[2].part, REPORT_PART_FREE);
    ck_assert_ptr_null(interval->causes[2].site);
    expect_sums(interval);
    expect_sums(interval_between(report, REPORT_START, 1));
    report_free(report);
}
END_TEST

START_TEST(growth_highest_snapshot_is_between_start_and_end)
{
    setup();
    heap_snapshot(VMT_RESIDENCY_PEAK, "", 10);
    heap_snapshot(VMT_RESIDENCY_PEAK, "", 90);
    heap_snapshot(VMT_RESIDENCY_EXIT, "", 20);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->memory->highest, 1);
    ck_assert_int_eq(interval_between(report, REPORT_START, 1)->bytes, (int64_t)(90 * PAGE));
    ck_assert_int_eq(interval_between(report, 1, 2)->bytes, -(int64_t)(70 * PAGE));
    ck_assert_int_eq(interval_between(report, REPORT_START, 2)->bytes, (int64_t)(20 * PAGE));
    ck_assert_str_eq(report->memory->residencies[2].reason, "exit");
    report_free(report);
}
END_TEST

/* Many causes: those left out are the rest of their part. */
START_TEST(growth_causes_beyond_the_limit_are_the_rest)
{
    setup();
    for (uint64_t i = 0; i < 300; i++)
        builder_alloc(stream, VMT_MALLOC, HEAP + i * PAGE, PAGE / 2 + i,
                      builder_stack(stream, 1, U(0x500000) + i * 16));
    heap_snapshot(VMT_RESIDENCY_EXIT, "", 300);
    struct report *report = fixture_report(builder);
    const struct report_interval *interval = interval_between(report, REPORT_START, 0);
    ck_assert_uint_lt(interval->cause_count, 265);
    expect_sums(interval);
    report_free(report);
}
END_TEST

START_TEST(growth_sites_say_what_is_resident)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 8 * PAGE, a);
    builder_alloc(stream, VMT_MALLOC, HEAP + 100 * PAGE, PAGE, b);
    heap_snapshot(VMT_RESIDENCY_EXIT, "", 6);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->growth_sites[0]->live_bytes, 8 * PAGE);
    ck_assert_uint_eq(report->growth_sites[0]->resident_bytes, 6 * PAGE);
    ck_assert_uint_eq(report->growth_sites[0]->swapped_bytes, 0);
    ck_assert_uint_eq(report->growth_sites[1]->resident_bytes, 0);
    ck_assert_uint_eq(report->memory->residencies[0].sites[0].untouched, 2 * PAGE);
    report_free(report);
}
END_TEST

static bool growth_text_says(const struct report *report, unsigned sections, const char *words)
{
    char *written = NULL;
    size_t length;
    FILE *out = open_memstream(&written, &length);
    const struct render_options options = {.sections = sections, .top = 10};
    ck_assert_ptr_nonnull(out);
    ck_assert(text_render(report, &options, out));
    ck_assert_int_eq(fclose(out), 0);
    bool found = strstr(written, words) != NULL;
    free(written);
    return found;
}

/* A forked child does not know which blocks of its parent's live. */
START_TEST(growth_in_a_fork_calls_nothing_free)
{
    for (int forked = 0; forked < 2; forked++) {
        setup();
        if (forked)
            trace_builder_header(builder)->flags |= VMT_FLAG_FORKED;
        builder_alloc(stream, VMT_MALLOC, HEAP, 64, a);
        heap_snapshot(VMT_RESIDENCY_EXIT, "", 1000);
        struct report *report = fixture_report(builder);
        const struct report_residency *at = &report->memory->residencies[0];
        ck_assert_uint_eq(at->parts[REPORT_PART_FREE].resident, 1000 * PAGE - 64);
        ck_assert_uint_eq(at->free_pages, forked ? REPORT_UNKNOWN : 999 * PAGE);
        ck_assert_uint_eq(at->pinned, forked ? REPORT_UNKNOWN : PAGE - 64);
        ck_assert_uint_eq(at->sites[0].pinned, forked ? 0 : PAGE - 64);
        ck_assert(growth_text_says(report, RENDER_GROWTH, "%  inherited from the parent") ==
                  forked);
        ck_assert(growth_text_says(report, RENDER_GROWTH, "free memory that") != forked);
        ck_assert(growth_text_says(report, RENDER_GROWTH, "in empty pages") != forked);
        ck_assert(growth_text_says(report, RENDER_MAP, "mostly inherited") == forked);
        report_free(report);
    }
}
END_TEST

/* Unless the section was asked for. */
START_TEST(growth_of_the_default_report_is_brief)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 64, a);
    heap_snapshot(VMT_RESIDENCY_EXIT, "", 1000);
    struct report *report = fixture_report(builder);
    ck_assert(growth_text_says(report, RENDER_GROWTH, "  live blocks\n"));
    ck_assert(growth_text_says(report, RENDER_GROWTH, "by call stack:\n"));
    ck_assert(!growth_text_says(report, 0, "  live blocks\n"));
    ck_assert(growth_text_says(report, 0, "smaller owners"));
    ck_assert(growth_text_says(report, 0, "by call stack: --growth"));
    report_free(report);
}
END_TEST

START_TEST(growth_without_snapshots_knows_no_owner)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, HEAP, 8 * PAGE, a);
    struct report *report = fixture_report(builder);
    ck_assert_uint_eq(report->memory->residency_count, 0);
    ck_assert_uint_eq(report->memory->interval_count, 0);
    ck_assert_uint_eq(report->growth_sites[0]->resident_bytes, REPORT_UNKNOWN);
    ck_assert_int_eq(report->memory->trend.kind, REPORT_TREND_UNKNOWN);
    report_free(report);
}
END_TEST

static bool has_note(const struct report *report, const char *words)
{
    for (size_t i = 0; i < report->note_count; i++)
        if (strstr(report->notes[i], words))
            return true;
    return false;
}

START_TEST(residency_notes_say_what_is_not_known)
{
    setup();
    heap_snapshot(VMT_RESIDENCY_EXIT, "", 6);
    struct report *report = fixture_report(builder);
    ck_assert(!has_note(report, "resident memory"));
    report_free(report);

    setup();
    trace_builder_header(builder)->flags |= VMT_FLAG_FORKED;
    heap_snapshot(VMT_RESIDENCY_PEAK, "", 6);
    sample(SECOND, 1 << 20);
    report = fixture_report(builder);
    ck_assert(has_note(report, "from its parent are not known"));
    ck_assert(has_note(report, "as of the last snapshot, 1.0 s before the end"));
    report_free(report);

    setup();
    builder_cold(stream, VMT_OP_PAUSE, "");
    builder_at(stream, BUILDER_START_TICKS + 5);
    builder_cold(stream, VMT_OP_RESUME, "");
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    fixture_region(stream, (struct fixture_region){HEAP, 4, PAGE, READ_WRITE, 0, 0, 0, "[heap]"});
    builder_cold(stream, VMT_OP_RESIDENCY_END, "uuuuuu", U(13), PAGE, PAGE, U(0), U(0), U(0));
    report = fixture_report(builder);
    ck_assert(has_note(report, "paused or lost are not known"));
    ck_assert(has_note(report, "is not whole: Permission denied"));
    ck_assert(has_note(report, "4096 of 4096 bytes are shared out by proportion"));
    report_free(report);

    setup();
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    fixture_end(stream, 0);
    report = fixture_report(builder);
    ck_assert(has_note(report, "no snapshot of resident memory was whole"));
    report_free(report);
}
END_TEST

/* ---- trend: 100 points in 10 seconds; noise of up to 64 KiB by a fixed sequence ---- */

static uint64_t noise(uint64_t i)
{
    return (i * 7919 + 13) % 17 * 4096;
}

static struct report *trend_of(uint64_t (*rss)(uint64_t i))
{
    setup();
    for (uint64_t i = 0; i < 100; i++)
        sample(i * SECOND / 10, rss(i) + noise(i));
    return fixture_report(builder);
}

static uint64_t rss_steady(uint64_t i)
{
    return (U(50) << 20) + i * (U(1) << 20);
}

static uint64_t rss_warm_up(uint64_t i)
{
    return (U(50) << 20) + (i < 30 ? i : 30) * (U(1) << 20);
}

static uint64_t rss_level(uint64_t i)
{
    return (U(50) << 20) + i % 2 * 4096;
}

static uint64_t rss_jump(uint64_t i)
{
    return (U(50) << 20) + (i > 80 ? U(20) << 20 : 0);
}

/* It rises all the time, but next to all of it at once. */
static uint64_t rss_step(uint64_t i)
{
    return (U(50) << 20) + i * 40960 + (i > 60 ? U(20) << 20 : 0);
}

static uint64_t rss_saw(uint64_t i)
{
    return (U(50) << 20) + i % 10 * (U(4) << 20);
}

static uint64_t rss_falling(uint64_t i)
{
    return (U(500) << 20) - i * (U(1) << 20);
}

static void expect_trend(uint64_t (*rss)(uint64_t i), enum report_trend_kind kind)
{
    struct report *report = trend_of(rss);
    ck_assert_int_eq(report->memory->trend.kind, kind);
    report_free(report);
}

START_TEST(trend_steady_growth_has_a_slope)
{
    struct report *report = trend_of(rss_steady);
    const struct report_trend *trend = &report->memory->trend;
    ck_assert_int_eq(trend->kind, REPORT_TREND_STEADY);
    ck_assert_double_gt(trend->slope, 10.0 * (1 << 20) * 0.99);
    ck_assert_double_lt(trend->slope, 10.0 * (1 << 20) * 1.01);
    ck_assert_double_le(trend->slope_low, trend->slope);
    ck_assert_double_ge(trend->slope_high, trend->slope);
    ck_assert_double_gt(trend->confidence, 0.999);
    report_free(report);
}
END_TEST

START_TEST(trend_other_shapes_are_told_apart)
{
    expect_trend(rss_warm_up, REPORT_TREND_WARM_UP);
    expect_trend(rss_level, REPORT_TREND_LEVEL);
    expect_trend(rss_jump, REPORT_TREND_UNCLEAR);
    expect_trend(rss_step, REPORT_TREND_UNCLEAR);
    expect_trend(rss_falling, REPORT_TREND_FALLING);
    struct report *report = trend_of(rss_saw);
    ck_assert_int_ne(report->memory->trend.kind, REPORT_TREND_STEADY);
    report_free(report);
}
END_TEST

/* Growth to the end, and then all is released: at once, or in ten steps. */
static uint64_t rss_torn_down(uint64_t i)
{
    return i < 99 ? rss_steady(i) : U(40) << 20;
}

static uint64_t rss_torn_down_slowly(uint64_t i)
{
    return i < 90 ? rss_steady(i) : rss_steady((99 - i) * 9);
}

START_TEST(trend_release_at_the_end_hides_no_leak)
{
    expect_trend(rss_torn_down, REPORT_TREND_STEADY);
    struct report *report = trend_of(rss_torn_down_slowly);
    ck_assert_int_eq(report->memory->trend.kind, REPORT_TREND_STEADY);
    ck_assert_uint_ge(report->memory->trend.to_ns, 8800000000);
    ck_assert_uint_le(report->memory->trend.to_ns, 9000000000);
    report_free(report);
}
END_TEST

/* The recorder takes no samples while nothing happens. */
START_TEST(trend_idle_time_is_no_growth)
{
    setup();
    for (uint64_t i = 0; i < 60; i++)
        sample(i * SECOND / 10, rss_steady(i));
    sample(10 * SECOND, rss_steady(59));
    struct report *report = fixture_report(builder);
    ck_assert_int_eq(report->memory->trend.kind, REPORT_TREND_UNCLEAR);
    ck_assert_uint_eq(report->memory->trend.points, 40);
    report_free(report);
}
END_TEST

START_TEST(trend_few_points_say_nothing)
{
    setup();
    for (uint64_t i = 0; i < 8; i++)
        sample(i * SECOND, rss_steady(i * 10));
    struct report *report = fixture_report(builder);
    ck_assert_int_eq(report->memory->trend.kind, REPORT_TREND_UNKNOWN);
    report_free(report);
}
END_TEST

/* ---- map ---- */

static void map_setup(void)
{
    setup();
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", U(0x400000), U(0x400000), U(0x406000), "",
                 "/opt/app", U(VMT_MODULE_MAIN));
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), FAR, 8 * PAGE, U(3), U(0x22), U(0), a, "");
    builder_cold(stream, VMT_OP_THREAD_NAME, "us", U(100), "worker");
    builder_cold(stream, VMT_OP_STACK, "uu", FAR + 64 * PAGE, FAR + 80 * PAGE);
    const struct builder_fault faults[] = {
        {0x400100, FAR, 0, 0}, {0x400100, FAR + PAGE, 0, 0}, {0x400100, FAR + PAGE, 0, 0}};
    builder_cold(stream, VMT_OP_FAULTS, "uuf", U(3), U(0), faults,
                 sizeof(faults) / sizeof(*faults));
}

START_TEST(map_owners_and_segments_are_told)
{
    map_setup();
    fixture_begin(stream, VMT_RESIDENCY_EXIT, "");
    fixture_region(stream, (struct fixture_region){0x400000, 2, PAGE, 5, 0, 0, 0, "/opt/app"});
    fixture_pages(stream, 0x400000, 1, OF_FILE);
    fixture_region(stream,
                   (struct fixture_region){0x402000, 1, PAGE, READ_WRITE, 0, 0, 0, "/opt/app"});
    fixture_region(stream, (struct fixture_region){0x403000, 3, 2 * PAGE, READ_WRITE, 0, 0, 0, ""});
    fixture_region(stream, (struct fixture_region){FAR, 8, 3 * PAGE, READ_WRITE, 0, 0, 0, ""});
    fixture_pages(stream, FAR, 3, PRESENT);
    fixture_region(stream,
                   (struct fixture_region){FAR + 64 * PAGE, 16, PAGE, READ_WRITE, 0, 0, 0, ""});
    fixture_end(stream, 8 * PAGE);
    struct report *report = fixture_report(builder);
    const struct report_memory *memory = report->memory;
    ck_assert_uint_eq(memory->region_count, 5);
    ck_assert_int_eq(memory->regions[0].owner, REPORT_PART_FILES);
    ck_assert_str_eq(memory->regions[2].module, "/opt/app");
    ck_assert_int_eq(memory->regions[3].owner, REPORT_PART_MAPPINGS);
    ck_assert_uint_eq(memory->regions[3].site->live_bytes, 8 * PAGE);
    ck_assert_uint_eq(memory->regions[3].faulted, 2);
    ck_assert_uint_eq(memory->regions[4].faulted, 0);
    ck_assert_uint_eq(memory->regions[3].parts[REPORT_PART_MAPPINGS], 3 * PAGE);
    ck_assert_int_eq(memory->regions[4].owner, REPORT_PART_STACKS);
    ck_assert_uint_eq(memory->regions[4].tid, 100);
    ck_assert_str_eq(memory->regions[4].thread, "worker");
    ck_assert_uint_eq(memory->segment_count, 1);
    ck_assert_uint_eq(memory->segments[0].code.size, 2 * PAGE);
    ck_assert_uint_eq(memory->segments[0].code.resident, PAGE);
    ck_assert_uint_eq(memory->segments[0].data.size, PAGE);
    ck_assert_uint_eq(memory->segments[0].zero.size, 3 * PAGE);
    ck_assert_uint_eq(memory->segments[0].zero.resident, 2 * PAGE);
    report_free(report);
}
END_TEST

UNIT_MAIN("growth", growth_free_heap_is_told_at_the_points_before_snapshots,
          growth_causes_add_up_and_come_by_size, growth_highest_snapshot_is_between_start_and_end,
          growth_causes_beyond_the_limit_are_the_rest, growth_sites_say_what_is_resident,
          growth_without_snapshots_knows_no_owner, residency_notes_say_what_is_not_known,
          trend_steady_growth_has_a_slope, trend_other_shapes_are_told_apart,
          trend_few_points_say_nothing, trend_release_at_the_end_hides_no_leak,
          trend_idle_time_is_no_growth, growth_in_a_fork_calls_nothing_free,
          growth_of_the_default_report_is_brief, map_owners_and_segments_are_told)
