/* SPDX-License-Identifier: Apache-2.0 */
/* The compact form as a whole: what goes in comes out, whatever it is. */
#include "compact_fixture.h"
#include "model/trace_state.h"
#include "model_invariants.h"
#include "trace_builder.h"
#include "unit_main.h"

#define AT(ticks) (BUILDER_START_TICKS + (ticks))

static struct trace_builder *builder;
static struct builder_stream *stream;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 100);
}

static void assert_round_trip(void)
{
    size_t size;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    ck_assert(fixture_round_trip(bytes, size));
    bytes = trace_builder_trimmed(builder, &size);
    ck_assert(fixture_round_trip(bytes, size));
    trace_builder_free(builder);
}

static void build_heap(struct builder_stream *on, uint64_t base)
{
    uint32_t a = builder_stack(on, 3, UINT64_C(0x401000), UINT64_C(0x401100), UINT64_C(0x401200));
    uint32_t b = builder_stack(on, 2, UINT64_C(0x401000), UINT64_C(0x7f0000001000));
    builder_alloc(on, VMT_MALLOC, base, 40, a);
    builder_alloc(on, VMT_MALLOC, base + 0x30, 40, a);
    builder_alloc(on, VMT_CALLOC, base + 0x60, 100, b);
    builder_alloc(on, VMT_NEW, base + 0x101, 8, a);
    builder_alloc(on, VMT_NEW_ARRAY, base + 0x200, 80, b);
    builder_alloc_other(on, VMT_SUB_POSIX_MEMALIGN, 6, base + 0x400, 64, a);
    builder_alloc_other(on, VMT_SUB_REALLOCARRAY, 0, base + 0x500, 64, a);
    builder_free(on, VMT_FREE, base + 0x30);
    builder_alloc(on, VMT_MALLOC, base + 0x30, 40, a);
    builder_free(on, VMT_FREE, base + 0x101); /* of new */
    builder_free(on, VMT_DELETE_ARRAY, base + 0x200);
    builder_free_at(on, VMT_DELETE, base + 0x60, b);
    builder_free_other(on, VMT_SUB_FREE_SIZED, base + 0x400);
    builder_free(on, VMT_FREE, base + 0x9000); /* never allocated */
    builder_free(on, VMT_FREE, base + 0x30);
    builder_free(on, VMT_FREE, base + 0x30); /* twice */
    builder_realloc_begin(on, base);
    builder_alloc(on, VMT_REALLOC, base + 0x10000, 400000, a);
    builder_realloc_begin(on, base + 0x10000);
    builder_realloc_failed(on, UINT64_C(1) << 60, b);
    builder_realloc_begin(on, base + 0x10000);
    builder_realloc_freed(on);
    builder_alloc_failed(on, VMT_MALLOC, UINT64_C(1) << 62, b);
    builder_alloc(on, VMT_MALLOC, base, UINT64_MAX, a);
    builder_alloc(on, VMT_MALLOC, base, 1, b); /* where one is already */
}

START_TEST(compact_gives_back_every_sort_of_record)
{
    setup();
    builder_cold(stream, VMT_OP_THREAD, "u", UINT64_C(100));
    build_heap(stream, 0x10000);
    builder_cold(stream, VMT_OP_FACT, "ss", "exe", "/usr/bin/app");
    builder_cold(stream, VMT_OP_NODES_RESET, "");
    build_heap(stream, 0x555555559000);
    builder_cold(stream, (enum vmt_op)0x7e, "u", UINT64_C(5)); /* not known to anybody */
    builder_cold(stream, VMT_OP_THREAD, "u", UINT64_C(101));
    build_heap(stream, UINT64_C(0xfffffffffff00000));
    builder_cold(stream, VMT_OP_END, "uuuuuuu", UINT64_C(0), UINT64_C(3), UINT64_C(900),
                 UINT64_C(4), UINT64_C(1) << 23, UINT64_C(1000), UINT64_C(2000));
    assert_round_trip();
}
END_TEST

