/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/compact_encoder.h"

#include <stdlib.h>
#include <string.h>

static struct column *encoder_column(struct compact_encoder *encoder, enum compact_column column)
{
    return &encoder->codec.columns.list[column];
}

static void encoder_put(struct compact_encoder *encoder, enum compact_column column, uint64_t value)
{
    column_put(encoder_column(encoder, column), value);
}

static void encoder_put_byte(struct compact_encoder *encoder, enum compact_column column,
                             uint8_t byte)
{
    column_put_byte(encoder_column(encoder, column), byte);
}

static void encoder_put_literal(struct compact_encoder *encoder, enum compact_token token,
                                const uint8_t *bytes, size_t size)
{
    struct column *literals = encoder_column(encoder, COMPACT_LITERALS);
    encoder_put(encoder, COMPACT_TOKENS, token);
    column_put(literals, size);
    column_put_bytes(literals, bytes, size);
}

/* ---- allocations and releases ---- */

/* After the record's allocation or release was dealt with. */
static void encoder_put_stamps(struct compact_encoder *encoder, const struct record_form *form)
{
    struct codec *codec = &encoder->codec;
    struct column *stamps = encoder_column(encoder, COMPACT_STAMPS);
    bool one = form->faulted && form->minor == 1 && form->major == 0;
    bool expected = codec_expects_fault(codec) ? one : !form->faulted;
    codec_learn_fault(codec, form);
    if (!form->timed && expected) {
        codec->quiet++;
        return;
    }
    column_put(stamps, codec->quiet << 2 | (unsigned)form->timed << 1 | form->faulted);
    if (form->timed)
        encoder_put(encoder, COMPACT_TIMES, form->delta);
    if (form->faulted) {
        column_put(stamps, form->minor);
        column_put(stamps, form->major);
    }
    codec->quiet = 0;
}

/* A cohort's definition; its node is most often the newest. */
static uint32_t encoder_put_cohort(struct compact_encoder *encoder, const struct cohort_key *key,
                                   uint32_t next_node)
{
    struct column *column = encoder_column(encoder, COMPACT_COHORTS);
    encoder_put(encoder, COMPACT_TOKENS, COMPACT_NEW_COHORT);
    column_put_byte(column, key->kind);
    if (key->kind == VMT_ALLOC_OTHER) {
        column_put_byte(column, key->subkind);
        column_put_byte(column, key->alignment_log2);
    }
    column_put(column, next_node - key->node);
    column_put(column, key->size);
    return cohort_add(&encoder->codec.heap.cohorts, &encoder->codec.heap.spans, key);
}

static bool encoder_put_allocation(struct compact_encoder *encoder,
                                   const struct stream_decoder *decoder,
                                   const struct record_form *form, uint64_t last_address)
{
    struct codec *codec = &encoder->codec;
    struct heap_lane *lane = &codec->heap.lanes[decoder->stream];
    const struct cohort_key key = {form->size,    (uint32_t)decoder->stream, form->node, form->kind,
                                   form->subkind, form->alignment_log2};
    uint32_t cohort = cohort_find(&codec->heap.cohorts, &key);
    if (cohort == COHORT_NONE)
        cohort = encoder_put_cohort(encoder, &key, decoder->next_node);
    else
        encoder_put(encoder, COMPACT_TOKENS,
                    COMPACT_FIRST_COHORT + 4 * (uint64_t)cohort + COMPACT_ALLOCATE);
    if (cohort == COHORT_NONE)
        return false;
    struct heap_request request = codec_request(codec, lane, &key);
    struct heap_answer answer = heap_guess_expect(&codec->heap, lane, &request);
    bool expected = answer.address == form->address;
    encoder_put_byte(encoder, COMPACT_PLACES,
                     expected ? COMPACT_PLACE_EXPECTED : COMPACT_PLACE_EXPLICIT);
    if (!expected)
        encoder_put(encoder, COMPACT_ADDRESSES, vmt_address_delta(form->address, last_address));
    uint32_t block = heap_guess_settle(&codec->heap, lane, &request, answer, form->address);
    if (block == SPAN_NONE)
        return false;
    cohort_append(&codec->heap.cohorts, &codec->heap.spans, cohort, block);
    encoder_put_stamps(encoder, form);
    return true;
}

