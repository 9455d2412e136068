/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks of the trace -> nanoseconds since the process started.
 *
 * A hardware counter runs evenly: the header's start and the last CLOCK record give its
 * rate.  A mere event counter does not: between the CLOCK records, of which at most
 * CLOCK_POINTS_MAX are kept, time is interpolated.
 */
#ifndef VMTRACE_MODEL_CLOCK_MODEL_H
#define VMTRACE_MODEL_CLOCK_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmtrace/trace_format.h>

#define CLOCK_POINTS_MAX ((size_t)4096)

struct clock_point {
    uint64_t ticks, ns; /* ns: CLOCK_MONOTONIC */
};

struct clock_model {
    struct clock_point start, last;
    struct clock_point *points; /* event counters only */
    size_t count, capacity;
    uint64_t ticks_per_second; /* 0: not told */
    bool counter;
};

void clock_model_init(struct clock_model *clock, const struct vmt_file_header *header);
void clock_model_release(struct clock_model *clock);

/* A CLOCK record.  False when out of memory. */
bool clock_model_add(struct clock_model *clock, uint64_t ticks, uint64_t monotonic_ns);

/* 0 for times before the start, and when nothing tells how fast the clock runs. */
uint64_t clock_model_ns(const struct clock_model *clock, uint64_t ticks);

#endif
