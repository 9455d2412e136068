/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All streams of a trace as one sequence of events, ordered by ticks.
 *
 * Within a stream the order is always the stream's own: an event without a time stamp has the
 * time of the one before it.  Events of equal time come in the order of their streams.
 *
 * Records are read in a fixed order, too, on which the compact form depends: the next one is that
 * of the stream whose clock, after what was read of it, is smallest, whether the record is known or
 * not.
 * A binary heap holds the next event of each stream that is not exhausted; a stream is opened
 * when its first chunk's time has come, so thousands that live one after another cost little.
 */
#ifndef VMTRACE_DECODE_MERGE_H
#define VMTRACE_DECODE_MERGE_H

#include "decode/stream_decoder.h"

struct merge_lane;

struct merge {
    struct merge_lane *lanes; /* one per stream */
    struct merge_lane **heap; /* heap[0] is due next */
    size_t count;             /* in the heap */
    uint64_t chunks_left;     /* not begun */
};

/* False when out of memory.  The reader is borrowed. */
bool merge_init(struct merge *merge, struct trace_reader *reader);
void merge_release(struct merge *merge);

/* On DECODE_EVENT *event is the next one, to be read until the next call, and *stream the
 * index of its stream in the reader. */
enum decode_result merge_next(struct merge *merge, struct event **event, size_t *stream);

#endif
