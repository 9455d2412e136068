/* SPDX-License-Identifier: Apache-2.0 */
/* One stream, record by record; hot_record.c and cold_record.c are covered here, too. */
#include "decode/stream_decoder.h"

#include <string.h>

#include "trace_builder.h"
#include "unit_main.h"

#define U(value) ((uint64_t)(value))
#define START BUILDER_START_TICKS

static struct trace_builder *builder;
static struct builder_stream *stream;
static struct trace_reader reader;
static struct stream_decoder decoder;
static struct event event;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 7);
}

static void open_bytes(const uint8_t *bytes, size_t size)
{
    struct source *source;
    ck_assert_int_eq(source_from_memory(bytes, size, &source, NULL), VMT_OK);
    ck_assert_int_eq(trace_reader_open(&reader, source, NULL), VMT_OK);
    stream_decoder_init(&decoder, &reader, 0);
}

static void open_built(void)
{
    size_t size;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    open_bytes(bytes, size);
}

static void next(enum event_type type)
{
    ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_EVENT);
    ck_assert_int_eq(event.type, type);
}

static void next_cold(enum vmt_op op)
{
    next(EVENT_COLD);
    ck_assert_int_eq(event.op, op);
}

static void finish(void)
{
    ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_END);
    stream_decoder_release(&decoder);
    trace_reader_release(&reader);
    trace_builder_free(builder);
}

static void expect_block(uint64_t address, uint64_t size, uint32_t node)
{
    next(EVENT_ALLOC);
    ck_assert_uint_eq(event.address, address);
    ck_assert_uint_eq(event.size, size);
    ck_assert_uint_eq(event.node, node);
    ck_assert(event.has_stack);
}

START_TEST(stream_decoder_allocations_of_every_kind)
{
    static const enum vmt_kind kinds[] = {VMT_MALLOC, VMT_CALLOC, VMT_REALLOC, VMT_NEW,
                                          VMT_NEW_ARRAY};
    setup();
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x400500));
    for (unsigned i = 0; i < 5; i++) {
        builder_alloc(stream, kinds[i], 0x10000 + 32 * i, 24, a);
        builder_alloc(stream, kinds[i], 0x20001 - 3 * i, i, a);
    }
    open_built();
    next(EVENT_CHUNK);
    ck_assert_uint_eq(event.chunk.tid, 7);
    ck_assert_uint_eq(event.chunk.next_node, 2);
    ck_assert(!event.chunk.gap);
    next(EVENT_NODES);
    ck_assert_uint_eq(event.nodes.parent, 0);
    ck_assert_uint_eq(event.nodes.first, 2);
    ck_assert_uint_eq(event.nodes.count, 2);
    ck_assert_uint_eq(event_nodes_next(&event.nodes), 0x401000);
    ck_assert_uint_eq(event_nodes_next(&event.nodes), 0x400500);
    for (unsigned i = 0; i < 5; i++) {
        expect_block(0x10000 + 32 * i, 24, a);
        ck_assert_int_eq(event.kind, kinds[i]);
        expect_block(0x20001 - 3 * i, i, a);
    }
    finish();
}
END_TEST

START_TEST(stream_decoder_other_calls_have_subkinds)
{
    setup();
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_alloc_other(stream, VMT_SUB_ALIGNED_ALLOC, 12, 0x7f0000000000, 8192, a);
    builder_free_other(stream, VMT_SUB_FREE_ALIGNED_SIZED, 0x7f0000000000);
    builder_free_at(stream, VMT_DELETE, 0x7f0000000010, a);
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    expect_block(0x7f0000000000, 8192, a);
    ck_assert_int_eq(event.subkind, VMT_SUB_ALIGNED_ALLOC);
    ck_assert_int_eq(event.alignment_log2, 12);
    next(EVENT_FREE);
    ck_assert_int_eq(event.kind, VMT_FREE_OTHER);
    ck_assert_int_eq(event.subkind, VMT_SUB_FREE_ALIGNED_SIZED);
    ck_assert_uint_eq(event.address, 0x7f0000000000);
    ck_assert(!event.has_stack);
    next(EVENT_FREE);
    ck_assert_int_eq(event.subkind, VMT_SUB_NONE);
    ck_assert_uint_eq(event.address, 0x7f0000000010);
    ck_assert(event.has_stack);
    ck_assert_uint_eq(event.node, a);
    finish();
}
END_TEST

START_TEST(stream_decoder_realloc_and_failures)
{
    setup();
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_realloc_begin(stream, 0x30);
    builder_realloc_failed(stream, U(1) << 50, a);
    builder_realloc_freed(stream);
    builder_alloc_failed(stream, VMT_CALLOC, UINT64_MAX, a);
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    next(EVENT_REALLOC_BEGIN);
    ck_assert_uint_eq(event.address, 0x30);
    next(EVENT_REALLOC_FAILED);
    ck_assert_uint_eq(event.size, U(1) << 50);
    ck_assert_uint_eq(event.node, a);
    next(EVENT_REALLOC_FREED);
    next(EVENT_ALLOC_FAILED);
    ck_assert_int_eq(event.kind, VMT_CALLOC);
    ck_assert_uint_eq(event.size, UINT64_MAX);
    finish();
}
END_TEST

