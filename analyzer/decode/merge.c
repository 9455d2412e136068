/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/merge.h"

#include <stdlib.h>

struct merge_lane {
    struct stream_decoder decoder;
    struct event event;
    bool ready; /* `event` was decoded and not handed out */
};

static bool lane_before(const struct merge_lane *a, const struct merge_lane *b)
{
    if (a->event.ticks != b->event.ticks)
        return a->event.ticks < b->event.ticks;
    return a < b; /* lanes stand in the order of their streams */
}

static void merge_sift_down(struct merge *merge, size_t place)
{
    struct merge_lane *lane = merge->heap[place];
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= merge->count)
            break;
        if (child + 1 < merge->count && lane_before(merge->heap[child + 1], merge->heap[child]))
            child++;
        if (!lane_before(merge->heap[child], lane))
            break;
        merge->heap[place] = merge->heap[child];
        place = child;
    }
    merge->heap[place] = lane;
}

bool merge_init(struct merge *merge, struct trace_reader *reader)
{
    *merge = (struct merge){.count = reader->stream_count, .chunks_left = reader->chunk_count};
    if (merge->count == 0)
        return true;
    merge->lanes = calloc(merge->count, sizeof(*merge->lanes));
    merge->heap = calloc(merge->count, sizeof(struct merge_lane *));
    if (!merge->lanes || !merge->heap) {
        merge_release(merge);
        return false;
    }
    for (size_t i = 0; i < merge->count; i++) {
        struct merge_lane *lane = &merge->lanes[i];
        stream_decoder_init(&lane->decoder, reader, i);
        lane->event.ticks = lane->decoder.ticks;
        merge->heap[i] = lane;
    }
    for (size_t i = merge->count / 2; i-- > 0;)
        merge_sift_down(merge, i);
    return true;
}

void merge_release(struct merge *merge)
{
    for (size_t i = 0; merge->heap && i < merge->count; i++)
        stream_decoder_release(&merge->heap[i]->decoder);
    free(merge->lanes);
    free(merge->heap);
    *merge = (struct merge){0};
}

enum decode_result merge_next(struct merge *merge, struct event **event, size_t *stream)
{
    while (merge->count) {
        struct merge_lane *lane = merge->heap[0];
        if (lane->ready) {
            lane->ready = false;
            *event = &lane->event;
            *stream = (size_t)(lane - merge->lanes);
            return DECODE_EVENT;
        }
        enum decode_result result = stream_decoder_step(&lane->decoder, &lane->event);
        if (result == DECODE_NO_MEMORY)
            return result;
        if (result == DECODE_END) {
            merge->heap[0] = merge->heap[--merge->count];
        } else {
            lane->ready = lane->event.type != EVENT_NONE;
            if (lane->event.type == EVENT_CHUNK)
                merge->chunks_left--;
        }
        if (merge->count)
            merge_sift_down(merge, 0);
    }
    return DECODE_END;
}
