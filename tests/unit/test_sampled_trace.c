/* SPDX-License-Identifier: Apache-2.0 */
/* Model and report of a trace that was sampled: weights, margins, and what is not judged. */
#include "query/report.h"

#include <math.h>
#include <string.h>

#include "model_fixture.h"
#include "unit_main.h"

#define INTERVAL U(4096)

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a, b;
static struct report *report;

static void setup(void)
{
    builder = trace_builder_new();
    trace_builder_header(builder)->sample_interval = INTERVAL;
    stream = trace_builder_stream(builder, 1);
    a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    b = builder_stack(stream, 2, U(0x401000), U(0x403000));
}

static double chance_of(double size)
{
    return 1 - exp(-size / (double)INTERVAL);
}

static uint64_t blocks_of(double size)
{
    return (uint64_t)(1 / chance_of(size) + 0.5);
}

static uint64_t bytes_of(double size)
{
    return (uint64_t)(size / chance_of(size) + 0.5);
}

static uint64_t margin_of(double variance)
{
    return (uint64_t)(1.959964 * sqrt(variance) + 0.5);
}

static double variance_of(double size)
{
    return (1 - chance_of(size)) / (chance_of(size) * chance_of(size));
}

static const struct report_site *site_of(const char *kind)
{
    for (size_t i = 0; i < report->site_count; i++) {
        if (strcmp(report->sites[i]->kind, kind) == 0)
            return report->sites[i];
    }
    ck_abort_msg("no site of kind %s", kind);
}

static bool has_note(const char *part)
{
    for (size_t i = 0; i < report->note_count; i++) {
        if (strstr(report->notes[i], part))
            return true;
    }
    return false;
}

START_TEST(sampled_trace_counts_each_block_by_its_weight)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 64, a);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 64, a);
    builder_alloc(stream, VMT_CALLOC, 0x3000, 3000, b);
    builder_free(stream, VMT_FREE, 0x1000);
    report = fixture_report(builder);
    const struct report_site *small = site_of("malloc"), *large = site_of("calloc");
    ck_assert_uint_eq(small->allocations, (uint64_t)(2 / chance_of(64) + 0.5));
    ck_assert_uint_eq(large->allocations, blocks_of(3000));
    ck_assert_uint_eq(large->bytes_allocated, bytes_of(3000));
    ck_assert_uint_eq(small->live_blocks, blocks_of(64));
    ck_assert_uint_eq(small->live_bytes, bytes_of(64));
    ck_assert_uint_eq(small->recorded, 2);
    ck_assert(small->estimated && large->estimated);
    ck_assert_uint_eq(small->largest, 64);
    ck_assert_uint_eq(small->allocated_margin.blocks, margin_of(2 * variance_of(64)));
    ck_assert_uint_eq(small->allocated_margin.bytes, margin_of(2 * variance_of(64) * 64 * 64));
    ck_assert_uint_eq(small->live_margin.blocks, margin_of(variance_of(64)));
    ck_assert_uint_eq(large->live_margin.bytes, margin_of(variance_of(3000) * 3000 * 3000));
    report_free(report);
}
END_TEST

START_TEST(sampled_trace_totals_are_the_sums_of_the_sites)
{
    setup();
    uint64_t allocations = 0, bytes = 0, live = 0, blocks = 0, peak = 0;
    for (uint64_t i = 0; i < 300; i++)
        builder_alloc(stream, i % 2 ? VMT_NEW : VMT_MALLOC, 0x10000 + i * 0x1000, 10 + i * 7,
                      i % 3 ? a : b);
    for (uint64_t i = 0; i < 300; i += 4)
        builder_free(stream, VMT_FREE, 0x10000 + i * 0x1000);
    report = fixture_report(builder);
    for (size_t i = 0; i < report->site_count; i++) {
        allocations += report->sites[i]->allocations;
        bytes += report->sites[i]->bytes_allocated;
        live += report->sites[i]->live_bytes;
        blocks += report->sites[i]->live_blocks;
        peak += report->sites[i]->peak_bytes;
    }
    ck_assert_uint_eq(report->site_count, 4);
    ck_assert_uint_eq(report->allocations, allocations);
    ck_assert_uint_eq(report->bytes_allocated, bytes);
    ck_assert_uint_eq(report->live_bytes_at_end, live);
    ck_assert_uint_eq(report->live_blocks_at_end, blocks);
    ck_assert_uint_eq(report->peak_live_bytes, peak);
    ck_assert_uint_eq(report->allocations - report->frees, blocks);
    ck_assert_uint_eq(report->bytes_allocated - report->bytes_freed, live);
    ck_assert_uint_eq(report->leaked_bytes, live);
    ck_assert_uint_eq(report->recorded, 300);
    ck_assert_uint_eq(report->sample_interval, INTERVAL);
    ck_assert_uint_eq(report->leaked_margin.bytes, report->live_margin.bytes);
    ck_assert_uint_gt(report->live_margin.bytes, 0);
    report_free(report);
}
END_TEST