START_TEST(stream_decoder_time_and_faults_are_optional)
{
    setup();
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_alloc(stream, VMT_MALLOC, 16, 1, a);
    builder_at(stream, START + 500);
    builder_faults(stream, 1000, 3);
    builder_free(stream, VMT_FREE, 16);
    builder_alloc(stream, VMT_MALLOC, 16, 1, a);
    builder_at(stream, START + 900);
    builder_cold(stream, VMT_OP_PAUSE, "");
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    next(EVENT_ALLOC);
    ck_assert_uint_eq(event.ticks, START);
    next(EVENT_FREE);
    ck_assert_uint_eq(event.ticks, START + 500);
    ck_assert_uint_eq(event.minor, 1000);
    ck_assert_uint_eq(event.major, 3);
    next(EVENT_ALLOC);
    ck_assert_uint_eq(event.ticks, START + 500);
    ck_assert_uint_eq(event.minor, 0);
    next_cold(VMT_OP_PAUSE);
    ck_assert_uint_eq(event.ticks, START + 900);
    finish();
}
END_TEST

/* 300 stacks share 128 slots, so that most references find another node in theirs. */
START_TEST(stream_decoder_slots_follow_the_writer)
{
    uint32_t nodes[300];
    setup();
    for (unsigned i = 0; i < 300; i++)
        nodes[i] = builder_stack(stream, 1, U(0x400000 + 16 * i));
    for (uint64_t i = 0; i < 3000; i++) {
        uint32_t node = nodes[i * i % 300];
        builder_alloc(stream, VMT_MALLOC, i * 48 + 16, i % 5 * 8, node);
        if (i % 7 == 0)
            builder_free_at(stream, VMT_FREE, i * 48 + 16, nodes[i % 300]);
        if (i % 1000 == 999)
            builder_new_chunk(stream);
    }
    open_built();
    for (uint64_t i = 0; i < 3000;) {
        ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_EVENT);
        if (event.type != EVENT_ALLOC)
            continue;
        ck_assert_uint_eq(event.address, i * 48 + 16);
        ck_assert_uint_eq(event.size, i % 5 * 8);
        ck_assert_uint_eq(event.node, nodes[i * i % 300]);
        if (i % 7 == 0) {
            next(EVENT_FREE);
            ck_assert_uint_eq(event.address, i * 48 + 16);
            ck_assert_uint_eq(event.node, nodes[i % 300]);
        }
        i++;
    }
    next(EVENT_CHUNK);
    finish();
}
END_TEST

START_TEST(stream_decoder_cold_fields_in_order)
{
    setup();
    uint32_t a = builder_stack(stream, 1, U(0x401000));
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(1), U(2), U(3), U(4), U(5), U(6), a, "lib");
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(11), (int64_t)-6, UINT64_MAX, a);
    builder_cold(stream, VMT_OP_FACT, "ss", "key", "");
    builder_cold(stream, VMT_OP_END, "uuuuuuu", U(1), U(2), U(3), U(4), U(5), U(6), U(7));
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    next_cold(VMT_OP_MAP);
    for (uint64_t i = 0; i < 6; i++)
        ck_assert_uint_eq(event.cold.values[i], i + 1);
    ck_assert_uint_eq(event.node, a);
    ck_assert_uint_eq(event.cold.strings[0].length, 3);
    ck_assert_int_eq(memcmp(event.cold.strings[0].bytes, "lib", 3), 0);
    next_cold(VMT_OP_CRASH);
    ck_assert_int_eq((int64_t)event.cold.values[1], -6);
    ck_assert_uint_eq(event.cold.values[2], UINT64_MAX);
    next_cold(VMT_OP_FACT);
    ck_assert_int_eq(memcmp(event.cold.strings[0].bytes, "key", 3), 0);
    ck_assert_uint_eq(event.cold.strings[1].length, 0);
    next_cold(VMT_OP_END);
    ck_assert_uint_eq(event.cold.values[6], 7);
    finish();
}
END_TEST

START_TEST(stream_decoder_unknown_cold_records_are_skipped)
{
    setup();
    builder_at(stream, START + 7);
    builder_cold(stream, (enum vmt_op)0x7e, "uss", U(1), "some", "thing");
    builder_raw(stream, "\x0c\x03\x02\xff\xff", 5); /* a PAUSE with a longer payload */
    builder_cold(stream, VMT_OP_RESUME, "");
    open_built();
    next(EVENT_CHUNK);
    next_cold(VMT_OP_PAUSE);
    ck_assert_uint_eq(event.ticks, START + 9);
    next_cold(VMT_OP_RESUME);
    ck_assert(!trace_damage_any(&reader.damage));
    finish();
}
END_TEST

