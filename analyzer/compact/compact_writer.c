/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/compact_writer.h"

#include <stdlib.h>
#include <string.h>

#include "compact/compact_encoder.h"
#include "compact/compact_file.h"
#include "decode/merge.h"

/* CHUNKS blocks are about so long at most before they are packed. */
#define WRITER_LIST_FULL (UINT32_C(1) << 16)

struct compact_writer {
    const struct source *raw;
    FILE *out;
    struct trace_reader reader;
    struct compact_encoder encoder;
    uint8_t *streams; /* a bit for each chunk of the file: it is in a stream */
    uint64_t slots;   /* chunks of the file, of any sort */
    uint8_t *payload;
    struct vmt_chunk_header header; /* the last one in the list of chunks */
};

static void writer_put(struct compact_writer *writer, const void *bytes, size_t size)
{
    fwrite(bytes, 1, size, writer->out); /* the stream keeps the error */
}

static void writer_put_block(struct compact_writer *writer, enum compact_tag tag, size_t size)
{
    const struct compact_block block = {tag, (uint32_t)size};
    writer_put(writer, &block, sizeof(block));
    writer_put(writer, writer->payload, size);
}

static bool writer_put_frame(struct compact_writer *writer, enum compact_tag tag,
                             const uint8_t *bytes, size_t size)
{
    size_t packed =
        columns_pack_bytes(&writer->encoder.codec.columns, bytes, size, writer->payload);
    writer_put_block(writer, tag, packed);
    return packed != 0;
}

/* ---- before the records ---- */

/* The bytes of a chunk slot, or of a chunk's header. */
static const uint8_t *writer_view(const struct compact_writer *writer, uint64_t slot,
                                  uint8_t *scratch, bool header, size_t *size)
{
    uint64_t begin = slot ? slot * VMT_CHUNK_SIZE : VMT_HEADER_SIZE;
    uint64_t length = header ? VMT_CHUNK_HEADER_SIZE : (slot + 1) * VMT_CHUNK_SIZE - begin;
    return source_view(writer->raw, begin, (size_t)length, scratch, size);
}

static bool writer_in_stream(const struct compact_writer *writer, uint64_t slot)
{
    return writer->streams[slot / 8] >> slot % 8 & 1;
}

static bool writer_all_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static void writer_put_header(struct compact_writer *writer, struct column *list,
                              const uint8_t *bytes)
{
    struct vmt_chunk_header *last = &writer->header, header;
    memcpy(&header, bytes, sizeof(header));
    column_put_byte(list, COMPACT_CHUNK_STREAM);
    column_put(list, vmt_zigzag((int64_t)header.stream - last->stream));
    column_put(list, vmt_zigzag((int64_t)header.sequence - last->sequence));
    column_put(list, vmt_zigzag((int64_t)header.tid - last->tid));
    column_put(list, vmt_zigzag((int64_t)(header.ticks - last->ticks)));
    column_put(list, vmt_zigzag((int64_t)header.next_node - last->next_node));
    column_put(list, vmt_zigzag((int64_t)header.node_epoch - last->node_epoch));
    *last = header;
}

static bool writer_pack_list(struct compact_writer *writer, struct column *list)
{
    size_t size = (size_t)(list->end - list->bytes);
    bool done = size == 0 || writer_put_frame(writer, COMPACT_CHUNKS, list->bytes, size);
    list->end = list->bytes;
    return done;
}

static void writer_put_unused(struct column *list, uint64_t *count)
{
    if (*count) {
        column_put_byte(list, COMPACT_CHUNK_UNUSED);
        column_put(list, *count);
    }
    *count = 0;
}

/* The list of chunks, made in a column that is not used yet. */
static bool writer_put_list(struct compact_writer *writer, uint8_t *scratch)
{
    struct column *list = &writer->encoder.codec.columns.list[0];
    uint64_t unused = 0;
    bool done = true;
    for (uint64_t slot = 0; slot < writer->slots && done; slot++) {
        size_t size;
        bool stream = writer_in_stream(writer, slot);
        const uint8_t *bytes = writer_view(writer, slot, scratch, stream, &size);
        if (!stream && writer_all_zero(bytes, size)) {
            unused++;
            continue;
        }
        writer_put_unused(list, &unused);
        if (stream)
            writer_put_header(writer, list, bytes);
        else
            column_put_byte(list, COMPACT_CHUNK_RAW);
        if (list->end - list->bytes > WRITER_LIST_FULL)
            done = writer_pack_list(writer, list);
    }
    writer_put_unused(list, &unused);
    return done && writer_pack_list(writer, list);
}

static bool writer_put_raw(struct compact_writer *writer, uint8_t *scratch)
{
    for (uint64_t slot = 0; slot < writer->slots; slot++) {
        size_t size;
        if (writer_in_stream(writer, slot))
            continue;
        const uint8_t *bytes = writer_view(writer, slot, scratch, false, &size);
        if (!writer_all_zero(bytes, size) && !writer_put_frame(writer, COMPACT_RAW, bytes, size))
            return false;
    }
    return true;
}

