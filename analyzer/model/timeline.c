/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

void timeline_init(struct timeline *timeline, struct heap_model *heap, struct arena *arena)
{
    *timeline = (struct timeline){.heap = heap, .arena = arena};
}

void timeline_release(struct timeline *timeline)
{
    free(timeline->samples);
    free(timeline->phases);
    free(timeline->snapshots);
}

static void timeline_thin_out(struct timeline *timeline)
{
    size_t kept = 0;
    struct memory_sample *samples = timeline->samples;
    for (size_t i = 0; i + 4 <= timeline->sample_count; i += 4) {
        size_t least = i, most = i;
        for (size_t k = i + 1; k < i + 4; k++) {
            if (samples[k].rss_bytes < samples[least].rss_bytes)
                least = k;
            if (samples[k].rss_bytes >= samples[most].rss_bytes)
                most = k;
        }
        if (least == most) /* all the same */
            most = i + 3;
        struct memory_sample first = samples[least < most ? least : most];
        struct memory_sample second = samples[least < most ? most : least];
        samples[kept++] = first;
        samples[kept++] = second;
    }
    timeline->sample_count = kept;
}

static bool timeline_sample(struct timeline *timeline, const struct event *event)
{
    const uint64_t *values = event->cold.values;
    struct memory_sample sample = {
        .ticks = event->ticks,
        .virtual_bytes = values[0],
        .rss_bytes = values[1],
        .file_bytes = values[2],
        .minor = values[3],
        .major = values[4],
        .recorder_bytes = values[5],
        .swap_bytes = values[6],
        .live_bytes = timeline->heap->live_bytes + timeline->heap->moving_bytes,
    };
    timeline->last_sample = sample;
    timeline->sample_total++;
    if (sample.rss_bytes > timeline->peak_rss_bytes)
        timeline->peak_rss_bytes = sample.rss_bytes;
    if (timeline->sample_count == SAMPLES_MAX)
        timeline_thin_out(timeline);
    if (timeline->sample_count == timeline->sample_capacity &&
        !vector_grow(&timeline->samples, &timeline->sample_capacity, sizeof(sample)))
        return false;
    timeline->samples[timeline->sample_count++] = sample;
    return true;
}

/* Hands the highest heap size since the last call to all open phases. */
static void timeline_fold_peak(struct timeline *timeline)
{
    struct heap_model *heap = timeline->heap;
    for (size_t i = 0; i < timeline->open_count; i++) {
        struct phase *phase = &timeline->phases[timeline->open[i]];
        if (heap->phase_peak > phase->peak_bytes)
            phase->peak_bytes = heap->phase_peak;
    }
    heap->phase_peak = heap->live_bytes;
}

static bool timeline_phase_begin(struct timeline *timeline, const struct event *event)
{
    const struct heap_model *heap = timeline->heap;
    const struct event_string *name = &event->cold.strings[0];
    timeline_fold_peak(timeline);
    if (timeline->phase_count == PHASES_MAX || timeline->open_count == PHASES_OPEN_MAX) {
        timeline->dropped_phases++;
        return true;
    }
    if ((timeline->phase_count == timeline->phase_capacity &&
         !vector_grow(&timeline->phases, &timeline->phase_capacity, sizeof(*timeline->phases))) ||
        !era_table_begin(&timeline->heap->eras, event->ticks))
        return false;
    struct phase *phase = &timeline->phases[timeline->phase_count];
    *phase = (struct phase){
        .name = arena_string(timeline->arena, name->bytes, name->length),
        .begin_ticks = event->ticks,
        .allocations = heap->allocations,
        .frees = heap->frees,
        .bytes_allocated = heap->bytes_allocated,
        .live_bytes_begin = heap->live_bytes,
        .peak_bytes = heap->live_bytes,
        .first_era = heap->eras.count - 1,
    };
    if (!phase->name)
        return false;
    timeline->open[timeline->open_count++] = (uint32_t)timeline->phase_count++;
    return true;
}

static void timeline_close(struct timeline *timeline, size_t place, uint64_t ticks, bool ended)
{
    const struct heap_model *heap = timeline->heap;
    struct phase *phase = &timeline->phases[timeline->open[place]];
    timeline_fold_peak(timeline);
    phase->end_ticks = ticks;
    phase->end_era = heap->eras.count;
    phase->ended = ended;
    phase->allocations = heap->allocations - phase->allocations;
    phase->frees = heap->frees - phase->frees;
    phase->bytes_allocated = heap->bytes_allocated - phase->bytes_allocated;
    phase->live_bytes_end = heap->live_bytes;
    for (size_t i = phase->first_era; i < heap->eras.count; i++) {
        phase->survivors_bytes += heap->eras.eras[i].live_bytes;
        phase->survivors_blocks += heap->eras.eras[i].live_blocks;
    }
    timeline->open_count--;
    memmove(timeline->open + place, timeline->open + place + 1,
            (timeline->open_count - place) * sizeof(*timeline->open));
}

/* Closes the newest open phase of that name, if there is one. */
static void timeline_phase_end(struct timeline *timeline, const struct event *event)
{
    const struct event_string *name = &event->cold.strings[0];
    for (size_t place = timeline->open_count; place-- > 0;) {
        const char *open = timeline->phases[timeline->open[place]].name;
        size_t length = name->length ? strnlen(name->bytes, name->length) : 0;
        if (strlen(open) == length && memcmp(open, name->bytes, length) == 0) {
            timeline_close(timeline, place, event->ticks, true);
            /* When out of memory the phase's last era just goes on. */
            (void)era_table_begin(&timeline->heap->eras, event->ticks);
            return;
        }
    }
}

static bool timeline_snapshot(struct timeline *timeline, const struct event *event)
{
    const struct event_string *name = &event->cold.strings[0];
    if (timeline->snapshot_count == SNAPSHOTS_MAX) {
        timeline->dropped_snapshots++;
        return true;
    }
    if (timeline->snapshot_count == timeline->snapshot_capacity &&
        !vector_grow(&timeline->snapshots, &timeline->snapshot_capacity,
                     sizeof(*timeline->snapshots)))
        return false;
    struct snapshot *snapshot = &timeline->snapshots[timeline->snapshot_count++];
    *snapshot = (struct snapshot){
        .name = arena_string(timeline->arena, name->bytes, name->length),
        .ticks = event->ticks,
        .live_bytes = timeline->heap->live_bytes + timeline->heap->moving_bytes,
        .live_blocks = timeline->heap->live_blocks + timeline->heap->moving_blocks,
        .rss_bytes = timeline->sample_total ? timeline->last_sample.rss_bytes : UINT64_MAX,
    };
    return snapshot->name != NULL;
}

bool timeline_apply(struct timeline *timeline, const struct event *event)
{
    switch (event->op) {
    case VMT_OP_MEMORY_SAMPLE:
        return timeline_sample(timeline, event);
    case VMT_OP_PHASE_BEGIN:
        return timeline_phase_begin(timeline, event);
    case VMT_OP_PHASE_END:
        timeline_phase_end(timeline, event);
        return true;
    case VMT_OP_SNAPSHOT:
        return timeline_snapshot(timeline, event);
    default:
        return true;
    }
}

void timeline_finish(struct timeline *timeline, uint64_t ticks)
{
    while (timeline->open_count)
        timeline_close(timeline, timeline->open_count - 1, ticks, false);
}