/* Blocks of what a margin is made of come and go. */
START_TEST(sampled_trace_margins_of_peak_and_rest)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 64, a);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 900, b);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_alloc(stream, VMT_MALLOC, 0x3000, 20, a);
    builder_free(stream, VMT_FREE, 0x3000);
    report = fixture_report(builder);
    double peak = variance_of(64) + variance_of(900);
    ck_assert_uint_eq(report->peak_margin.blocks, margin_of(peak));
    ck_assert_uint_eq(report->live_margin.blocks, margin_of(variance_of(900)));
    ck_assert_uint_eq(report->freed_margin.blocks, margin_of(variance_of(64) + variance_of(20)));
    ck_assert_uint_eq(report->leak_count, 1);
    ck_assert_uint_eq(report->leaks[0].recorded, 1);
    ck_assert_uint_eq(report->leaks[0].margin.bytes, margin_of(variance_of(900) * 900 * 900));
    for (size_t i = 0; i < report->peak_site_count; i++) {
        const struct report_site *site = report->peak_sites[i];
        uint64_t size = site->recorded == 1 ? 900 : 64;
        ck_assert_uint_eq(site->peak_margin.blocks, margin_of(variance_of((double)size)));
    }
    report_free(report);
}
END_TEST

START_TEST(sampled_trace_without_a_live_block_bounds_what_there_may_be)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 64, a);
    builder_free(stream, VMT_FREE, 0x1000);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->leaked_bytes, 0);
    ck_assert_uint_eq(report->leaked_margin.bytes, (uint64_t)(2.995732 * (double)INTERVAL + 0.5));
    report_free(report);
    setup();
    report = fixture_report(builder);
    ck_assert_uint_eq(report->allocated_margin.bytes,
                      (uint64_t)(2.995732 * (double)INTERVAL + 0.5));
    ck_assert(has_note("none was sampled"));
    report_free(report);
}
END_TEST

/* A sampled block that becomes one that is not; one that was not and becomes one; one that fails.
 */
START_TEST(sampled_trace_reallocs)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 100, a);
    builder_realloc_begin(stream, 0x1000);
    builder_realloc_freed(stream);
    builder_alloc(stream, VMT_REALLOC, 0x1000, 200, b);
    builder_realloc_begin(stream, 0x1000);
    builder_alloc(stream, VMT_REALLOC, 0x1000, 300, b);
    builder_realloc_begin(stream, 0x1000);
    builder_realloc_failed(stream, U(1) << 60, b);
    builder_realloc_failed(stream, 5000, b); /* of a block that was not sampled */
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->heap.samples, 3);
    ck_assert_uint_eq(model->heap.blocks.count, 1);
    ck_assert_uint_eq(model->heap.failed, 2);
    uint64_t reallocations =
        sample_weigh(INTERVAL, 100).blocks + sample_weigh(INTERVAL, 200).blocks;
    ck_assert_uint_eq(model->heap.reallocations, reallocations);
    ck_assert_uint_eq(model->heap.live_bytes, sample_weigh(INTERVAL, 300).bytes);
    ck_assert_uint_eq(model->heap.temporary, 0);
    ck_assert_uint_eq(model->heap.impossible, 0);
    trace_model_free(model);
}
END_TEST

/* Between a sampled block's records others may have been allocated: only the recorder knows. */
START_TEST(sampled_trace_temporary_only_if_told)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 100, a);
    builder_free(stream, VMT_FREE, 0x1000);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 100, a);
    builder_cold(stream, VMT_OP_TEMPORARY, "u", U(0x2000));
    builder_free(stream, VMT_FREE, 0x2000);
    builder_alloc(stream, VMT_MALLOC, 0x3000, 100, a);
    builder_cold(stream, VMT_OP_TEMPORARY, "u", U(0x2000));
    builder_free(stream, VMT_FREE, 0x3000);
    builder_alloc(stream, VMT_MALLOC, 0x4000, 100, a); /* a realloc that fails is no release */
    builder_cold(stream, VMT_OP_TEMPORARY, "u", U(0x4000));
    builder_realloc_begin(stream, 0x4000);
    builder_realloc_failed(stream, U(1) << 60, b);
    builder_free(stream, VMT_FREE, 0x4000);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->temporary, blocks_of(100));
    report_free(report);
}
END_TEST