/* The size of the trace and its file header, as far as that goes. */
static bool writer_put_head(struct compact_writer *writer)
{
    uint8_t bytes[sizeof(uint64_t) + VMT_HEADER_SIZE];
    uint64_t raw_size = source_size(writer->raw);
    size_t size;
    uint8_t *room = bytes + sizeof(raw_size);
    const uint8_t *head = source_view(writer->raw, 0, VMT_HEADER_SIZE, room, &size);
    memcpy(bytes, &raw_size, sizeof(raw_size));
    memmove(room, head, size);
    return writer_put_frame(writer, COMPACT_HEAD, bytes, sizeof(raw_size) + size);
}

static bool writer_put_beginning(struct compact_writer *writer)
{
    struct compact_header header = {.version = COMPACT_VERSION};
    uint8_t *scratch = malloc(VMT_CHUNK_SIZE);
    if (!scratch)
        return false;
    memcpy(header.magic, COMPACT_MAGIC, COMPACT_MAGIC_SIZE);
    writer_put(writer, &header, sizeof(header));
    bool done = writer_put_head(writer) && writer_put_list(writer, scratch) &&
                writer_put_raw(writer, scratch);
    free(scratch);
    return done;
}

/* ---- records ---- */

static bool writer_put_columns(struct compact_writer *writer)
{
    struct codec *codec = &writer->encoder.codec;
    size_t size = columns_pack(&codec->columns, writer->payload);
    writer_put_block(writer, COMPACT_RECORDS, size);
    codec->quiet = 0;
    return size != 0;
}

static bool writer_put_records(struct compact_writer *writer)
{
    struct merge merge;
    struct columns *columns = &writer->encoder.codec.columns;
    struct event *event;
    size_t stream;
    if (!merge_init(&merge, &writer->reader))
        return false;
    enum decode_result result;
    bool done = true;
    while (done && (result = merge_next(&merge, &event, &stream)) == DECODE_EVENT)
        if (columns_full(columns))
            done = writer_put_columns(writer);
    merge_release(&merge);
    if (!done || result != DECODE_END || (!columns_empty(columns) && !writer_put_columns(writer)))
        return false;
    writer_put_block(writer, COMPACT_END, 0);
    return true;
}

/* ---- all of it ---- */

static bool writer_mark_streams(struct compact_writer *writer)
{
    const struct trace_reader *reader = &writer->reader;
    uint64_t size = source_size(writer->raw);
    writer->slots = (size + VMT_CHUNK_SIZE - 1) / VMT_CHUNK_SIZE;
    writer->streams = calloc(writer->slots / 8 + 1, 1);
    for (size_t i = 0; writer->streams && i < reader->chunk_count; i++) {
        uint64_t slot = reader->chunks[i].offset / VMT_CHUNK_SIZE;
        writer->streams[slot / 8] |= (uint8_t)(1u << slot % 8);
    }
    return writer->streams != NULL;
}

static bool writer_run(struct compact_writer *writer)
{
    writer->payload = malloc(columns_bound());
    return writer->payload && writer_mark_streams(writer) &&
           compact_encoder_init(&writer->encoder, &writer->reader) &&
           writer_put_beginning(writer) && writer_put_records(writer);
}

/* The raw trace as a reader of its own, which does not own it. */
static size_t writer_make(void *context, uint64_t offset, size_t size, uint8_t *scratch)
{
    size_t got;
    const uint8_t *bytes = source_view(context, offset, size, scratch, &got);
    if (bytes != scratch)
        memcpy(scratch, bytes, got);
    return got;
}

enum vmt_error compact_write(const struct source *raw, FILE *out, struct error *error)
{
    struct compact_writer writer = {.raw = raw, .out = out};
    struct source *view;
    uint8_t scratch[COMPACT_MAGIC_SIZE];
    size_t size;
    const uint8_t *magic = source_view(raw, 0, sizeof(scratch), scratch, &size);
    if (compact_file_begins(magic, size))
        return error_set(error, VMT_ERROR_COMPACT, "is a compact trace already");
    if (source_size(raw) > COMPACT_MAX_RAW)
        return error_set(error, VMT_ERROR_COMPACT, "is larger than 1 TiB");
    enum vmt_error code =
        source_from_maker(writer_make, (void *)(uintptr_t)raw, source_size(raw), &view, error);
    if (code == VMT_OK)
        code = trace_reader_open(&writer.reader, view, error);
    if (code != VMT_OK)
        return code;
    if (writer.reader.stream_count > COMPACT_MAX_STREAMS)
        code = error_set(error, VMT_ERROR_COMPACT, "has more than %d streams", COMPACT_MAX_STREAMS);
    else if (!writer_run(&writer))
        code = error_no_memory(error);
    compact_encoder_release(&writer.encoder);
    trace_reader_release(&writer.reader);
    free(writer.streams);
    free(writer.payload);
    return code;
}
