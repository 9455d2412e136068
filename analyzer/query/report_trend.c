/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether RSS goes on growing, or was only warming up.
 *
 * The slope is the median of the slopes between all pairs of points (Theil 1950; Sen, "Estimates
 * of the regression coefficient based on Kendall's tau", JASA 63, 1968), which single peaks do
 * not move; its interval and the confidence come from the variance of Kendall's S with ties
 * (Gilbert, "Statistical methods for environmental pollution monitoring", 1987, 16.4). Neighbouring
 * points of RSS depend on each other, which makes that test too sure of itself: so the points are
 * few and far apart, at even times so that idle ones count, and growth is only called steady if
 * each quarter of the time had its share.
 */
#include <math.h>
#include <stdlib.h>

#include "query/report_build.h"

enum {
    TREND_POINTS = 40,
    TREND_LEAST = 12,
    TREND_QUARTERS = 4,
};

#define TREND_TEARDOWN 4                  /* 1 / the last part, in which all may be released */
#define TREND_WARM_UP 0.4                 /* part of the time in which anything may grow */
#define TREND_NOISE ((double)(512 << 10)) /* bytes that are not worth a word */
#define TREND_NOISE_SHARE 0.02            /* of RSS */
#define TREND_SURE 0.99
#define TREND_STEEPEST 1e18
#define NORMAL_95 1.96 /* standard deviations: 95 % lie within */

struct trend_points {
    double t[TREND_POINTS], rss[TREND_POINTS]; /* seconds, bytes */
    size_t count;
};

static double trend_noise(double rss)
{
    return rss * TREND_NOISE_SHARE > TREND_NOISE ? rss * TREND_NOISE_SHARE : TREND_NOISE;
}

/* The last sample that counts.  Many programs release everything just before they end, however
 * long they have leaked: what falls from a peak in the last part to the end is no trend. */
static size_t trend_last(const struct report *report)
{
    const struct report_sample *samples = report->samples;
    size_t last = report->sample_count - 1, peak = last;
    uint64_t end = samples[last].t_ns, part = (end - samples[0].t_ns) / TREND_TEARDOWN;
    for (size_t i = 0; i < last; i++)
        if (end - samples[i].t_ns <= part && samples[i].rss_bytes >= samples[peak].rss_bytes)
            peak = i;
    double most = (double)samples[peak].rss_bytes, fell = most - (double)samples[last].rss_bytes;
    return fell > trend_noise(most) ? peak : last;
}

/* The last known value at evenly spaced times of the later part.  Returns how many samples these
 * are from. */
static size_t trend_take(const struct report *report, struct report_trend *trend,
                         struct trend_points *points)
{
    const struct report_sample *samples = report->samples;
    size_t last = trend_last(report), i = 0, taken = SIZE_MAX, distinct = 0;
    uint64_t begin = samples[0].t_ns, end = samples[last].t_ns;
    double from = (double)begin + (double)(end - begin) * TREND_WARM_UP;
    trend->from_ns = (uint64_t)from;
    trend->to_ns = end;
    for (size_t k = 0; k < TREND_POINTS; k++) {
        double at = from + ((double)end - from) * (double)k / (TREND_POINTS - 1);
        while (i < last && (double)samples[i + 1].t_ns <= at)
            i++;
        distinct += i != taken;
        taken = i;
        points->t[k] = at / 1e9;
        points->rss[k] = (double)samples[i].rss_bytes;
    }
    points->count = trend->points = TREND_POINTS;
    return distinct;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Kendall's S, and the correction of its variance for points that are equal. */
static double trend_score(const struct trend_points *points, double *variance)
{
    double score = 0, n = (double)points->count, ties = 0, sorted[TREND_POINTS];
    for (size_t i = 0; i < points->count; i++) {
        sorted[i] = points->rss[i];
        for (size_t k = i + 1; k < points->count; k++)
            score += (points->rss[k] > points->rss[i]) - (points->rss[k] < points->rss[i]);
    }
    qsort(sorted, points->count, sizeof(*sorted), compare_doubles);
    for (size_t i = 0, k; i < points->count; i = k) {
        for (k = i + 1; k < points->count && sorted[k] <= sorted[i]; k++)
            ;
        double t = (double)(k - i);
        ties += t * (t - 1) * (2 * t + 5);
    }
    *variance = (n * (n - 1) * (2 * n + 5) - ties) / 18;
    return score;
}

static void trend_slope(const struct trend_points *points, struct report_trend *trend)
{
    static const size_t most = TREND_POINTS * (TREND_POINTS - 1) / 2;
    double slopes[TREND_POINTS * (TREND_POINTS - 1) / 2], variance;
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++)
        for (size_t k = i + 1; k < points->count && count < most; k++)
            if (points->t[k] > points->t[i])
                slopes[count++] = (points->rss[k] - points->rss[i]) / (points->t[k] - points->t[i]);
    if (count == 0)
        return;
    qsort(slopes, count, sizeof(*slopes), compare_doubles);
    double score = trend_score(points, &variance);
    double deviation = sqrt(variance > 0 ? variance : 0);
    double margin = NORMAL_95 * deviation, last = (double)(count - 1);
    double low = ((double)count - margin) / 2, high = ((double)count + margin) / 2;
    for (size_t i = 0; i < count; i++) /* of a damaged trace: shown as integers */
        slopes[i] = fmax(-TREND_STEEPEST, fmin(TREND_STEEPEST, slopes[i]));
    trend->slope = count % 2 ? slopes[count / 2] : (slopes[count / 2 - 1] + slopes[count / 2]) / 2;
    trend->slope_low = slopes[low > 0 ? (size_t)low : 0];
    trend->slope_high = slopes[high < last ? (size_t)high : (size_t)last];
    double z = deviation > 0 && fabs(score) > 1 ? (fabs(score) - 1) / deviation : 0;
    trend->confidence = erf(z / sqrt(2));
}

/* Whether each quarter of the time has at least a third of its share of the whole rise. */
static bool trend_is_spread(const struct trend_points *points)
{
    size_t last = points->count - 1;
    double share = (points->rss[last] - points->rss[0]) / TREND_QUARTERS / 3;
    for (size_t quarter = 0; quarter < TREND_QUARTERS; quarter++) {
        size_t from = last * quarter / TREND_QUARTERS, to = last * (quarter + 1) / TREND_QUARTERS;
        if (points->rss[to] - points->rss[from] < share)
            return false;
    }
    return true;
}

static enum report_trend_kind trend_kind(const struct report *report,
                                         const struct trend_points *points,
                                         const struct report_trend *trend)
{
    size_t last = points->count - 1;
    double end = points->rss[last], rise = end - points->rss[0];
    double noise = trend_noise(end);
    double before = points->rss[0] - (double)report->samples[0].rss_bytes;
    bool sure = trend->confidence >= TREND_SURE;
    double expected = trend->slope * (points->t[last] - points->t[0]);
    if (fabs(rise) < noise && fabs(expected) < noise)
        return before >= noise ? REPORT_TREND_WARM_UP : REPORT_TREND_LEVEL;
    if (sure && trend->slope_low > 0 && expected >= noise && trend_is_spread(points))
        return REPORT_TREND_STEADY;
    if (sure && trend->slope_high < 0 && -expected >= noise)
        return REPORT_TREND_FALLING;
    return REPORT_TREND_UNCLEAR;
}

bool report_build_trend(struct report_build *build)
{
    const struct report *report = build->report;
    struct report_trend *trend = &build->memory->trend;
    struct trend_points points;
    if (report->sample_count < TREND_LEAST)
        return true;
    if (trend_take(report, trend, &points) < TREND_LEAST)
        return true;
    trend_slope(&points, trend);
    trend->kind = trend_kind(report, &points, trend);
    return true;
}
