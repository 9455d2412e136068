/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/columns.h"

#include <string.h>

#include "unit_main.h"

static struct columns out, in;
static uint8_t *payload;

static void setup(void)
{
    ck_assert(columns_init(&out, true));
    ck_assert(columns_init(&in, false));
    payload = malloc(columns_bound());
}

static void finish(void)
{
    columns_release(&out);
    columns_release(&in);
    free(payload);
}

START_TEST(columns_pack_and_unpack)
{
    setup();
    ck_assert(columns_empty(&out));
    for (uint64_t i = 0; i < 1000; i++) {
        column_put(&out.list[COMPACT_TOKENS], i * i * i);
        column_put_byte(&out.list[COMPACT_LITERALS], (uint8_t)i);
    }
    ck_assert(!columns_empty(&out));
    size_t size = columns_pack(&out, payload);
    ck_assert_uint_gt(size, 0);
    ck_assert(columns_empty(&out));
    ck_assert_int_eq(columns_unpack(&in, payload, size), COLUMNS_READY);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t value;
        uint8_t byte;
        ck_assert(column_get(&in.list[COMPACT_TOKENS], &value));
        ck_assert_uint_eq(value, i * i * i);
        ck_assert(column_get_byte(&in.list[COMPACT_LITERALS], &byte));
        ck_assert_uint_eq(byte, (uint8_t)i);
    }
    uint64_t none;
    uint8_t no_byte;
    ck_assert(!column_get(&in.list[COMPACT_TOKENS], &none));
    ck_assert(!column_get_byte(&in.list[COMPACT_LITERALS], &no_byte));
    ck_assert(column_at_end(&in.list[COMPACT_RANKS]));
    finish();
}
END_TEST

START_TEST(columns_bytes_are_bounded)
{
    setup();
    column_put_bytes(&out.list[COMPACT_LITERALS], (const uint8_t *)"abcdef", 6);
    size_t size = columns_pack(&out, payload);
    ck_assert_int_eq(columns_unpack(&in, payload, size), COLUMNS_READY);
    ck_assert_ptr_null(column_get_bytes(&in.list[COMPACT_LITERALS], 7));
    ck_assert_ptr_null(column_get_bytes(&in.list[COMPACT_LITERALS], UINT64_MAX));
    const uint8_t *bytes = column_get_bytes(&in.list[COMPACT_LITERALS], 6);
    ck_assert_mem_eq(bytes, "abcdef", 6);
    ck_assert_ptr_nonnull(column_get_bytes(&in.list[COMPACT_LITERALS], 0));
    ck_assert_ptr_null(column_get_bytes(&in.list[COMPACT_LITERALS], 1));
    finish();
}
END_TEST

START_TEST(columns_full_leaves_room_for_a_record)
{
    setup();
    struct column *column = &out.list[COMPACT_PCS];
    memset(column->end, 1, COMPACT_COLUMN_FULL);
    column->end += COMPACT_COLUMN_FULL;
    ck_assert(!columns_full(&out));
    column_put_byte(column, 1);
    ck_assert(columns_full(&out));
    memset(column->end, 2, 2 * VMT_CHUNK_SIZE);
    column->end += 2 * VMT_CHUNK_SIZE;
    ck_assert_int_eq(columns_unpack(&in, payload, columns_pack(&out, payload)), COLUMNS_READY);
    finish();
}
END_TEST

/* Each byte changed: zstd's checksums or the lengths tell, or it was a bit without a meaning. */
START_TEST(columns_damage_is_noticed)
{
    uint8_t content[200];
    unsigned unnoticed = 0;
    setup();
    for (uint64_t i = 0; i < 50; i++)
        column_put(&out.list[COMPACT_TOKENS], i * 77);
    size_t length = (size_t)(out.list[COMPACT_TOKENS].end - out.list[COMPACT_TOKENS].bytes);
    memcpy(content, out.list[COMPACT_TOKENS].bytes, length);
    size_t size = columns_pack(&out, payload);
    for (size_t i = 0; i < size; i++) {
        ck_assert_int_eq(columns_unpack(&in, payload, i), COLUMNS_DAMAGED);
        payload[i] ^= 0x10;
        if (columns_unpack(&in, payload, size) == COLUMNS_READY) {
            unnoticed++;
            ck_assert_mem_eq(in.list[COMPACT_TOKENS].bytes, content, length);
        }
        payload[i] ^= 0x10;
    }
    ck_assert_uint_le(unnoticed, 1);
    ck_assert_int_eq(columns_unpack(&in, payload, size), COLUMNS_READY);
    finish();
}
END_TEST

/* A frame that promises more than a column may hold. */
START_TEST(columns_refuse_what_is_too_long)
{
    setup();
    size_t size = (size_t)COMPACT_COLUMN_MAX + 1;
    uint8_t *zeros = calloc(1, size);
    struct column *column = &in.list[0];
    size_t packed = columns_pack_bytes(&out, zeros, COMPACT_COLUMN_MAX, payload);
    ck_assert_int_eq(columns_unpack_bytes(&in, payload, packed, column), COLUMNS_READY);
    ck_assert_uint_eq((size_t)(column->end - column->cursor), COMPACT_COLUMN_MAX);
    packed = columns_pack_bytes(&out, zeros, size, payload);
    ck_assert_int_eq(columns_unpack_bytes(&in, payload, packed, column), COLUMNS_DAMAGED);
    free(zeros);
    finish();
}
END_TEST

UNIT_MAIN("columns", columns_pack_and_unpack, columns_bytes_are_bounded,
          columns_full_leaves_room_for_a_record, columns_damage_is_noticed,
          columns_refuse_what_is_too_long)
