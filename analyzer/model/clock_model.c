/* SPDX-License-Identifier: Apache-2.0 */
#include "model/clock_model.h"

#include <stdlib.h>

#include "base/vector.h"

/* Two readings of both clocks closer than this (1 ms) give a worse rate than the kernel's. */
#define CLOCK_MIN_SPAN_NS UINT64_C(1000000)

void clock_model_init(struct clock_model *clock, const struct vmt_file_header *header)
{
    *clock = (struct clock_model){
        .start = {header->start_ticks, header->start_monotonic_ns},
        .last = {header->start_ticks, header->start_monotonic_ns},
        .ticks_per_second = header->ticks_per_second,
        .counter = header->clock == VMT_CLOCK_COUNTER,
    };
}

void clock_model_release(struct clock_model *clock)
{
    free(clock->points);
    clock->points = NULL;
}

bool clock_model_add(struct clock_model *clock, uint64_t ticks, uint64_t monotonic_ns)
{
    if (ticks < clock->last.ticks || monotonic_ns < clock->last.ns)
        return true;
    clock->last = (struct clock_point){ticks, monotonic_ns};
    if (!clock->counter)
        return true;
    if (clock->count == CLOCK_POINTS_MAX) {
        for (size_t i = 0; i < clock->count / 2; i++)
            clock->points[i] = clock->points[2 * i];
        clock->count /= 2;
    }
    if (clock->count == clock->capacity &&
        !vector_grow(&clock->points, &clock->capacity, sizeof(*clock->points)))
        return false;
    clock->points[clock->count++] = clock->last;
    return true;
}

/* a, plus the part of the way to b that `ticks` has gone (more than all of it is possible). */
static uint64_t clock_interpolate(const struct clock_model *clock, struct clock_point a,
                                  struct clock_point b, uint64_t ticks)
{
    double base = (double)(a.ns - clock->start.ns);
    if (b.ticks <= a.ticks || ticks <= a.ticks)
        return a.ns - clock->start.ns;
    double rate = (double)(b.ns - a.ns) / (double)(b.ticks - a.ticks);
    double ns = base + rate * (double)(ticks - a.ticks);
    return ns < 0x1p63 ? (uint64_t)ns : UINT64_C(1) << 63;
}

static uint64_t clock_counter_ns(const struct clock_model *clock, uint64_t ticks)
{
    size_t low = 0, high = clock->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (clock->points[middle].ticks < ticks)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == clock->count) /* after the last reading: time is not known to have gone on */
        return clock->last.ns - clock->start.ns;
    return clock_interpolate(clock, low ? clock->points[low - 1] : clock->start, clock->points[low],
                             ticks);
}

uint64_t clock_model_ns(const struct clock_model *clock, uint64_t ticks)
{
    if (ticks <= clock->start.ticks)
        return 0;
    if (clock->counter)
        return clock_counter_ns(clock, ticks);
    struct clock_point last = clock->last;
    if (last.ns - clock->start.ns < CLOCK_MIN_SPAN_NS && clock->ticks_per_second) {
        last.ticks = clock->start.ticks + clock->ticks_per_second;
        last.ns = clock->start.ns + UINT64_C(1000000000);
    }
    return clock_interpolate(clock, clock->start, last, ticks);
}
