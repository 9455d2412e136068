/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/codec.h"

#define CODEC_MAX_VOTES 16

bool codec_init(struct codec *codec, size_t streams, uint64_t page_size, bool writing)
{
    *codec = (struct codec){.quiet = 0};
    return heap_guess_init(&codec->heap, streams, page_size, writing) &&
           columns_init(&codec->columns, writing);
}

void codec_release(struct codec *codec)
{
    columns_release(&codec->columns);
    heap_guess_release(&codec->heap);
}

/* The block of the lane's last REALLOC_BEGIN, if that is still open: live, in no cohort. */
static uint32_t codec_take_moving(struct codec *codec, struct heap_lane *lane)
{
    uint32_t block = lane->moving;
    lane->moving = SPAN_NONE;
    if (block == SPAN_NONE || span_at(&codec->heap.spans, block)->state != SPAN_MOVING)
        return SPAN_NONE;
    heap_span_detach(&codec->heap, block);
    return block;
}

struct heap_request codec_request(struct codec *codec, struct heap_lane *lane,
                                  const struct cohort_key *key)
{
    bool moves = key->kind == VMT_REALLOC ||
                 (key->kind == VMT_ALLOC_OTHER && key->subkind == VMT_SUB_REALLOCARRAY);
    return (struct heap_request){
        .size = key->size,
        .kind = key->kind,
        .alignment_log2 = key->alignment_log2,
        .moving = moves ? codec_take_moving(codec, lane) : SPAN_NONE,
    };
}

bool codec_expects_fault(const struct codec *codec)
{
    return codec->heap.fresh && codec->fault_votes > 0;
}

void codec_learn_fault(struct codec *codec, const struct record_form *form)
{
    bool seen = form->faulted && form->minor == 1;
    if (codec->heap.fresh && seen && codec->fault_votes < CODEC_MAX_VOTES)
        codec->fault_votes++;
    else if (codec->heap.fresh && !seen && codec->fault_votes > -CODEC_MAX_VOTES)
        codec->fault_votes--;
}

uint32_t codec_block(const struct codec *codec, uint64_t address)
{
    uint32_t block = span_find(&codec->heap.spans, address);
    return block != SPAN_NONE && span_at(&codec->heap.spans, block)->state == SPAN_LIVE ? block
                                                                                        : SPAN_NONE;
}

void codec_free(struct codec *codec, struct heap_lane *lane, uint32_t block, uint8_t kind)
{
    if (kind != VMT_REALLOC_BEGIN) {
        heap_guess_free(&codec->heap, lane, block);
        return;
    }
    cohort_remove(&codec->heap.cohorts, &codec->heap.spans, block);
    span_at(&codec->heap.spans, block)->state = SPAN_MOVING;
    lane->moving = block;
}

/* The block that could not be reallocated is live again. */
static void codec_stay(struct codec *codec, struct heap_lane *lane)
{
    uint32_t block = lane->moving;
    if (block == SPAN_NONE || span_at(&codec->heap.spans, block)->state != SPAN_MOVING)
        return;
    struct span *span = span_at(&codec->heap.spans, block);
    lane->moving = SPAN_NONE;
    span->state = SPAN_LIVE;
    if (span->cohort != COHORT_NONE)
        cohort_append(&codec->heap.cohorts, &codec->heap.spans, span->cohort, block);
}

static bool codec_follow_allocation(struct codec *codec, struct heap_lane *lane,
                                    const struct event *event)
{
    const struct cohort_key key = {.size = event->size,
                                   .kind = event->kind,
                                   .subkind = event->subkind,
                                   .alignment_log2 = event->alignment_log2};
    struct heap_request request = codec_request(codec, lane, &key);
    struct heap_answer answer = heap_guess_expect(&codec->heap, lane, &request);
    return heap_guess_settle(&codec->heap, lane, &request, answer, event->address) != SPAN_NONE;
}

bool codec_follow(struct codec *codec, struct heap_lane *lane, const struct event *event)
{
    uint32_t block;
    switch (event->type) {
    case EVENT_ALLOC:
        return codec_follow_allocation(codec, lane, event);
    case EVENT_FREE:
    case EVENT_REALLOC_BEGIN:
        block = codec_block(codec, event->address);
        if (block != SPAN_NONE)
            codec_free(codec, lane, block, event->kind);
        return true;
    case EVENT_REALLOC_FAILED:
        codec_stay(codec, lane);
        return true;
    case EVENT_REALLOC_FREED:
        block = codec_take_moving(codec, lane);
        if (block != SPAN_NONE)
            heap_guess_free(&codec->heap, lane, block);
        return true;
    case EVENT_COLD:
        if (event->op == VMT_OP_THREAD)
            heap_guess_thread_end(&codec->heap, lane);
        return true;
    default:
        return true;
    }
}
