/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/trace_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "reader/trace_header.h"

void trace_damage_at(struct trace_damage *damage, uint64_t *counter, uint64_t offset)
{
    if (damage->bad_chunks + damage->bad_records == 0 || offset < damage->first_bad_offset)
        damage->first_bad_offset = offset;
    ++*counter;
}

bool trace_damage_any(const struct trace_damage *damage)
{
    return damage->bad_chunks || damage->duplicate_chunks || damage->missing_chunks ||
           damage->bad_records || damage->cut_off;
}

enum chunk_state { CHUNK_GOOD, CHUNK_UNUSED, CHUNK_BAD };

/* The magic is stored last: without it, and with no record behind the header, the chunk was
 * reserved, or being set up when the process ended. */
static enum chunk_state trace_chunk_read(const struct trace_reader *reader, uint64_t offset,
                                         struct vmt_chunk_header *header)
{
    uint8_t scratch[VMT_CHUNK_HEADER_SIZE + 1];
    size_t size;
    const uint8_t *bytes = source_view(reader->source, offset, sizeof(scratch), scratch, &size);
    if (size < VMT_CHUNK_HEADER_SIZE)
        return CHUNK_UNUSED;
    memcpy(header, bytes, sizeof(*header));
    if (header->magic == VMT_CHUNK_MAGIC)
        return CHUNK_GOOD;
    bool recorded = size > VMT_CHUNK_HEADER_SIZE && bytes[VMT_CHUNK_HEADER_SIZE] != 0;
    return header->magic == 0 && !recorded ? CHUNK_UNUSED : CHUNK_BAD;
}

static bool trace_reader_index(struct trace_reader *reader)
{
    size_t capacity = 0;
    uint64_t size = source_size(reader->source);
    for (uint64_t start = 0; start < size; start += VMT_CHUNK_SIZE) {
        struct vmt_chunk_header header;
        uint64_t offset = start ? start : VMT_HEADER_SIZE;
        enum chunk_state state = trace_chunk_read(reader, offset, &header);
        if (state == CHUNK_BAD)
            trace_damage_at(&reader->damage, &reader->damage.bad_chunks, offset);
        if (state == CHUNK_GOOD) {
            if (reader->chunk_count == capacity &&
                !vector_grow(&reader->chunks, &capacity, sizeof(*reader->chunks)))
                return false;
            reader->chunks[reader->chunk_count++] =
                (struct trace_chunk){header.stream, header.sequence, offset, header.ticks};
        }
        if (size < offset || (size > offset && size - offset < VMT_CHUNK_HEADER_SIZE))
            reader->damage.cut_off = true;
    }
    return true;
}

static int trace_chunk_compare(const void *left, const void *right)
{
    const struct trace_chunk *a = left, *b = right;
    if (a->stream != b->stream)
        return a->stream < b->stream ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Of chunks with the same place in their stream the first of the file is kept. */
static void trace_reader_drop_duplicates(struct trace_reader *reader)
{
    size_t kept = 0;
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct trace_chunk *chunk = &reader->chunks[i];
        if (kept && reader->chunks[kept - 1].stream == chunk->stream &&
            reader->chunks[kept - 1].sequence == chunk->sequence)
            reader->damage.duplicate_chunks++;
        else
            reader->chunks[kept++] = *chunk;
    }
    reader->chunk_count = kept;
}

static bool trace_reader_group(struct trace_reader *reader)
{
    size_t capacity = 0;
    if (reader->chunk_count)
        qsort(reader->chunks, reader->chunk_count, sizeof(*reader->chunks), trace_chunk_compare);
    trace_reader_drop_duplicates(reader);
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct trace_chunk *chunk = &reader->chunks[i];
        bool begins = i == 0 || chunk->stream != chunk[-1].stream;
        uint32_t expected = begins ? 0 : chunk[-1].sequence + 1;
        reader->damage.missing_chunks += chunk->sequence - expected;
        if (begins) {
            if (reader->stream_count == capacity &&
                !vector_grow(&reader->streams, &capacity, sizeof(*reader->streams)))
                return false;
            reader->streams[reader->stream_count++] = (struct trace_stream){i, 0};
        }
        reader->streams[reader->stream_count - 1].count++;
    }
    return true;
}

enum vmt_error trace_reader_open(struct trace_reader *reader, struct source *source,
                                 struct error *error)
{
    *reader = (struct trace_reader){.source = source};
    enum vmt_error code = trace_header_read(source, &reader->header, error);
    if (code == VMT_OK && (!trace_reader_index(reader) || !trace_reader_group(reader)))
        code = error_no_memory(error);
    if (code != VMT_OK)
        trace_reader_release(reader);
    return code;
}

void trace_reader_release(struct trace_reader *reader)
{
    free(reader->chunks);
    free(reader->streams);
    source_free(reader->source);
    *reader = (struct trace_reader){0};
}
