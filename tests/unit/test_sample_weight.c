/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sample_weight.h"

#include "unit_main.h"

#include <math.h>

static double chance_of(uint64_t interval, uint64_t size)
{
    return 1 - exp(-(double)(size ? size : 1) / (double)interval);
}

START_TEST(sample_weight_is_one_over_the_chance)
{
    static const uint64_t intervals[] = {1, 100, 16384, 524288, UINT64_C(1) << 40};
    static const uint64_t sizes[] = {0, 1, 48, 5000, 524288, 100000000, (UINT64_C(1) << 48) - 1};
    for (size_t n = 0; n < sizeof(intervals) / sizeof(intervals[0]); n++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct sample_weight weight = sample_weight_of(intervals[n], sizes[i]);
            double chance = -expm1(-(double)(sizes[i] ? sizes[i] : 1) / (double)intervals[n]);
            double scale = (double)SAMPLE_SCALE, blocks = 1 / chance;
            double bytes = (double)sizes[i] / chance;
            ck_assert_double_le(fabs((double)weight.blocks / scale - blocks),
                                0.5 / scale + blocks * 1e-9);
            ck_assert_double_le(fabs((double)weight.bytes / scale - bytes),
                                0.5 / scale + bytes * 1e-9);
            double variance = (1 - chance) * blocks * blocks;
            ck_assert_double_le(fabs(weight.variance.blocks - variance), variance * 1e-6 + 1e-9);
        }
    }
}
END_TEST

START_TEST(sample_weight_of_every_allocation_is_plain)
{
    struct sample_weight weight = sample_weigh(0, 1000);
    ck_assert_uint_eq(weight.bytes, 1000);
    ck_assert_uint_eq(weight.blocks, 1);
    ck_assert(weight.variance.bytes == 0 && weight.variance.blocks == 0);
    ck_assert_uint_eq(sample_estimate(0, 12345), 12345);
    ck_assert_uint_eq(sample_estimate(7, 12345 * SAMPLE_SCALE), 12345);
}
END_TEST

START_TEST(sample_margin_of_nothing_is_what_would_be_missed_once_in_twenty)
{
    uint64_t interval = 524288, margin = sample_margin(interval, 0, 0);
    double missed = exp(-(double)margin / (double)interval);
    ck_assert_double_le(fabs(missed - 0.05), 1e-6);
    ck_assert_uint_eq(sample_margin(interval, 0, 3), 0);
    ck_assert_uint_eq(sample_margin(interval, -1e-3, 3), 0);
    ck_assert_uint_eq(sample_margin(interval, 1e10, 3), 195996);
}
END_TEST

/* Knuth's MMIX generator, its upper half. */
static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) / 9007199254740992.0;
}

struct outcome {
    double bytes, blocks;
    struct sample_variance variance;
    uint64_t samples;
};

/* Chooses from 20,000 blocks of sizes that programs have. */
static struct outcome choose(uint64_t interval, uint64_t *state, double *bytes, double *blocks)
{
    struct outcome outcome = {0};
    *bytes = *blocks = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t size = i % 100 == 0 ? 20000 : i % 10 == 0 ? 1000 : 24 + i % 7 * 24;
        *bytes += (double)size;
        *blocks += 1;
        if (uniform(state) >= chance_of(interval, size))
            continue;
        struct sample_weight weight = sample_weight_of(interval, size);
        outcome.bytes += (double)weight.bytes / (double)SAMPLE_SCALE;
        outcome.blocks += (double)weight.blocks / (double)SAMPLE_SCALE;
        sample_variance_add(&outcome.variance, &weight);
        outcome.samples++;
    }
    return outcome;
}

/* Right on average, and within the margin 19 times out of 20: of 1000 trials, with room for their
 * own chance and for an interval that is normal where the figure is not quite. */
START_TEST(sample_estimates_are_right_as_often_as_they_say)
{
    static const uint64_t intervals[] = {1000, 16384, 65536};
    uint64_t interval = intervals[_i], state = 7;
    unsigned trials = 1000, bytes_within = 0, blocks_within = 0;
    double bytes, blocks, bytes_sum = 0, blocks_sum = 0, bytes_square = 0, blocks_square = 0;
    for (unsigned i = 0; i < trials; i++) {
        struct outcome outcome = choose(interval, &state, &bytes, &blocks);
        double bytes_off = outcome.bytes - bytes, blocks_off = outcome.blocks - blocks;
        bytes_sum += bytes_off;
        blocks_sum += blocks_off;
        bytes_square += bytes_off * bytes_off;
        blocks_square += blocks_off * blocks_off;
        bytes_within += fabs(bytes_off) <=
                        (double)sample_margin(interval, outcome.variance.bytes, outcome.samples);
        blocks_within += fabs(blocks_off) <=
                         (double)sample_margin(interval, outcome.variance.blocks, outcome.samples);
    }
    ck_assert_double_le(fabs(bytes_sum), 5 * sqrt(bytes_square));
    ck_assert_double_le(fabs(blocks_sum), 5 * sqrt(blocks_square));
    ck_assert(bytes_within > 900 && bytes_within < 985);
    ck_assert(blocks_within > 850 && blocks_within < 985);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sample_weight");
    TCase *tcase = tcase_create("sample_weight");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, sample_weight_is_one_over_the_chance);
    tcase_add_test(tcase, sample_weight_of_every_allocation_is_plain);
    tcase_add_test(tcase, sample_margin_of_nothing_is_what_would_be_missed_once_in_twenty);
    tcase_add_loop_test(tcase, sample_estimates_are_right_as_often_as_they_say, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
