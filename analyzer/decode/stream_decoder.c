/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/stream_decoder.h"

#include <stdlib.h>
#include <string.h>

#include "decode/record_decoder.h"

void stream_decoder_init(struct stream_decoder *decoder, struct trace_reader *reader, size_t stream)
{
    const struct trace_stream *chunks = &reader->streams[stream];
    *decoder = (struct stream_decoder){
        .reader = reader,
        .stream = stream,
        .next_chunk = reader->chunks + chunks->first,
        .end_chunk = reader->chunks + chunks->first + chunks->count,
        .ticks = reader->chunks[chunks->first].ticks,
        .next_node = VMT_NODE_FIRST,
    };
}

void stream_decoder_release(struct stream_decoder *decoder)
{
    if (decoder->work)
        fault_decoder_release(&decoder->work->faults);
    free(decoder->work);
    decoder->work = NULL;
}

/* Enters the next chunk; false when it cannot be read (any more). */
static bool stream_decoder_enter(struct stream_decoder *decoder, struct event *event)
{
    const struct trace_chunk *chunk = decoder->next_chunk++;
    size_t size;
    const uint8_t *bytes =
        source_view(decoder->reader->source, chunk->offset,
                    VMT_CHUNK_SIZE - chunk->offset % VMT_CHUNK_SIZE, decoder->work->chunk, &size);
    struct vmt_chunk_header header;
    if (size < sizeof(header)) {
        decoder->gap = true;
        trace_damage_at(&decoder->reader->damage, &decoder->reader->damage.bad_chunks,
                        chunk->offset);
        return false;
    }
    memcpy(&header, bytes, sizeof(header));
    uint32_t expected = decoder->chunk ? decoder->chunk->sequence + 1 : 0;
    bool gap = decoder->gap || chunk->sequence != expected;
    decoder->chunk = chunk;
    decoder->bytes = bytes;
    decoder->cursor = bytes + sizeof(header);
    decoder->end = bytes + size;
    if (header.ticks > decoder->ticks)
        decoder->ticks = header.ticks;
    decoder->last_address = decoder->previous_pc = 0;
    decoder->next_node = header.next_node < VMT_NODE_FIRST ? VMT_NODE_FIRST : header.next_node;
    decoder->gap = false;
    memset(decoder->work->slots, 0, sizeof(decoder->work->slots));
    fault_decoder_reset(&decoder->work->faults);
    *event = (struct event){.type = EVENT_CHUNK, .ticks = decoder->ticks};
    event->chunk = (struct event_chunk){header.tid, decoder->next_node, header.node_epoch, gap};
    return true;
}

/* A record could not be understood: its chunk ends there, cut off or damaged. */
static void stream_decoder_give_up(struct stream_decoder *decoder, const uint8_t *record)
{
    struct trace_damage *damage = &decoder->reader->damage;
    uint64_t end = decoder->chunk->offset + (uint64_t)(decoder->end - decoder->bytes);
    decoder->gap = true;
    if (end % VMT_CHUNK_SIZE)
        damage->cut_off = true;
    else
        trace_damage_at(damage, &damage->bad_records,
                        decoder->chunk->offset + (uint64_t)(record - decoder->bytes));
}

/* Decodes one record of the current chunk; false when the chunk is over. */
static bool stream_decoder_record(struct stream_decoder *decoder, struct event *event)
{
    struct record_tap *tap = decoder->reader->tap;
    const uint8_t *record = decoder->cursor;
    if ((record == decoder->end || *record == VMT_OP_END_OF_CHUNK) &&
        !(tap && tap->more(tap, decoder)))
        return false;
    uint8_t opcode = *decoder->cursor++;
    bool good = opcode >= VMT_HOT ? hot_record_decode(decoder, opcode, event)
                                  : cold_record_decode(decoder, opcode, event);
    if (!good)
        stream_decoder_give_up(decoder, record);
    if (tap)
        tap->seen(tap, decoder, record, good ? event : NULL);
    return good;
}

enum decode_result stream_decoder_step(struct stream_decoder *decoder, struct event *event)
{
    if (!decoder->work) {
        decoder->work = malloc(sizeof(*decoder->work));
        if (!decoder->work)
            return DECODE_NO_MEMORY;
        decoder->work->faults = (struct fault_decoder){0};
    }
    if (decoder->cursor && stream_decoder_record(decoder, event))
        return DECODE_EVENT;
    decoder->cursor = NULL;
    if (decoder->no_memory)
        return DECODE_NO_MEMORY;
    if (decoder->reader->tap && decoder->reader->tap->no_memory)
        return DECODE_NO_MEMORY;
    while (decoder->next_chunk != decoder->end_chunk) {
        if (stream_decoder_enter(decoder, event))
            return DECODE_EVENT;
    }
    stream_decoder_release(decoder);
    return DECODE_END;
}

enum decode_result stream_decoder_next(struct stream_decoder *decoder, struct event *event)
{
    enum decode_result result;
    while ((result = stream_decoder_step(decoder, event)) == DECODE_EVENT &&
           event->type == EVENT_NONE)
        ;
    return result;
}
