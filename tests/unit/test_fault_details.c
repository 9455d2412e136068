/* SPDX-License-Identifier: Apache-2.0 */
/* FAULTS records: their details, and the slots that these leave behind. */
#include "decode/stream_decoder.h"

#include "trace_builder.h"
#include "unit_main.h"

#define U(value) ((uint64_t)(value))

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

static void open_built(void)
{
    size_t size;
    struct source *source;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    ck_assert_int_eq(source_from_memory(bytes, size, &source, NULL), VMT_OK);
    ck_assert_int_eq(trace_reader_open(&reader, source, NULL), VMT_OK);
    stream_decoder_init(&decoder, &reader, 0);
}

static void finish(void)
{
    ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_END);
    stream_decoder_release(&decoder);
    trace_reader_release(&reader);
    trace_builder_free(builder);
}

static void next(enum event_type type)
{
    ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_EVENT);
    ck_assert_int_eq(event.type, type);
}

static void next_faults(uint64_t minor, uint64_t major, size_t details)
{
    next(EVENT_COLD);
    ck_assert_int_eq(event.op, VMT_OP_FAULTS);
    ck_assert_uint_eq(event.cold.values[0], minor);
    ck_assert_uint_eq(event.cold.values[1], major);
    ck_assert_uint_eq(event.cold.detail_count, details);
    ck_assert(!event.has_stack);
}

static void expect(size_t index, const struct builder_fault *fault)
{
    const struct fault_detail *detail = &event.cold.details[index];
    ck_assert_uint_eq(detail->code, fault->code);
    ck_assert_uint_eq(detail->address, fault->address);
    ck_assert_uint_eq(detail->bits, fault->bits);
    if (fault->bits & VMT_FAULT_STACK)
        ck_assert_uint_eq(detail->node, fault->node);
}

static void put(uint64_t minor, uint64_t major, const struct builder_fault *faults, size_t count)
{
    builder_cold(stream, VMT_OP_FAULTS, "uuf", minor, major, faults, count);
}

/* More codes than slots, in turn and at random, over several records and chunks. */
START_TEST(fault_details_slots_follow_the_writer)
{
    enum { FAULTS = 4000, RECORD = 50 };
    static struct builder_fault faults[FAULTS];
    uint64_t random = 1;
    setup();
    for (size_t i = 0; i < FAULTS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        faults[i] = (struct builder_fault){
            .code = 0x401000 + (random >> 40) % (i < FAULTS / 2 ? 8 : 100) * 7,
            .address = i % 9 ? 0x7f0000000000 + i * 4096 : random,
            .bits = (unsigned)(random >> 33) & (VMT_FAULT_MAJOR | VMT_FAULT_KERNEL),
        };
    }
    for (size_t i = 0; i < FAULTS; i += RECORD) {
        put(RECORD, 1, faults + i, RECORD);
        if (i % 1000 == 0)
            builder_new_chunk(stream);
    }
    open_built();
    next(EVENT_CHUNK);
    for (size_t i = 0; i < FAULTS;) {
        ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_EVENT);
        if (event.type == EVENT_CHUNK)
            continue;
        ck_assert_uint_eq(event.cold.detail_count, RECORD);
        for (size_t j = 0; j < RECORD; j++)
            expect(j, &faults[i++]);
    }
    ck_assert_uint_eq(reader.damage.bad_records, 0);
    finish();
}
END_TEST

START_TEST(fault_details_stacks_use_the_slots_of_all_records)
{
    setup();
    uint32_t a = builder_stack(stream, 2, U(0x401000), U(0x402000));
    uint32_t b = builder_stack(stream, 1, U(0x403000));
    const struct builder_fault faults[] = {
        {0x402000, 0x10000, VMT_FAULT_STACK, a},
        {0x402000, 0x11000, VMT_FAULT_STACK, a},
        {0x403000, 0x90000, VMT_FAULT_STACK | VMT_FAULT_MAJOR, b},
    };
    put(2, 1, faults, 3);
    builder_alloc(stream, VMT_MALLOC, 0x5000, 64, a); /* by the slot that the details filled */
    open_built();
    next(EVENT_CHUNK);
    next(EVENT_NODES);
    next(EVENT_NODES);
    next_faults(2, 1, 3);
    for (size_t i = 0; i < 3; i++)
        expect(i, &faults[i]);
    next(EVENT_ALLOC);
    ck_assert_uint_eq(event.node, a);
    finish();
}
END_TEST

START_TEST(fault_details_none_is_a_count)
{
    setup();
    put(900, 3, NULL, 0);
    open_built();
    next(EVENT_CHUNK);
    next_faults(900, 3, 0);
    finish();
}
END_TEST

/* The payload's last bytes are no detail: a slot that is none, a number cut off, a node that was
 * never defined. */
START_TEST(fault_details_nonsense_ends_the_chunk)
{
    static const uint8_t records[][8] = {
        {VMT_OP_FAULTS, 6, 0, 1, 0, 0xd8, 4, 0}, /* slot 75 */
        {VMT_OP_FAULTS, 4, 0, 1, 0, 8},          /* no address */
        {VMT_OP_FAULTS, 4, 0, 1, 0, 0},          /* no code */
        {VMT_OP_FAULTS, 6, 0, 1, 0, 12, 0, 40},  /* node 20 */
    };
    for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
        setup();
        builder_raw(stream, records[i], 2u + records[i][1]);
        open_built();
        next(EVENT_CHUNK);
        ck_assert_int_eq(stream_decoder_next(&decoder, &event), DECODE_END);
        ck_assert_uint_eq(reader.damage.bad_records, 1);
        finish();
    }
}
END_TEST

UNIT_MAIN("fault_details", fault_details_slots_follow_the_writer,
          fault_details_stacks_use_the_slots_of_all_records, fault_details_none_is_a_count,
          fault_details_nonsense_ends_the_chunk)