/* Two streams whose records lie between each other, at times at the same time. */
START_TEST(compact_gives_back_streams)
{
    setup();
    struct builder_stream *other = trace_builder_stream(builder, 101);
    uint32_t a = builder_stack(stream, 2, UINT64_C(0x401000), UINT64_C(0x401100));
    uint32_t b = builder_stack(other, 2, UINT64_C(0x401000), UINT64_C(0x401100));
    for (uint64_t i = 1; i < 400; i++) {
        builder_at(stream, AT(100 * i));
        builder_alloc(stream, VMT_MALLOC, 0x10000 + 64 * i, i % 50, a);
        builder_at(other, AT(100 * i + i % 3));
        builder_free(other, VMT_FREE, 0x10000 + 64 * i);
        if (i % 16 == 0)
            builder_new_chunk(i % 32 ? other : stream);
        builder_faults(other, i % 5, i % 7 == 0);
        builder_alloc(other, VMT_CALLOC, 0x20000 + 64 * i, i % 50, b);
    }
    assert_round_trip();
}
END_TEST

START_TEST(compact_gives_back_damage)
{
    static const uint8_t unknown[] = {0x80 | 14 << 3, 1, 2, 3};
    static const uint8_t torn[] = {0, 0x15, 0x99, 0, 0x77};
    static const uint8_t padded[] = {0x80 | VMT_MALLOC << 3, 0xa8, 0x00, 0x00, 0x80, 0x80, 0x01};
    setup();
    build_heap(stream, 0x10000);
    builder_raw(stream, padded, sizeof(padded));
    build_heap(stream, 0x20000);
    builder_raw(stream, unknown, sizeof(unknown));
    builder_new_chunk(stream);
    build_heap(stream, 0x30000);
    builder_raw(stream, torn, sizeof(torn));
    builder_lose_chunks(stream, 3);
    build_heap(stream, 0x40000);
    assert_round_trip();
}
END_TEST

/* Chunks that are in no stream: of another magic, a copy of another one, all zeros. */
START_TEST(compact_gives_back_chunks_of_no_stream)
{
    size_t size;
    setup();
    for (unsigned i = 0; i < 6; i++) {
        build_heap(stream, 0x10000 * i);
        builder_new_chunk(stream);
    }
    uint8_t *bytes = malloc(1 << 20);
    const uint8_t *built = trace_builder_bytes(builder, &size);
    memcpy(bytes, built, size);
    bytes[65536] ^= 1;
    memcpy(bytes + 2 * 65536, bytes + 65536 * 3, 65536);
    memset(bytes + 4 * 65536, 0, 65536);
    memset(bytes + size, 0, 65536);
    bytes[size + 100] = 7;
    ck_assert(fixture_round_trip(bytes, size));
    ck_assert(fixture_round_trip(bytes, size + 65536));
    ck_assert(fixture_round_trip(bytes, size + 101));
    free(bytes);
    trace_builder_free(builder);
}
END_TEST

START_TEST(compact_gives_back_what_is_cut_off)
{
    size_t size;
    setup();
    build_heap(stream, 0x10000);
    const uint8_t *bytes = trace_builder_trimmed(builder, &size);
    for (size_t cut = 0; cut <= size; cut++)
        ck_assert_msg(fixture_round_trip(bytes, cut), "cut at %zu", cut);
    trace_builder_free(builder);
}
END_TEST

/* More than one block of records, and stamps at all distances. */
START_TEST(compact_gives_back_long_traces)
{
    setup();
    uint32_t a = builder_stack(stream, 2, UINT64_C(0x401000), UINT64_C(0x401100));
    for (uint64_t i = 0; i < 2300000; i++) {
        if (i % 300001 == 0)
            builder_at(stream, AT(i));
        if (i % 4099 == 0)
            builder_faults(stream, 1, 0);
        builder_alloc(stream, VMT_MALLOC, 0x555555559000 + 0x30 * (i % 100), 40, a);
        builder_free(stream, VMT_FREE, 0x555555559000 + 0x30 * (i % 100));
    }
    size_t size;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    enum vmt_error code;
    struct fixture_bytes compact = fixture_compact(bytes, size, &code);
    ck_assert_int_eq(code, VMT_OK);
    ck_assert_uint_gt(size, 1000 * compact.size);
    free(compact.bytes);
    assert_round_trip();
}
END_TEST

/* ---- files that are not whole ---- */