static void encoder_put_release(struct compact_encoder *encoder,
                                const struct stream_decoder *decoder,
                                const struct record_form *form, uint64_t last_address)
{
    struct codec *codec = &encoder->codec;
    struct heap_lane *lane = &codec->heap.lanes[decoder->stream];
    uint32_t block = codec_block(codec, form->address);
    uint32_t cohort = block == SPAN_NONE ? COHORT_NONE : span_at(&codec->heap.spans, block)->cohort;
    enum compact_deed deed = COMPACT_RELEASE_OTHERWISE;
    unsigned rank = COHORT_RANKS;
    if (cohort != COHORT_NONE) {
        if (form->kind == VMT_REALLOC_BEGIN)
            deed = COMPACT_REALLOC;
        else if (form->kind == codec_usual_release(codec->heap.cohorts.cohorts[cohort].key.kind))
            deed = COMPACT_RELEASE;
        rank = cohort_rank(&codec->heap.cohorts, &codec->heap.spans, block);
        encoder_put(encoder, COMPACT_TOKENS, COMPACT_FIRST_COHORT + 4 * (uint64_t)cohort + deed);
        encoder_put_byte(encoder, COMPACT_RANKS,
                         rank < COHORT_RANKS ? (uint8_t)rank : COMPACT_RANK_EXPLICIT);
    } else {
        encoder_put(encoder, COMPACT_TOKENS, COMPACT_STRAY);
    }
    if (deed == COMPACT_RELEASE_OTHERWISE) {
        encoder_put_byte(encoder, COMPACT_LITERALS, form->kind);
        encoder_put_byte(encoder, COMPACT_LITERALS, form->subkind);
    }
    if (rank == COHORT_RANKS)
        encoder_put(encoder, COMPACT_ADDRESSES, vmt_address_delta(form->address, last_address));
    if (block != SPAN_NONE)
        codec_free(codec, lane, block, form->kind);
    encoder_put_stamps(encoder, form);
}

/* ---- records ---- */

/* Whether parent and count of a NODES record are in their shortest form. */
static bool encoder_has_nodes_form(const struct event *event, const uint8_t *record)
{
    uint8_t bytes[2 * VMT_VARINT_MAX];
    if (event->type != EVENT_NODES)
        return false;
    const uint8_t *end =
        vmt_put_varint(vmt_put_varint(bytes, event->nodes.parent), event->nodes.count);
    return event->nodes.cursor == record + 1 + (end - bytes) &&
           memcmp(record + 1, bytes, (size_t)(end - bytes)) == 0;
}

static void encoder_put_nodes(struct compact_encoder *encoder, const struct event_nodes *nodes)
{
    encoder_put(encoder, COMPACT_TOKENS, COMPACT_NODES_RECORD);
    encoder_put(encoder, COMPACT_PARENTS, nodes->first - nodes->parent);
    encoder_put(encoder, COMPACT_PARENTS, nodes->count);
    column_put_bytes(encoder_column(encoder, COMPACT_PCS), nodes->cursor,
                     (size_t)(nodes->end - nodes->cursor));
}

static struct record_form encoder_form(const uint8_t *record, size_t size,
                                       const struct event *event)
{
    const uint8_t *cursor = record + 1;
    struct record_form form = {
        .kind = event->kind,
        .subkind = event->subkind,
        .alignment_log2 = event->alignment_log2,
        .timed = *record & VMT_HOT_TIME,
        .faulted = *record & VMT_HOT_FAULTS,
        .minor = event->minor,
        .major = event->major,
        .address = event->address,
        .size = event->size,
        .node = event->node,
    };
    if (form.timed)
        vmt_get_varint(&cursor, record + size, &form.delta);
    return form;
}

/* Whether the record is an allocation or a release in the recorder's form. */
static bool encoder_has_form(const struct encoder_stream *stream, const struct event *event,
                             const uint8_t *record, size_t size, struct record_form *form)
{
    uint8_t bytes[RECORD_FORM_MAX];
    if (event->type != EVENT_ALLOC && event->type != EVENT_FREE &&
        event->type != EVENT_REALLOC_BEGIN)
        return false;
    *form = encoder_form(record, size, event);
    if (vmt_address_apply(vmt_address_delta(event->address, stream->last_address),
                          stream->last_address) != event->address)
        return false;
    return record_form_write(form, stream->slots, stream->last_address, bytes) == size &&
           memcmp(bytes, record, size) == 0;
}

