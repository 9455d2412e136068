/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/merge.h"

#include "trace_builder.h"
#include "unit_main.h"

#define START BUILDER_START_TICKS

static struct trace_builder *builder;
static struct trace_reader reader;
static struct merge merge;

static void open_built(void)
{
    size_t size;
    struct source *source;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    ck_assert_int_eq(source_from_memory(bytes, size, &source, NULL), VMT_OK);
    ck_assert_int_eq(trace_reader_open(&reader, source, NULL), VMT_OK);
    ck_assert(merge_init(&merge, &reader));
}

static void finish(void)
{
    merge_release(&merge);
    trace_reader_release(&reader);
    trace_builder_free(builder);
}

/* The next FREE event: its address, or 0 at the end. */
static uint64_t next_free(void)
{
    struct event *event;
    size_t stream;
    while (merge_next(&merge, &event, &stream) == DECODE_EVENT) {
        if (event->type == EVENT_FREE)
            return event->address;
    }
    return 0;
}

START_TEST(merge_streams_come_by_time)
{
    builder = trace_builder_new();
    struct builder_stream *one = trace_builder_stream(builder, 1);
    struct builder_stream *two = trace_builder_stream(builder, 2);
    for (uint64_t i = 1; i <= 100; i++) {
        struct builder_stream *stream = i % 3 ? one : two;
        builder_at(stream, START + i);
        builder_free(stream, VMT_FREE, i);
        if (i % 30 == 0)
            builder_new_chunk(stream);
    }
    open_built();
    for (uint64_t i = 1; i <= 100; i++)
        ck_assert_uint_eq(next_free(), i);
    ck_assert_uint_eq(next_free(), 0);
    ck_assert_uint_eq(merge.chunks_left, 0);
    finish();
}
END_TEST

START_TEST(merge_unstamped_events_stay_behind_their_stamp)
{
    builder = trace_builder_new();
    struct builder_stream *one = trace_builder_stream(builder, 1);
    struct builder_stream *two = trace_builder_stream(builder, 2);
    builder_at(two, START + 15);
    builder_free(two, VMT_FREE, 3);
    builder_at(one, START + 10);
    builder_free(one, VMT_FREE, 1);
    builder_free(one, VMT_FREE, 2);
    builder_at(one, START + 20);
    builder_free(one, VMT_FREE, 5);
    builder_free(two, VMT_FREE, 4);
    open_built();
    for (uint64_t i = 1; i <= 5; i++)
        ck_assert_uint_eq(next_free(), i);
    finish();
}
END_TEST

START_TEST(merge_equal_times_keep_the_order_of_streams)
{
    builder = trace_builder_new();
    struct builder_stream *streams[20];
    for (unsigned i = 0; i < 20; i++)
        streams[i] = trace_builder_stream(builder, i);
    for (unsigned i = 20; i-- > 0;) {
        builder_at(streams[i], START + 5);
        builder_free(streams[i], VMT_FREE, i + 1);
    }
    open_built();
    for (uint64_t i = 1; i <= 20; i++)
        ck_assert_uint_eq(next_free(), i);
    finish();
}
END_TEST

/* All but one of the streams live for a short time only. */
START_TEST(merge_thousands_of_streams_one_after_another)
{
    builder = trace_builder_new();
    struct builder_stream *last = trace_builder_stream(builder, 1);
    for (uint32_t i = 0; i < 1000; i++) {
        struct builder_stream *stream = trace_builder_stream(builder, i + 2);
        builder_at(stream, START + 2 * i + 2);
        builder_free(stream, VMT_FREE, 2 * i + 2);
        builder_at(last, START + 2 * i + 3);
        builder_free(last, VMT_FREE, 2 * i + 3);
    }
    open_built();
    for (uint64_t i = 2; i < 2002; i++)
        ck_assert_uint_eq(next_free(), i);
    ck_assert_uint_eq(next_free(), 0);
    finish();
}
END_TEST

START_TEST(merge_empty_trace_ends_at_once)
{
    builder = trace_builder_new();
    open_built();
    ck_assert_uint_eq(next_free(), 0);
    finish();
}
END_TEST

UNIT_MAIN("merge", merge_streams_come_by_time, merge_unstamped_events_stay_behind_their_stamp,
          merge_equal_times_keep_the_order_of_streams, merge_thousands_of_streams_one_after_another,
          merge_empty_trace_ends_at_once)
