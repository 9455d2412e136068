/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/compact_decoder.h"

#include <stdlib.h>
#include <string.h>

/* Where the next record of the stream goes. */
static uint8_t *decoder_room(const struct stream_decoder *stream, size_t *size)
{
    *size = (size_t)(stream->end - stream->cursor);
    return stream->work->chunk + (stream->cursor - stream->bytes);
}

static bool decoder_put(const struct stream_decoder *stream, const uint8_t *bytes, size_t size)
{
    size_t room;
    uint8_t *out = decoder_room(stream, &room);
    if (!bytes || size > room)
        return false;
    memcpy(out, bytes, size);
    return true;
}

static bool decoder_put_form(const struct stream_decoder *stream, const struct record_form *form)
{
    uint8_t bytes[RECORD_FORM_MAX];
    size_t size = record_form_write(form, stream->work->slots, stream->last_address, bytes);
    return decoder_put(stream, bytes, size);
}

/* ---- symbols ---- */

static struct column *decoder_column(struct compact_decoder *decoder, enum compact_column column)
{
    return &decoder->codec.columns.list[column];
}

static bool decoder_get_address(struct compact_decoder *decoder, uint64_t base, uint64_t *address)
{
    uint64_t value;
    if (!column_get(decoder_column(decoder, COMPACT_ADDRESSES), &value))
        return false;
    *address = vmt_address_apply(value, base);
    return true;
}

/* The column says how many records come before the next one that is not as expected; without
 * another such entry in the block they are without end. */
static bool decoder_get_entry(struct compact_decoder *decoder, bool *surprise)
{
    struct column *stamps = decoder_column(decoder, COMPACT_STAMPS);
    if (!decoder->stamps_known) {
        decoder->stamps = UINT64_MAX;
        if (!column_at_end(stamps) && !column_get(stamps, &decoder->stamps))
            return false;
        decoder->stamps_known = true;
    }
    *surprise = decoder->stamps >> 2 == 0;
    if (*surprise)
        decoder->stamps_known = false;
    else
        decoder->stamps -= 4;
    return true;
}

/* T and F fields, after the record's allocation or release was dealt with. */
static bool decoder_get_stamps(struct compact_decoder *decoder, struct record_form *form)
{
    struct column *stamps = decoder_column(decoder, COMPACT_STAMPS);
    bool surprise;
    if (!decoder_get_entry(decoder, &surprise))
        return false;
    if (surprise) {
        form->timed = decoder->stamps & 2;
        form->faulted = decoder->stamps & 1;
        if (form->timed && !column_get(decoder_column(decoder, COMPACT_TIMES), &form->delta))
            return false;
        if (form->faulted &&
            (!column_get(stamps, &form->minor) || !column_get(stamps, &form->major)))
            return false;
    } else if (codec_expects_fault(&decoder->codec)) {
        form->faulted = true;
        form->minor = 1;
    }
    codec_learn_fault(&decoder->codec, form);
    return true;
}

/* ---- records ---- */

static uint32_t decoder_get_cohort(struct compact_decoder *decoder,
                                   const struct stream_decoder *stream)
{
    struct column *column = decoder_column(decoder, COMPACT_COHORTS);
    struct cohort_key key = {.stream = (uint32_t)stream->stream};
    uint64_t distance;
    if (!column_get_byte(column, &key.kind) || !record_form_allocates(key.kind))
        return COHORT_NONE;
    if (key.kind == VMT_ALLOC_OTHER &&
        (!column_get_byte(column, &key.subkind) || !column_get_byte(column, &key.alignment_log2)))
        return COHORT_NONE;
    if (!column_get(column, &distance) || !column_get(column, &key.size))
        return COHORT_NONE;
    key.node = stream->next_node - (uint32_t)distance;
    uint32_t cohort = cohort_add(&decoder->codec.heap.cohorts, &decoder->codec.heap.spans, &key);
    decoder->tap.no_memory = decoder->tap.no_memory || cohort == COHORT_NONE;
    return cohort;
}

static bool decoder_get_allocation(struct compact_decoder *decoder,
                                   const struct stream_decoder *stream, uint32_t cohort)
{
    struct codec *codec = &decoder->codec;
    struct heap_lane *lane = &codec->heap.lanes[stream->stream];
    const struct cohort_key *key = &codec->heap.cohorts.cohorts[cohort].key;
    struct record_form form = {.kind = key->kind,
                               .subkind = key->subkind,
                               .alignment_log2 = key->alignment_log2,
                               .size = key->size,
                               .node = key->node};
    uint8_t place;
    if (!column_get_byte(decoder_column(decoder, COMPACT_PLACES), &place))
        return false;
    struct heap_request request = codec_request(codec, lane, key);
    struct heap_answer answer = heap_guess_expect(&codec->heap, lane, &request);
    form.address = answer.address;
    if (place != COMPACT_PLACE_EXPECTED &&
        !decoder_get_address(decoder, stream->last_address, &form.address))
        return false;
    uint32_t block = heap_guess_settle(&codec->heap, lane, &request, answer, form.address);
    if (block == SPAN_NONE) {
        decoder->tap.no_memory = true;
        return false;
    }
    cohort_append(&codec->heap.cohorts, &codec->heap.spans, cohort, block);
    return decoder_get_stamps(decoder, &form) && decoder_put_form(stream, &form);
}