START_TEST(stream_decoder_reset_voids_nodes_and_slots)
{
    setup();
    uint32_t old = builder_stack(stream, 3, U(0x401000), U(0x402000), U(0x403000));
    builder_alloc(stream, VMT_MALLOC, 0x50000, 1, old); /* leaves bases, too */
    builder_cold(stream, VMT_OP_NODES_RESET, "");
    uint32_t a = builder_stack(stream, 1, U(0x404000));
    builder_alloc(stream, VMT_MALLOC, 64, 1, a);
    builder_new_chunk(stream);
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    next(EVENT_ALLOC);
    next_cold(VMT_OP_NODES_RESET);
    next(EVENT_NODES);
    ck_assert_uint_eq(event.nodes.first, 2);
    ck_assert_uint_eq(event_nodes_next(&event.nodes), 0x404000);
    expect_block(64, 1, 2);
    next(EVENT_CHUNK);
    ck_assert_uint_eq(event.chunk.node_epoch, 1);
    ck_assert_uint_eq(event.chunk.next_node, 3);
    finish();
}
END_TEST

/* Each is a record that no writer makes; the chunk behind it goes on. */
START_TEST(stream_decoder_malformed_records_end_their_chunk)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\xf0", 1},                                          /* kind 14 */
        {"\x89\x80", 2},                                      /* slot 128 */
        {"\x88\x08\x04\x00", 4},                              /* node 2 before it is defined */
        {"\x88\x08\x81\x02\x00", 5},                          /* slot 128 by reference */
        {"\xc9\x00\x00", 3},                                  /* ALLOC_OTHER with bit S */
        {"\xf9\x00\x01\x02", 4},                              /* NODES with bit S */
        {"\xf8\x00\x00", 3},                                  /* no nodes */
        {"\xf8\x05\x01\x02", 4},                              /* unknown parent */
        {"\xf8\x00\x81\x20\x02", 5},                          /* 4097 nodes */
        {"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* over 64 bits */
        {"\x0c\x00", 2},                                      /* cold without its ticks */
        {"\x0c\x81\x80\x02\x00", 5},                          /* cold payload of 32769 bytes */
        {"\x0a\x03\x00\x05\x41", 5},                          /* string longer than the payload */
        {"\x01\x01\x00", 3},                                  /* a field is missing */
        {"\xe9", 1},                                          /* REALLOC_FREED with bit S */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        setup();
        builder_realloc_freed(stream);
        size_t offset = builder_offset(stream);
        builder_raw(stream, bad[i].bytes, bad[i].size);
        builder_realloc_freed(stream);
        builder_new_chunk(stream);
        builder_cold(stream, VMT_OP_PAUSE, "");
        open_built();
        next(EVENT_CHUNK);
        next(EVENT_REALLOC_FREED);
        next(EVENT_CHUNK);
        ck_assert_msg(event.chunk.gap, "record %zu", i);
        next_cold(VMT_OP_PAUSE);
        ck_assert_uint_eq(reader.damage.bad_records, 1);
        ck_assert_uint_eq(reader.damage.first_bad_offset, offset);
        finish();
    }
}
END_TEST

/* Wherever the file ends, what is whole before it is read. */
START_TEST(stream_decoder_file_cut_anywhere_loses_only_the_end)
{
    size_t size;
    setup();
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    for (unsigned i = 0; i < 20; i++)
        builder_alloc(stream, VMT_MALLOC, 0x10000 + 64 * i, 1000 + i, a);
    const uint8_t *bytes = trace_builder_trimmed(builder, &size);
    size_t before = 0;
    for (size_t cut = 256 + 32; cut <= size; cut++) {
        size_t allocations = 0;
        open_bytes(bytes, cut);
        while (stream_decoder_next(&decoder, &event) == DECODE_EVENT)
            allocations += event.type == EVENT_ALLOC;
        ck_assert_uint_ge(allocations, before);
        ck_assert_uint_le(allocations, before + 1);
        ck_assert_uint_eq(reader.damage.bad_records, 0);
        before = allocations;
        stream_decoder_release(&decoder);
        trace_reader_release(&reader);
    }
    ck_assert_uint_eq(before, 20);
    trace_builder_free(builder);
}
END_TEST

START_TEST(stream_decoder_missing_chunk_is_a_gap)
{
    setup();
    builder_stack(stream, 1, U(0x401000));
    builder_lose_chunks(stream, 1);
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    next(EVENT_CHUNK);
    ck_assert(event.chunk.gap);
    ck_assert_uint_eq(event.chunk.next_node, 3);
    finish();
}
END_TEST

UNIT_MAIN("stream_decoder", stream_decoder_allocations_of_every_kind,
          stream_decoder_other_calls_have_subkinds, stream_decoder_realloc_and_failures,
          stream_decoder_time_and_faults_are_optional, stream_decoder_slots_follow_the_writer,
          stream_decoder_cold_fields_in_order, stream_decoder_unknown_cold_records_are_skipped,
          stream_decoder_reset_voids_nodes_and_slots,
          stream_decoder_malformed_records_end_their_chunk,
          stream_decoder_file_cut_anywhere_loses_only_the_end,
          stream_decoder_missing_chunk_is_a_gap)
