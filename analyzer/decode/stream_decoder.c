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
        .next_chunk = reader->chunks + chunks->first,
        .end_chunk = reader->chunks + chunks->first + chunks->count,
        .ticks = reader->chunks[chunks->first].ticks,
        .next_node = VMT_NODE_FIRST,
    };
}

void stream_decoder_release(struct stream_decoder *decoder)
{
    free(decoder->work);
    decoder->work = NULL;
}

static uint64_t stream_decoder_offset(const struct stream_decoder *decoder)
{
    return decoder->chunk->offset + (uint64_t)(decoder->cursor - decoder->bytes);
}

/* Enters the next chunk; false when it cannot be read (any more). */
static bool stream_decoder_enter(struct stream_decoder *decoder, struct event *event)
{
    const struct trace_chunk *chunk = decoder->next_chunk++;
    size_t size;
    const uint8_t *bytes = source_view(decoder->reader->source, chunk->offset, VMT_CHUNK_SIZE,
                                       decoder->work->chunk, &size);
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
    *event = (struct event){.type = EVENT_CHUNK, .ticks = decoder->ticks};
    event->chunk = (struct event_chunk){header.tid, decoder->next_node, header.node_epoch, gap};
    return true;
}

/* Decodes one record of the current chunk; false when the chunk is over. */
static bool stream_decoder_record(struct stream_decoder *decoder, struct event *event)
{
    uint64_t offset = stream_decoder_offset(decoder);
    if (decoder->cursor == decoder->end || *decoder->cursor == VMT_OP_END_OF_CHUNK)
        return false;
    uint8_t opcode = *decoder->cursor++;
    bool good = opcode >= VMT_HOT ? hot_record_decode(decoder, opcode, event)
                                  : cold_record_decode(decoder, opcode, event);
    if (!good) {
        struct trace_damage *damage = &decoder->reader->damage;
        decoder->gap = true;
        if (decoder->end - decoder->bytes < VMT_CHUNK_SIZE)
            damage->cut_off = true;
        else
            trace_damage_at(damage, &damage->bad_records, offset);
    }
    return good;
}

enum decode_result stream_decoder_next(struct stream_decoder *decoder, struct event *event)
{
    if (!decoder->work) {
        decoder->work = malloc(sizeof(*decoder->work));
        if (!decoder->work)
            return DECODE_NO_MEMORY;
    }
    while (decoder->cursor && stream_decoder_record(decoder, event)) {
        if (event->type != EVENT_NONE)
            return DECODE_EVENT;
    }
    decoder->cursor = NULL;
    while (decoder->next_chunk != decoder->end_chunk) {
        if (stream_decoder_enter(decoder, event))
            return DECODE_EVENT;
    }
    stream_decoder_release(decoder);
    return DECODE_END;
}