/* The block that a release names: by its rank in the cohort, or by its address. */
static uint32_t decoder_get_block(struct compact_decoder *decoder,
                                  const struct stream_decoder *stream, uint32_t cohort)
{
    const struct heap_guess *heap = &decoder->codec.heap;
    uint64_t address;
    uint8_t rank;
    if (!column_get_byte(decoder_column(decoder, COMPACT_RANKS), &rank))
        return SPAN_NONE;
    if (rank < COHORT_RANKS)
        return cohort_ranked(&heap->cohorts, &heap->spans, cohort, rank);
    if (!decoder_get_address(decoder, stream->last_address, &address))
        return SPAN_NONE;
    return codec_block(&decoder->codec, address);
}

/* Kind and subkind of a release that is not the usual one. */
static bool decoder_get_kind(struct compact_decoder *decoder, struct record_form *form)
{
    struct column *literals = decoder_column(decoder, COMPACT_LITERALS);
    return column_get_byte(literals, &form->kind) && column_get_byte(literals, &form->subkind) &&
           record_form_releases(form->kind);
}

static bool decoder_get_release(struct compact_decoder *decoder,
                                const struct stream_decoder *stream, uint32_t cohort,
                                enum compact_deed deed)
{
    struct codec *codec = &decoder->codec;
    uint8_t allocated = codec->heap.cohorts.cohorts[cohort].key.kind;
    struct record_form form = {.kind = deed == COMPACT_REALLOC ? VMT_REALLOC_BEGIN
                                                               : codec_usual_release(allocated)};
    uint32_t block = decoder_get_block(decoder, stream, cohort);
    if (block == SPAN_NONE ||
        (deed == COMPACT_RELEASE_OTHERWISE && !decoder_get_kind(decoder, &form)))
        return false;
    form.address = span_at(&codec->heap.spans, block)->address;
    codec_free(codec, &codec->heap.lanes[stream->stream], block, form.kind);
    return decoder_get_stamps(decoder, &form) && decoder_put_form(stream, &form);
}

static bool decoder_get_stray(struct compact_decoder *decoder, const struct stream_decoder *stream)
{
    struct record_form form = {.kind = VMT_FREE};
    if (!decoder_get_kind(decoder, &form) ||
        !decoder_get_address(decoder, stream->last_address, &form.address))
        return false;
    uint32_t block = codec_block(&decoder->codec, form.address);
    if (block != SPAN_NONE)
        codec_free(&decoder->codec, &decoder->codec.heap.lanes[stream->stream], block, form.kind);
    return decoder_get_stamps(decoder, &form) && decoder_put_form(stream, &form);
}

static bool decoder_get_nodes(struct compact_decoder *decoder, const struct stream_decoder *stream)
{
    struct column *parents = decoder_column(decoder, COMPACT_PARENTS);
    struct column *pcs = decoder_column(decoder, COMPACT_PCS);
    const uint8_t *start = pcs->cursor;
    uint64_t distance, count, delta;
    if (!column_get(parents, &distance) || !column_get(parents, &count) || count == 0 ||
        count > VMT_MAX_DEPTH)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!column_get(pcs, &delta))
            return false;
    uint8_t head[1 + 2 * VMT_VARINT_MAX] = {VMT_HOT | VMT_NODES << VMT_HOT_KIND_SHIFT};
    uint8_t *end = vmt_put_varint(head + 1, stream->next_node - (uint32_t)distance);
    size_t head_size = (size_t)(vmt_put_varint(end, count) - head);
    size_t room, size = (size_t)(pcs->cursor - start);
    uint8_t *out = decoder_room(stream, &room);
    if (head_size + size > room)
        return false;
    memcpy(out, head, head_size);
    memcpy(out + head_size, start, size);
    return true;
}

static bool decoder_get_literal(struct compact_decoder *decoder,
                                const struct stream_decoder *stream)
{
    struct column *literals = decoder_column(decoder, COMPACT_LITERALS);
    uint64_t size;
    if (!column_get(literals, &size))
        return false;
    return decoder_put(stream, column_get_bytes(literals, size), size);
}

static bool decoder_get_cohort_record(struct compact_decoder *decoder,
                                      const struct stream_decoder *stream, uint64_t token)
{
    uint64_t cohort = (token - COMPACT_FIRST_COHORT) / 4;
    enum compact_deed deed = (token - COMPACT_FIRST_COHORT) % 4;
    if (cohort >= decoder->codec.heap.cohorts.count)
        return false;
    return deed == COMPACT_ALLOCATE ? decoder_get_allocation(decoder, stream, (uint32_t)cohort)
                                    : decoder_get_release(decoder, stream, (uint32_t)cohort, deed);
}