static struct fixture_bytes compact_sample(void)
{
    size_t size;
    enum vmt_error code;
    setup();
    build_heap(stream, 0x10000);
    builder_new_chunk(stream);
    build_heap(stream, 0x555555559000);
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    struct fixture_bytes compact = fixture_compact(bytes, size, &code);
    ck_assert_int_eq(code, VMT_OK);
    trace_builder_free(builder);
    return compact;
}

struct reading {
    enum vmt_error code;
    bool damaged;
    uint64_t events;
};

/* Reads a compact trace as a report does. */
static struct reading read_model(const uint8_t *bytes, size_t size)
{
    struct error error = {.code = VMT_OK};
    struct trace_model *model = trace_model_new();
    struct reading reading = {.code = trace_model_read_memory(model, bytes, size, &error)};
    if (reading.code == VMT_OK) {
        ck_assert_ptr_null(model_invariants_broken(model));
        reading.damaged = trace_damage_any(&model->damage);
        reading.events = model->events;
    } else {
        ck_assert_str_ne(error.message, "");
        ck_assert_ptr_null(strchr(error.message, '\n'));
    }
    trace_model_free(model);
    return reading;
}

START_TEST(compact_cut_off_anywhere_is_told)
{
    struct fixture_bytes compact = compact_sample();
    struct reading whole = read_model(compact.bytes, compact.size);
    ck_assert(whole.code == VMT_OK && !whole.damaged && whole.events > 40);
    /* That there is no END block is not missed when no record is. */
    for (size_t size = 0; size < compact.size - 8; size++) {
        struct reading reading = read_model(compact.bytes, size);
        ck_assert_msg(reading.code != VMT_OK || reading.damaged, "cut at %zu", size);
        ck_assert_uint_lt(reading.events, whole.events);
    }
    free(compact.bytes);
}
END_TEST

START_TEST(compact_changed_anywhere_is_told)
{
    struct fixture_bytes compact = compact_sample();
    struct reading whole = read_model(compact.bytes, compact.size);
    unsigned unnoticed = 0;
    for (size_t i = 0; i < compact.size - 8; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            compact.bytes[i] ^= (uint8_t)(1u << bit);
            struct reading reading = read_model(compact.bytes, compact.size);
            compact.bytes[i] ^= (uint8_t)(1u << bit);
            bool noticed = reading.code != VMT_OK || reading.damaged;
            /* There are bits without a meaning. */
            unnoticed += !noticed;
            ck_assert(noticed || reading.events == whole.events);
        }
    }
    ck_assert_uint_lt(unnoticed, 100);
    free(compact.bytes);
}
END_TEST

START_TEST(compact_refuses_what_it_cannot_do)
{
    struct fixture_bytes compact = compact_sample();
    enum vmt_error code;
    uint64_t size;
    struct error error;
    fixture_compact(compact.bytes, compact.size, &code);
    ck_assert_int_eq(code, VMT_ERROR_COMPACT);
    setup();
    size_t raw_size;
    const uint8_t *raw = trace_builder_bytes(builder, &raw_size);
    struct fixture_bytes none = {0};
    code = compact_expand(fixture_source(raw, raw_size), fixture_sink, &none, &size, &error);
    ck_assert_int_eq(code, VMT_ERROR_COMPACT);
    compact.bytes[8] = 2;
    ck_assert_int_eq(read_model(compact.bytes, compact.size).code, VMT_ERROR_VERSION);
    compact.bytes[8] = 1;
    compact.bytes[16] = 0xff;
    ck_assert_int_eq(read_model(compact.bytes, compact.size).code, VMT_ERROR_HEADER_CUT);
    compact.bytes[16] = 'H';
    compact.bytes[4] = '\n';
    ck_assert_int_eq(read_model(compact.bytes, compact.size).code, VMT_ERROR_MANGLED);
    free(compact.bytes);
    trace_builder_free(builder);
}
END_TEST

UNIT_MAIN("compact", compact_gives_back_every_sort_of_record, compact_gives_back_streams,
          compact_gives_back_damage, compact_gives_back_chunks_of_no_stream,
          compact_gives_back_what_is_cut_off, compact_gives_back_long_traces,
          compact_cut_off_anywhere_is_told, compact_changed_anywhere_is_told,
          compact_refuses_what_it_cannot_do)
