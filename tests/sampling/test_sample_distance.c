/* SPDX-License-Identifier: Apache-2.0 */
/* Distances are exponential: seeds are fixed, bounds are five standard errors or more. */
#include "sample_distance.h"

#include "unit_main.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 400000, CELLS = 64 };

static const uint64_t intervals[] = {1, 3, 1000, 524288, UINT64_C(1) << 40};
enum { INTERVALS = sizeof(intervals) / sizeof(intervals[0]) };

/* Up to where the rounding up to whole bytes does not matter. */
static bool is_fine(uint64_t interval)
{
    return interval >= 1000;
}

START_TEST(sample_distance_mean_and_variance)
{
    uint64_t interval = intervals[_i], state = 11;
    double sum = 0, squares = 0, mean = (double)interval;
    for (int i = 0; i < DRAWS; i++) {
        double distance = (double)sample_distance(&state, interval) - (is_fine(interval) ? 0.5 : 0);
        sum += distance;
        squares += distance * distance;
    }
    if (!is_fine(interval)) /* of the geometric distribution that rounding up makes of it */
        mean = 1 / (1 - exp(-1 / mean));
    double error = mean / sqrt(DRAWS), average = sum / DRAWS;
    ck_assert_double_lt(fabs(average - mean), 5 * error);
    if (is_fine(interval)) { /* the fourth central moment is 9 times the variance's square */
        double variance = squares / DRAWS - average * average;
        ck_assert_double_lt(fabs(variance / (mean * mean) - 1), 5 * sqrt(8.0 / DRAWS));
    }
}
END_TEST

/* Of a block of `size` bytes the first byte is as near to a point as any other. */
START_TEST(sample_distance_exceeds_a_size_as_often_as_it_should)
{
    static const double parts[] = {0.0001, 0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10};
    uint64_t interval = intervals[_i], state = 12;
    uint64_t over[sizeof(parts) / sizeof(parts[0])] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t distance = sample_distance(&state, interval);
        ck_assert_uint_ge(distance, 1);
        for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
            over[k] += distance > (uint64_t)(parts[k] * (double)interval);
    }
    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        double size = floor(parts[k] * (double)interval), chance = exp(-size / (double)interval);
        double error = sqrt(chance * (1 - chance) * DRAWS);
        ck_assert_double_le(fabs((double)over[k] - chance * DRAWS), 5 * error + 1);
    }
}
END_TEST

static double chi_square(const uint64_t *cells, size_t count, double expected)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ((double)cells[i] - expected) * ((double)cells[i] - expected) / expected;
    return sum;
}

/* In cells of equal probability, and pairs of successive distances in a grid of such cells. */
START_TEST(sample_distance_chi_square)
{
    static uint64_t cells[CELLS], pairs[CELLS];
    uint64_t state = 13, interval = 524288;
    memset(cells, 0, sizeof(cells));
    memset(pairs, 0, sizeof(pairs));
    size_t before = 0;
    for (int i = 0; i < DRAWS; i++) {
        double distance = (double)sample_distance(&state, interval) - 0.5;
        double rank = 1 - exp(-distance / (double)interval);
        size_t cell = (size_t)(rank * CELLS), coarse = (size_t)(rank * 8);
        ck_assert_uint_lt(cell, CELLS);
        cells[cell]++;
        if (i)
            pairs[before * 8 + coarse]++;
        before = coarse;
    }
    double bound = CELLS - 1 + 6 * sqrt(2 * (CELLS - 1)); /* mean and six deviations */
    ck_assert_double_lt(chi_square(cells, CELLS, (double)DRAWS / CELLS), bound);
    ck_assert_double_lt(chi_square(pairs, CELLS, (double)(DRAWS - 1) / CELLS), bound);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sample_distance");
    TCase *tcase = tcase_create("sample_distance");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, sample_distance_mean_and_variance, 0, INTERVALS);
    tcase_add_loop_test(tcase, sample_distance_exceeds_a_size_as_often_as_it_should, 0, INTERVALS);
    tcase_add_test(tcase, sample_distance_chi_square);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
