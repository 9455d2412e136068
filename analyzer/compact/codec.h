/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer and the reader of a compact trace both know after each record: the heap.
 *
 * Both do the same with every record, in the same order, so both always have the same cohorts with
 * the same numbers and come to the same guesses.  compact_encoder.h turns a record into symbols of
 * the columns by that knowledge, compact_decoder.h turns them back.
 */
#ifndef VMTRACE_COMPACT_CODEC_H
#define VMTRACE_COMPACT_CODEC_H

#include "compact/columns.h"
#include "compact/heap_guess.h"
#include "compact/record_form.h"
#include "decode/event.h"

struct codec {
    struct heap_guess heap;
    struct columns columns;
    uint64_t quiet;  /* writing: records since the last entry in STAMPS */
    int fault_votes; /* > 0: a page's first touch is seen as a fault */
};

/* For `streams` streams of a trace from a machine with such pages.  False when out of memory;
 * codec_release it in any case. */
bool codec_init(struct codec *codec, size_t streams, uint64_t page_size, bool writing);
void codec_release(struct codec *codec);

/* The request that an allocation makes; a block that is being moved is taken from the lane. */
struct heap_request codec_request(struct codec *codec, struct heap_lane *lane,
                                  const struct cohort_key *key);

/* Whether the record just dealt with should say one minor fault, and nothing else of this kind. */
bool codec_expects_fault(const struct codec *codec);
void codec_learn_fault(struct codec *codec, const struct record_form *form);

/* A live block is released, or (REALLOC_BEGIN) about to be. */
void codec_free(struct codec *codec, struct heap_lane *lane, uint32_t block, uint8_t kind);

/* The live block at `address`, or SPAN_NONE. */
uint32_t codec_block(const struct codec *codec, uint64_t address);

/* What a record that is in the trace literally does.  False when out of memory. */
bool codec_follow(struct codec *codec, struct heap_lane *lane, const struct event *event);

/* How blocks of an allocation of this kind usually are released. */
static inline uint8_t codec_usual_release(uint8_t kind)
{
    return kind == VMT_NEW ? VMT_DELETE : kind == VMT_NEW_ARRAY ? VMT_DELETE_ARRAY : VMT_FREE;
}

#endif
