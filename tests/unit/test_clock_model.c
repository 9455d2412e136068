/* SPDX-License-Identifier: Apache-2.0 */
#include "model/clock_model.h"

#include "unit_main.h"

static struct clock_model clock_model;

static void setup(enum vmt_clock clock, uint64_t ticks_per_second)
{
    struct vmt_file_header header = {.clock = clock,
                                     .start_ticks = 1000,
                                     .start_monotonic_ns = 500,
                                     .ticks_per_second = ticks_per_second};
    clock_model_init(&clock_model, &header);
}

START_TEST(clock_model_rate_comes_from_the_records)
{
    setup(VMT_CLOCK_TICKS, 1);
    clock_model_add(&clock_model, 1000 + 3000000000u, 500 + 1000000000u);
    clock_model_add(&clock_model, 1000 + 6000000000u, 500 + 2000000000u);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1000), 0);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 0), 0);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1000 + 3000), 1000);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1000 + UINT64_C(9000000000)), 3000000000u);
    clock_model_release(&clock_model);
}
END_TEST

START_TEST(clock_model_short_span_uses_the_header)
{
    setup(VMT_CLOCK_TICKS, 2000000000);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1000 + 2000), 1000);
    clock_model_add(&clock_model, 1100, 900000);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1000 + 2000), 1000);
    setup(VMT_CLOCK_TICKS, 0);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1000 + 2000), 0);
    clock_model_add(&clock_model, 1100, 600);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1050), 50);
    clock_model_release(&clock_model);
}
END_TEST

START_TEST(clock_model_event_counter_is_interpolated)
{
    setup(VMT_CLOCK_COUNTER, 0);
    clock_model_add(&clock_model, 1010, 500 + 1000);
    clock_model_add(&clock_model, 1020, 500 + 9000);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1005), 500);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1010), 1000);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 1015), 5000);
    ck_assert_uint_eq(clock_model_ns(&clock_model, 2000), 9000);
    clock_model_release(&clock_model);
}
END_TEST

START_TEST(clock_model_points_are_bounded)
{
    setup(VMT_CLOCK_COUNTER, 0);
    for (uint64_t i = 1; i <= 100000; i++)
        ck_assert(clock_model_add(&clock_model, 1000 + i, 500 + 10 * i));
    ck_assert_uint_le(clock_model.count, CLOCK_POINTS_MAX);
    for (uint64_t i = 1; i <= 100000; i += 777)
        ck_assert_uint_eq(clock_model_ns(&clock_model, 1000 + i), 10 * i);
    clock_model_release(&clock_model);
}
END_TEST

START_TEST(clock_model_backward_and_huge_readings_are_harmless)
{
    setup(VMT_CLOCK_TICKS, 0);
    clock_model_add(&clock_model, 2000, UINT64_MAX);
    clock_model_add(&clock_model, 1500, 800);
    ck_assert_uint_ge(clock_model_ns(&clock_model, UINT64_MAX), UINT64_C(1) << 63);
    ck_assert_uint_eq(clock_model.last.ticks, 2000);
    clock_model_release(&clock_model);
}
END_TEST

UNIT_MAIN("clock_model", clock_model_rate_comes_from_the_records,
          clock_model_short_span_uses_the_header, clock_model_event_counter_is_interpolated,
          clock_model_points_are_bounded, clock_model_backward_and_huge_readings_are_harmless)