START_TEST(sampled_trace_errors_are_not_judged)
{
    setup();
    builder_alloc(stream, VMT_NEW, 0x1000, 100, a);
    builder_free(stream, VMT_FREE, 0x1000); /* mismatched */
    builder_free(stream, VMT_FREE, 0x1000); /* twice */
    builder_free(stream, VMT_FREE, 0x5008); /* no block */
    builder_realloc_begin(stream, 0x9000);
    builder_realloc_freed(stream);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->error_count, 0);
    ck_assert_uint_eq(report->inherited_frees, 3);
    ck_assert(has_note("wrong frees are not looked for"));
    report_free(report);
}
END_TEST

/* Mappings and pools are recorded one and all, and stand in order with the rest. */
START_TEST(sampled_trace_mappings_and_pools_are_exact)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 100, a);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x700000), U(8192), U(3), U(0x22), U(0), b,
                 "");
    builder_cold(stream, VMT_OP_POOL, "us", U(1), "pool");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), U(0x700100), U(6000), b);
    report = fixture_report(builder);
    const struct report_site *mapped = site_of("mmap"), *pooled = site_of("pool pool");
    ck_assert(!mapped->estimated && !pooled->estimated);
    ck_assert_uint_eq(mapped->live_bytes, 8192);
    ck_assert_uint_eq(pooled->live_bytes, 6000);
    ck_assert_uint_eq(mapped->live_margin.bytes, 0);
    ck_assert_uint_eq(report->growth_site_count, 2);
    ck_assert_ptr_eq(report->growth_sites[0], mapped);
    ck_assert_uint_eq(report->growth_sites[1]->live_bytes, bytes_of(100));
    ck_assert_uint_eq(report->leak_count, 2);
    ck_assert_uint_eq(report->leaks[0].bytes, 6000);
    ck_assert(!report->leaks[0].estimated && report->leaks[1].estimated);
    report_free(report);
}
END_TEST

START_TEST(sampled_trace_time_line_phases_and_threads)
{
    setup();
    builder_cold(stream, VMT_OP_PHASE_BEGIN, "s", "work");
    builder_alloc(stream, VMT_MALLOC, 0x1000, 100, a);
    builder_cold(stream, VMT_OP_MEMORY_SAMPLE, "uuuuuu", U(9), U(8), U(7), U(6), U(5), U(4));
    builder_cold(stream, VMT_OP_SNAPSHOT, "s", "now");
    builder_cold(stream, VMT_OP_PHASE_END, "s", "work");
    report = fixture_report(builder);
    ck_assert_uint_eq(report->samples[0].live_bytes, bytes_of(100));
    ck_assert_uint_eq(report->phases[0].survivors_blocks, blocks_of(100));
    ck_assert_uint_eq(report->phases[0].peak_live_bytes, bytes_of(100));
    ck_assert_uint_eq(report->phases[0].allocations, blocks_of(100));
    ck_assert_uint_eq(report->snapshots[0].live_blocks, blocks_of(100));
    ck_assert_uint_eq(report->threads[0].bytes_allocated, bytes_of(100));
    report_free(report);
}
END_TEST

START_TEST(sampled_trace_impossible_interval_is_refused)
{
    setup();
    trace_builder_header(builder)->sample_interval = VMT_MAX_SAMPLE_INTERVAL + 1;
    size_t size;
    struct error error = {.code = VMT_OK};
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    struct trace_model *model = trace_model_new();
    ck_assert_int_eq(trace_model_read_memory(model, bytes, size, &error), VMT_ERROR_HEADER);
    ck_assert_ptr_nonnull(strstr(error.message, "sampling interval"));
    trace_model_free(model);
    trace_builder_free(builder);
}
END_TEST

UNIT_MAIN("sampled_trace", sampled_trace_counts_each_block_by_its_weight,
          sampled_trace_totals_are_the_sums_of_the_sites, sampled_trace_margins_of_peak_and_rest,
          sampled_trace_without_a_live_block_bounds_what_there_may_be, sampled_trace_reallocs,
          sampled_trace_temporary_only_if_told, sampled_trace_errors_are_not_judged,
          sampled_trace_mappings_and_pools_are_exact, sampled_trace_time_line_phases_and_threads,
          sampled_trace_impossible_interval_is_refused)