/* Keeps up with the decoder. */
static void encoder_catch_up(struct encoder_stream *stream, const struct stream_decoder *decoder,
                             const struct event *event, bool formed)
{
    stream->last_address = decoder->last_address;
    if (formed && event->type != EVENT_ALLOC)
        return;
    if (formed)
        stream->slots[VMT_SLOT_OF(event->node)] = decoder->work->slots[VMT_SLOT_OF(event->node)];
    else if (event->type != EVENT_NODES)
        memcpy(stream->slots, decoder->work->slots, sizeof(stream->slots));
}

/* The state of the stream before the decoder's record; NULL when out of memory. */
static struct encoder_stream *encoder_stream(struct compact_encoder *encoder,
                                             const struct stream_decoder *decoder)
{
    struct encoder_stream **stream = &encoder->streams[decoder->stream];
    if (*stream == NULL)
        *stream = calloc(1, sizeof(**stream));
    return *stream;
}

static bool encoder_put_record(struct compact_encoder *encoder, struct stream_decoder *decoder,
                               const uint8_t *record, const struct event *event)
{
    struct heap_lane *lane = &encoder->codec.heap.lanes[decoder->stream];
    struct encoder_stream *stream = encoder_stream(encoder, decoder);
    if (!stream || !heap_guess_reserve(&encoder->codec.heap, lane))
        return false;
    if (record == decoder->bytes + VMT_CHUNK_HEADER_SIZE)
        *stream = (struct encoder_stream){.last_address = 0};
    size_t size = (size_t)(decoder->cursor - record);
    struct record_form form;
    bool formed = encoder_has_form(stream, event, record, size, &form);
    bool done = true;
    if (formed) {
        if (event->type == EVENT_ALLOC)
            done = encoder_put_allocation(encoder, decoder, &form, stream->last_address);
        else
            encoder_put_release(encoder, decoder, &form, stream->last_address);
    } else if (encoder_has_nodes_form(event, record)) {
        encoder_put_nodes(encoder, &event->nodes);
    } else {
        encoder_put_literal(encoder, COMPACT_LITERAL, record, size);
        done = codec_follow(&encoder->codec, lane, event);
    }
    encoder_catch_up(stream, decoder, event, formed);
    return done;
}

/* The chunk is over at `end`; a torn record may follow there. */
static void encoder_put_end(struct compact_encoder *encoder, const struct stream_decoder *decoder,
                            const uint8_t *end)
{
    const uint8_t *last = decoder->end;
    while (last > end && last[-1] == 0)
        last--;
    if (last == end)
        encoder_put(encoder, COMPACT_TOKENS, COMPACT_CHUNK_END);
    else
        encoder_put_literal(encoder, COMPACT_CHUNK_TAIL, end, (size_t)(last - end));
}

static bool encoder_more(struct record_tap *tap, struct stream_decoder *decoder)
{
    struct compact_encoder *encoder = (struct compact_encoder *)tap;
    encoder_put_end(encoder, decoder, decoder->cursor);
    return false;
}

static void encoder_seen(struct record_tap *tap, struct stream_decoder *decoder,
                         const uint8_t *record, const struct event *event)
{
    struct compact_encoder *encoder = (struct compact_encoder *)tap;
    if (!event)
        encoder_put_end(encoder, decoder, record);
    else if (!encoder_put_record(encoder, decoder, record, event))
        tap->no_memory = true;
}

bool compact_encoder_init(struct compact_encoder *encoder, struct trace_reader *reader)
{
    *encoder = (struct compact_encoder){.tap = {encoder_more, encoder_seen, false}};
    encoder->stream_count = reader->stream_count;
    encoder->streams = calloc(reader->stream_count + 1, sizeof(struct encoder_stream *));
    reader->tap = &encoder->tap;
    return encoder->streams &&
           codec_init(&encoder->codec, reader->stream_count, reader->header.page_size, true);
}

void compact_encoder_release(struct compact_encoder *encoder)
{
    for (size_t i = 0; encoder->streams && i < encoder->stream_count; i++)
        free(encoder->streams[i]);
    free(encoder->streams);
    codec_release(&encoder->codec);
}