/* The record that the token stands for. */
static bool decoder_get_record(struct compact_decoder *decoder, const struct stream_decoder *stream,
                               uint64_t token)
{
    uint32_t cohort;
    switch (token) {
    case COMPACT_CHUNK_TAIL:
    case COMPACT_LITERAL:
        decoder->literal = true;
        return decoder_get_literal(decoder, stream);
    case COMPACT_NODES_RECORD:
        return decoder_get_nodes(decoder, stream);
    case COMPACT_NEW_COHORT:
        cohort = decoder_get_cohort(decoder, stream);
        return cohort != COHORT_NONE && decoder_get_allocation(decoder, stream, cohort);
    case COMPACT_STRAY:
        return decoder_get_stray(decoder, stream);
    default:
        return token >= COMPACT_FIRST_COHORT && decoder_get_cohort_record(decoder, stream, token);
    }
}

/* ---- the tap ---- */

/* Nothing more can be read. */
static bool decoder_stop(struct compact_decoder *decoder, const struct stream_decoder *stream,
                         enum decoder_supply why)
{
    struct trace_damage *damage = &stream->reader->damage;
    decoder->over = true;
    if (decoder->tap.no_memory || why == SUPPLY_NO_MEMORY)
        decoder->tap.no_memory = true;
    else if (why == SUPPLY_DAMAGED)
        trace_damage_at(damage, &damage->bad_chunks, decoder->position);
    else
        damage->cut_off = true;
    return false;
}

static void decoder_chunk_done(struct compact_decoder *decoder, const struct stream_decoder *stream)
{
    decoder->ended[stream->stream] = stream->chunk;
    if (decoder->user.chunk_done)
        decoder->user.chunk_done(decoder->context, stream->chunk->offset, stream->bytes,
                                 (size_t)(stream->end - stream->bytes));
}

/* Makes sure that there is a token. */
static enum decoder_supply decoder_fill(struct compact_decoder *decoder)
{
    while (column_at_end(decoder_column(decoder, COMPACT_TOKENS))) {
        enum decoder_supply supply =
            decoder->user.supply(decoder->context, &decoder->codec.columns, &decoder->position);
        if (supply != SUPPLY_READY)
            return supply;
        decoder->stamps_known = false;
    }
    return SUPPLY_READY;
}

static bool decoder_more(struct record_tap *tap, struct stream_decoder *stream)
{
    struct compact_decoder *decoder = (struct compact_decoder *)tap;
    uint64_t token;
    decoder->literal = false;
    if (decoder->over || decoder->ended[stream->stream] == stream->chunk)
        return false;
    enum decoder_supply supply = decoder_fill(decoder);
    if (supply != SUPPLY_READY)
        return decoder_stop(decoder, stream, supply);
    if (!heap_guess_reserve(&decoder->codec.heap, &decoder->codec.heap.lanes[stream->stream]))
        return decoder_stop(decoder, stream, SUPPLY_NO_MEMORY);
    if (!column_get(decoder_column(decoder, COMPACT_TOKENS), &token) ||
        (token != COMPACT_CHUNK_END && !decoder_get_record(decoder, stream, token)))
        return decoder_stop(decoder, stream, SUPPLY_DAMAGED);
    if (token == COMPACT_CHUNK_END || token == COMPACT_CHUNK_TAIL)
        decoder_chunk_done(decoder, stream);
    return token != COMPACT_CHUNK_END && stream->cursor != stream->end &&
           *stream->cursor != VMT_OP_END_OF_CHUNK;
}

static void decoder_seen(struct record_tap *tap, struct stream_decoder *stream,
                         const uint8_t *record, const struct event *event)
{
    struct compact_decoder *decoder = (struct compact_decoder *)tap;
    (void)record;
    if (decoder->literal && event &&
        !codec_follow(&decoder->codec, &decoder->codec.heap.lanes[stream->stream], event))
        tap->no_memory = true;
    decoder->literal = false; /* a literal is one record; room was made for no more */
}

bool compact_decoder_init(struct compact_decoder *decoder, struct trace_reader *reader,
                          const struct decoder_user *user, void *context)
{
    *decoder = (struct compact_decoder){
        .tap = {decoder_more, decoder_seen, false}, .user = *user, .context = context};
    decoder->ended = calloc(reader->stream_count + 1, sizeof(struct trace_chunk *));
    reader->tap = &decoder->tap;
    return decoder->ended &&
           codec_init(&decoder->codec, reader->stream_count, reader->header.page_size, false);
}

void compact_decoder_release(struct compact_decoder *decoder)
{
    free(decoder->ended);
    codec_release(&decoder->codec);
}
