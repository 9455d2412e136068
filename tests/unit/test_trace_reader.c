/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/trace_reader.h"

#include <string.h>

#include "trace_builder.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct trace_reader reader;

static void setup_two_streams(void)
{
    builder = trace_builder_new();
    struct builder_stream *one = trace_builder_stream(builder, 1);
    struct builder_stream *two = trace_builder_stream(builder, 2);
    builder_realloc_freed(one);
    builder_new_chunk(two);
    builder_new_chunk(one);
}

static void open_bytes(const uint8_t *bytes, size_t size)
{
    struct source *source;
    ck_assert_int_eq(source_from_memory(bytes, size, &source, NULL), VMT_OK);
    ck_assert_int_eq(trace_reader_open(&reader, source, NULL), VMT_OK);
}

static void finish(void)
{
    trace_reader_release(&reader);
    trace_builder_free(builder);
}

START_TEST(trace_reader_chunks_are_grouped_by_stream)
{
    size_t size;
    setup_two_streams();
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    open_bytes(bytes, size);
    ck_assert_uint_eq(reader.stream_count, 2);
    ck_assert_uint_eq(reader.chunk_count, 4);
    ck_assert_uint_eq(reader.streams[1].first, 2);
    ck_assert_uint_eq(reader.streams[1].count, 2);
    ck_assert_uint_eq(reader.chunks[1].offset, 3 * 65536);
    ck_assert_uint_eq(reader.chunks[3].sequence, 1);
    ck_assert(!trace_damage_any(&reader.damage));
    finish();
}
END_TEST

START_TEST(trace_reader_reserved_chunks_are_ignored)
{
    size_t size;
    setup_two_streams();
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    uint8_t *longer = calloc(1, size + 65536);
    memcpy(longer, bytes, size);
    memset(longer + size - 65536, 0, 4);  /* being set up: all but its magic */
    memset(longer + size + 16, 0x55, 16); /* the same, reserved behind it */
    open_bytes(longer, size + 65536);
    ck_assert_uint_eq(reader.chunk_count, 3);
    ck_assert(!trace_damage_any(&reader.damage));
    finish();
    free(longer);
}
END_TEST

START_TEST(trace_reader_overwritten_chunk_is_damage)
{
    size_t size;
    setup_two_streams();
    uint8_t *bytes = (uint8_t *)(uintptr_t)trace_builder_bytes(builder, &size);
    memset(bytes + 65536, 0x5a, 100);
    memset(bytes + 256, 0, 4); /* magic gone, but a record stands in it */
    open_bytes(bytes, size);
    ck_assert_uint_eq(reader.damage.bad_chunks, 2);
    ck_assert_uint_eq(reader.damage.first_bad_offset, 256);
    ck_assert_uint_eq(reader.damage.missing_chunks, 2);
    ck_assert_uint_eq(reader.stream_count, 2);
    finish();
}
END_TEST

START_TEST(trace_reader_repeated_chunk_is_read_once)
{
    size_t size;
    setup_two_streams();
    uint8_t *bytes = (uint8_t *)(uintptr_t)trace_builder_bytes(builder, &size);
    memcpy(bytes + 3 * 65536, bytes + 256, 65536 - 256);
    open_bytes(bytes, size);
    ck_assert_uint_eq(reader.damage.duplicate_chunks, 1);
    ck_assert_uint_eq(reader.chunk_count, 3);
    ck_assert_uint_eq(reader.chunks[0].offset, 256);
    finish();
}
END_TEST

START_TEST(trace_reader_short_last_chunk_is_normal)
{
    size_t size;
    setup_two_streams();
    const uint8_t *bytes = trace_builder_trimmed(builder, &size);
    open_bytes(bytes, size);
    ck_assert_uint_eq(reader.chunk_count, 4);
    ck_assert(!trace_damage_any(&reader.damage));
    trace_reader_release(&reader);
    open_bytes(bytes, 65536 + 20);
    ck_assert_uint_eq(reader.chunk_count, 1);
    ck_assert(reader.damage.cut_off);
    trace_reader_release(&reader);
    open_bytes(bytes, 200);
    ck_assert_uint_eq(reader.chunk_count, 0);
    ck_assert(reader.damage.cut_off);
    finish();
}
END_TEST

START_TEST(trace_reader_gap_is_counted)
{
    size_t size;
    builder = trace_builder_new();
    struct builder_stream *stream = trace_builder_stream(builder, 1);
    builder_lose_chunks(stream, 3);
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    open_bytes(bytes, size);
    ck_assert_uint_eq(reader.damage.missing_chunks, 3);
    finish();
}
END_TEST

UNIT_MAIN("trace_reader", trace_reader_chunks_are_grouped_by_stream,
          trace_reader_reserved_chunks_are_ignored, trace_reader_overwritten_chunk_is_damage,
          trace_reader_repeated_chunk_is_read_once, trace_reader_short_last_chunk_is_normal,
          trace_reader_gap_is_counted)
