/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timeline.h"

#include "model_fixture.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 1);
    a = builder_stack(stream, 1, U(0x401000));
}

static void begin(const char *name)
{
    builder_cold(stream, VMT_OP_PHASE_BEGIN, "s", name);
}

static void end(const char *name)
{
    builder_cold(stream, VMT_OP_PHASE_END, "s", name);
}

static void sample(uint64_t ticks, uint64_t rss)
{
    builder_at(stream, AT(ticks));
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(1) << 40, rss, U(0), ticks, U(0), U(0));
}

START_TEST(timeline_phases_nest_and_overlap)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 100, a);
    begin("outer");
    builder_alloc(stream, VMT_MALLOC, 0x2000, 10, a);
    begin("inner");
    builder_alloc(stream, VMT_MALLOC, 0x3000, 1000, a);
    builder_free(stream, VMT_FREE, 0x3000);
    builder_free(stream, VMT_FREE, 0x1000);
    end("outer");
    builder_alloc(stream, VMT_MALLOC, 0x4000, 5, a);
    builder_alloc(stream, VMT_MALLOC, 0x5000, 2, a);
    end("inner");
    struct trace_model *model = fixture_take(builder);
    const struct phase *outer = &model->timeline.phases[0], *inner = &outer[1];
    ck_assert_str_eq(outer->name, "outer");
    ck_assert_uint_eq(outer->allocations, 2);
    ck_assert_uint_eq(outer->frees, 2);
    ck_assert_uint_eq(outer->bytes_allocated, 1010);
    ck_assert_uint_eq(outer->live_bytes_begin, 100);
    ck_assert_uint_eq(outer->live_bytes_end, 10);
    ck_assert_uint_eq(outer->survivors_bytes, 10);
    ck_assert_uint_eq(outer->survivors_blocks, 1);
    ck_assert_uint_eq(outer->peak_bytes, 1110);
    ck_assert_uint_eq(inner->allocations, 3);
    ck_assert_uint_eq(inner->survivors_bytes, 7);
    ck_assert_uint_eq(inner->peak_bytes, 1110);
    ck_assert(inner->ended);
    trace_model_free(model);
}
END_TEST

START_TEST(timeline_phase_peak_is_of_the_phase_alone)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 5000, a);
    builder_free(stream, VMT_FREE, 0x1000);
    begin("quiet");
    builder_alloc(stream, VMT_MALLOC, 0x2000, 10, a);
    end("quiet");
    builder_alloc(stream, VMT_MALLOC, 0x3000, 7000, a);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->timeline.phases[0].peak_bytes, 10);
    trace_model_free(model);
}
END_TEST

START_TEST(timeline_end_closes_the_newest_of_that_name)
{
    setup();
    begin("x");
    begin("x");
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    end("x");
    end("y");
    builder_at(stream, AT(100));
    builder_alloc(stream, VMT_MALLOC, 0x2000, 1, a);
    struct trace_model *model = fixture_take(builder);
    ck_assert(!model->timeline.phases[0].ended);
    ck_assert_uint_eq(model->timeline.phases[0].end_ticks, AT(100));
    ck_assert_uint_eq(model->timeline.phases[0].allocations, 2);
    ck_assert(model->timeline.phases[1].ended);
    ck_assert_uint_eq(model->timeline.phases[1].allocations, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(timeline_many_phases_are_bounded)
{
    setup();
    for (int i = 0; i < 300; i++)
        begin("nested");
    for (int i = 0; i < 300; i++)
        end("nested");
    for (size_t i = 0; i < PHASES_MAX; i++) {
        begin("x");
        end("x");
    }
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->timeline.phase_count, PHASES_MAX);
    ck_assert_uint_eq(model->timeline.dropped_phases, 300);
    ck_assert_uint_eq(model->timeline.open_count, 0);
    trace_model_free(model);
}
END_TEST

START_TEST(timeline_samples_keep_their_extremes)
{
    setup();
    for (uint64_t i = 1; i <= 100000; i++)
        sample(i, i == 54321 ? 999999 : i == 77777 ? 1 : 1000 + i % 10);
    struct trace_model *model = fixture_take(builder);
    const struct timeline *timeline = &model->timeline;
    bool high = false, low = false;
    ck_assert_uint_le(timeline->sample_count, SAMPLES_MAX);
    ck_assert_uint_gt(timeline->sample_count, SAMPLES_MAX / 2);
    for (size_t i = 0; i < timeline->sample_count; i++) {
        high |= timeline->samples[i].rss_bytes == 999999;
        low |= timeline->samples[i].rss_bytes == 1;
        if (i)
            ck_assert_uint_gt(timeline->samples[i].ticks, timeline->samples[i - 1].ticks);
    }
    ck_assert(high);
    ck_assert(low);
    ck_assert_uint_eq(timeline->sample_total, 100000);
    ck_assert_uint_eq(timeline->peak_rss_bytes, 999999);
    ck_assert_uint_eq(timeline->last_sample.minor, 100000);
    trace_model_free(model);
}
END_TEST

START_TEST(timeline_samples_of_older_recorders_lack_what_is_in_swap)
{
    setup();
    sample(5, 4096);
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuuu", U(1) << 40, U(8192), U(0), U(0), U(0),
                 U(0), U(300) << 20);
    sample(9, 4096);
    struct trace_model *model = fixture_take(builder);
    const struct memory_sample *samples = model->timeline.samples;
    ck_assert_uint_eq(model->timeline.sample_count, 3);
    ck_assert_uint_eq(samples[0].swap_bytes, UINT64_MAX);
    ck_assert_uint_eq(samples[1].swap_bytes, U(300) << 20);
    ck_assert_uint_eq(samples[1].rss_bytes, 8192);
    ck_assert_uint_eq(samples[2].swap_bytes, UINT64_MAX);
    ck_assert_uint_eq(samples[2].rss_bytes, 4096);
    trace_model_free(model);
}
END_TEST

START_TEST(timeline_snapshot_remembers_the_moment)
{
    setup();
    builder_cold(stream, VMT_OP_SNAPSHOT, "s", "early");
    builder_alloc(stream, VMT_MALLOC, 0x1000, 64, a);
    sample(5, 4096);
    builder_cold(stream, VMT_OP_SNAPSHOT, "s", "late");
    builder_free(stream, VMT_FREE, 0x1000);
    struct trace_model *model = fixture_take(builder);
    const struct snapshot *snapshots = model->timeline.snapshots;
    ck_assert_uint_eq(snapshots[0].rss_bytes, UINT64_MAX);
    ck_assert_uint_eq(snapshots[0].live_bytes, 0);
    ck_assert_str_eq(snapshots[1].name, "late");
    ck_assert_uint_eq(snapshots[1].live_bytes, 64);
    ck_assert_uint_eq(snapshots[1].live_blocks, 1);
    ck_assert_uint_eq(snapshots[1].rss_bytes, 4096);
    ck_assert_uint_eq(model->timeline.samples[0].live_bytes, 64);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("timeline", timeline_phases_nest_and_overlap, timeline_phase_peak_is_of_the_phase_alone,
          timeline_end_closes_the_newest_of_that_name, timeline_many_phases_are_bounded,
          timeline_samples_keep_their_extremes,
          timeline_samples_of_older_recorders_lack_what_is_in_swap,
          timeline_snapshot_remembers_the_moment)
