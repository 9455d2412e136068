/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has a place in time: phases and snapshots that the program named, memory samples.
 *
 * All lists are bounded.  When there are SAMPLES_MAX samples, each four in a row are thinned
 * out to two, the one with the smallest and the one with the largest RSS.
 */
#ifndef VMTRACE_MODEL_TIMELINE_H
#define VMTRACE_MODEL_TIMELINE_H

#include "base/arena.h"
#include "decode/event.h"
#include "model/heap_model.h"

#define SAMPLES_MAX ((size_t)20000)
#define PHASES_MAX ((size_t)10000)
#define PHASES_OPEN_MAX ((size_t)256) /* at one time */
#define SNAPSHOTS_MAX ((size_t)10000)

struct memory_sample {
    uint64_t ticks, virtual_bytes, rss_bytes, file_bytes, minor, major, recorder_bytes;
    uint64_t swap_bytes; /* UINT64_MAX: not known */
    uint64_t live_bytes; /* of the heap model then, and what reallocs are moving */
};

struct phase {
    const char *name;
    uint64_t begin_ticks, end_ticks;
    bool ended; /* false: end_ticks is the trace's */
    /* Values at the begin until it has ended, then the difference. */
    uint64_t allocations, frees, bytes_allocated;
    uint64_t live_bytes_begin, live_bytes_end;
    uint64_t survivors_bytes, survivors_blocks;
    uint64_t peak_bytes;
    size_t first_era, end_era; /* [first_era, end_era) are the phase's */
};

struct snapshot {
    const char *name;
    uint64_t ticks, live_bytes, live_blocks;
    uint64_t rss_bytes; /* of the newest sample; UINT64_MAX: none yet */
};

struct timeline {
    struct heap_model *heap;
    struct arena *arena;
    struct memory_sample *samples;
    size_t sample_count, sample_capacity;
    struct memory_sample last_sample;
    uint64_t sample_total; /* seen, thinned out or not */
    uint64_t peak_rss_bytes;
    struct phase *phases;
    size_t phase_count, phase_capacity;
    uint32_t open[PHASES_OPEN_MAX]; /* indexes of phases, oldest first */
    size_t open_count;
    struct snapshot *snapshots;
    size_t snapshot_count, snapshot_capacity;
    uint64_t dropped_phases, dropped_snapshots;
};

void timeline_init(struct timeline *timeline, struct heap_model *heap, struct arena *arena);
void timeline_release(struct timeline *timeline);

/* Takes in MEMORY_SAMPLE, PHASE_BEGIN, PHASE_END and SNAPSHOT.  False when out of memory. */
bool timeline_apply(struct timeline *timeline, const struct event *event);

/* The trace is over: phases still open end here. */
void timeline_finish(struct timeline *timeline, uint64_t ticks);

#endif
