/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_builder.h"

#include <stdlib.h>
#include <string.h>

#include "trace_builder_stream.h"

struct trace_builder {
    struct vmt_file_header header;
    uint8_t **chunks;
    size_t chunk_count;
    struct builder_stream **streams;
    size_t stream_count;
    uint8_t *file;
};

static void *builder_grow(void *memory, size_t size)
{
    void *grown = realloc(memory, size);
    if (!grown)
        abort();
    return grown;
}

struct trace_builder *trace_builder_new(void)
{
    struct trace_builder *builder = builder_grow(NULL, sizeof(*builder));
    *builder = (struct trace_builder){0};
    builder->header = (struct vmt_file_header){
        .version = 1,
        .header_size = 256,
        .chunk_size = 65536,
        .page_size = 4096,
        .machine = 62,
        .clock = VMT_CLOCK_TICKS,
        .pid = 100,
        .ppid = 1,
        .trace_id = 1,
        .start_realtime_ns = UINT64_C(1600000000000000000),
        .start_monotonic_ns = 5000000,
        .start_ticks = BUILDER_START_TICKS,
        .ticks_per_second = 1000000000,
    };
    memcpy(builder->header.magic, "\x89VMT\r\n\x1a\n", 8);
    return builder;
}

void trace_builder_free(struct trace_builder *builder)
{
    for (size_t i = 0; i < builder->chunk_count; i++)
        free(builder->chunks[i]);
    for (size_t i = 0; i < builder->stream_count; i++)
        free(builder->streams[i]);
    free(builder->chunks);
    free(builder->streams);
    free(builder->file);
    free(builder);
}

struct vmt_file_header *trace_builder_header(struct trace_builder *builder)
{
    return &builder->header;
}

const uint8_t *trace_builder_bytes(struct trace_builder *builder, size_t *size)
{
    *size = builder->chunk_count ? builder->chunk_count * 65536 : 256;
    builder->file = builder_grow(builder->file, *size);
    memset(builder->file, 0, 256);
    for (size_t i = 0; i < builder->chunk_count; i++)
        memcpy(builder->file + i * 65536, builder->chunks[i], 65536);
    memcpy(builder->file, &builder->header, sizeof(builder->header));
    return builder->file;
}

const uint8_t *trace_builder_trimmed(struct trace_builder *builder, size_t *size)
{
    const uint8_t *bytes = trace_builder_bytes(builder, size);
    for (size_t i = 0; i < builder->stream_count; i++) {
        const struct builder_stream *stream = builder->streams[i];
        if (stream->chunk + 1 == builder->chunk_count)
            *size -= 65536 - stream->used;
    }
    return bytes;
}

void builder_begin(struct builder_stream *stream)
{
    stream->last_address = stream->previous_pc = 0;
    memset(stream->slots, 0, sizeof(stream->slots));
    memset(stream->fault_slots, 0, sizeof(stream->fault_slots));
    stream->fault_next = 0;
    stream->fault_code = stream->fault_address = 0;
}

static void builder_begin_chunk(struct builder_stream *stream)
{
    struct trace_builder *builder = stream->builder;
    size_t bytes = (builder->chunk_count + 1) * sizeof(*builder->chunks);
    uint8_t *chunk = calloc(1, 65536);
    builder->chunks = builder_grow(builder->chunks, bytes);
    if (!chunk)
        abort();
    struct vmt_chunk_header header = {
        .magic = 0x43544d56,
        .stream = stream->number,
        .sequence = stream->sequence++,
        .tid = stream->tid,
        .ticks = stream->ticks,
        .next_node = stream->next_node,
        .node_epoch = stream->node_epoch,
    };
    size_t start = builder->chunk_count == 0 ? 256 : 0; /* behind the file header */
    memcpy(chunk + start, &header, sizeof(header));
    stream->chunk = builder->chunk_count;
    stream->used = start + sizeof(header);
    builder->chunks[builder->chunk_count++] = chunk;
    builder_begin(stream);
}

struct builder_stream *trace_builder_stream(struct trace_builder *builder, uint32_t tid)
{
    struct builder_stream *stream = builder_grow(NULL, sizeof(*stream));
    size_t bytes = (builder->stream_count + 1) * sizeof(*builder->streams);
    builder->streams = builder_grow(builder->streams, bytes);
    *stream = (struct builder_stream){
        .builder = builder,
        .number = (uint32_t)builder->stream_count,
        .tid = tid,
        .ticks = BUILDER_START_TICKS,
        .next_node = 2,
    };
    builder->streams[builder->stream_count++] = stream;
    builder_begin_chunk(stream);
    return stream;
}

void builder_new_chunk(struct builder_stream *stream)
{
    builder_begin_chunk(stream);
}

void builder_lose_chunks(struct builder_stream *stream, uint32_t count)
{
    stream->sequence += count;
    builder_begin_chunk(stream);
}

size_t builder_offset(const struct builder_stream *stream)
{
    return stream->chunk * 65536 + stream->used;
}

void builder_raw(struct builder_stream *stream, const void *bytes, size_t size)
{
    if (size > 65536 - stream->used)
        abort();
    memcpy(stream->builder->chunks[stream->chunk] + stream->used, bytes, size);
    stream->used += size;
}

void builder_reserve(struct builder_stream *stream, size_t size)
{
    if (size > 65536 - stream->used)
        builder_begin_chunk(stream);
}
