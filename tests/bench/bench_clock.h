/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs time themselves with, so that neither their own start nor a
 * recorder's is in the figure. */
#ifndef VMTRACE_BENCH_CLOCK_H
#define VMTRACE_BENCH_CLOCK_H

#include <stdio.h>
#include <time.h>

static inline double bench_clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Wall-clock and processor time of a stretch of the calling thread. */
struct bench_span {
    double wall, cpu; /* ns */
};

static inline void bench_span_begin(struct bench_span *span)
{
    span->wall = -bench_clock_ns(CLOCK_MONOTONIC);
    span->cpu = -bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline void bench_span_end(struct bench_span *span)
{
    span->cpu += bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    span->wall += bench_clock_ns(CLOCK_MONOTONIC);
}

/* The line that bench_measure.py looks for.  The threads ran side by side, so the slowest one's
 * wall-clock time counts, and the processor time of all of them; each made `units`. */
static inline void bench_spans_print(const struct bench_span *spans, int threads, long units)
{
    double slowest = 0, cpu = 0;

    for (int i = 0; i < threads; i++) {
        cpu += spans[i].cpu;
        if (spans[i].wall > slowest)
            slowest = spans[i].wall;
    }
    printf("ns_per_unit %.3f cpu_ns_per_unit %.3f\n", slowest / (double)units,
           cpu / ((double)units * threads));
}

#endif
