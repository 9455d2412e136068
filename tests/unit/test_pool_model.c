/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pool_model.h"

#include <stdio.h>

#include "model_fixture.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a;

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 1);
    a = builder_stack(stream, 1, U(0x401000));
}

static void pool(uint64_t number, const char *name)
{
    builder_cold(stream, VMT_OP_POOL, "us", number, name);
}

static void pool_alloc(uint64_t number, uint64_t address, uint64_t size)
{
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", number, address, size, a);
}

START_TEST(pool_model_pools_have_addresses_of_their_own)
{
    setup();
    pool(1, "x");
    pool(2, "y");
    builder_alloc(stream, VMT_MALLOC, 0x1000, 4096, a);
    pool_alloc(1, 0x1000, 10);
    pool_alloc(2, 0x1000, 20);
    builder_cold(stream, VMT_OP_POOL_FREE, "uuk", U(1), U(0x1000), a);
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->pools.names[0].live_bytes, 0);
    ck_assert_uint_eq(model->pools.names[0].frees, 1);
    ck_assert_uint_eq(model->pools.names[0].peak_bytes, 10);
    ck_assert_uint_eq(model->pools.names[1].live_bytes, 20);
    ck_assert_uint_eq(model->heap.live_bytes, 4096);
    ck_assert_uint_eq(model->heap.allocations, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(pool_model_resize_moves_and_clear_releases_all)
{
    setup();
    pool(1, "x");
    for (uint64_t i = 1; i <= 100; i++)
        pool_alloc(1, i * 16, i);
    builder_cold(stream, VMT_OP_POOL_RESIZE, "uuuuk", U(1), U(16), U(0x9000), U(500), a);
    builder_cold(stream, VMT_OP_POOL_RESIZE, "uuuuk", U(1), U(0x9000), U(0x9000), U(400), a);
    builder_cold(stream, VMT_OP_POOL_CLEAR, "uk", U(1), a);
    pool_alloc(1, 0x9000, 3);
    struct trace_model *model = fixture_take(builder);
    const struct pool_name *name = &model->pools.names[0];
    ck_assert_uint_eq(name->allocations, 103);
    ck_assert_uint_eq(name->frees, 102);
    ck_assert_uint_eq(name->bytes_allocated, 5050 + 903);
    ck_assert_uint_eq(name->live_bytes, 3);
    ck_assert_uint_eq(name->peak_bytes, 5050 + 499);
    ck_assert_uint_eq(model->pools.unknown, 0);
    trace_model_free(model);
}
END_TEST

/* An arena a request, all of one name. */
START_TEST(pool_model_pools_of_one_name_are_counted_together)
{
    setup();
    for (uint64_t i = 1; i <= 500; i++) {
        pool(i, "request");
        pool_alloc(i, 0x1000, 8);
    }
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->pools.name_count, 1);
    ck_assert_uint_eq(model->pools.names[0].live_blocks, 500);
    ck_assert_uint_eq(model->sites.count, 1);
    trace_model_free(model);
}
END_TEST

START_TEST(pool_model_names_are_bounded)
{
    setup();
    for (uint64_t i = 1; i <= POOL_NAMES_MAX + 100; i++) {
        char name[32];
        snprintf(name, sizeof(name), "request %u", (unsigned)i);
        pool(i, name);
        pool_alloc(i, 0x1000, 8);
    }
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->pools.name_count, POOL_NAMES_MAX + 1);
    ck_assert_str_eq(model->pools.names[POOL_NAMES_MAX].name, "(other pools)");
    ck_assert_uint_eq(model->pools.names[POOL_NAMES_MAX].live_blocks, 100);
    trace_model_free(model);
}
END_TEST

START_TEST(pool_model_unannounced_blocks_are_counted)
{
    setup();
    builder_cold(stream, VMT_OP_POOL_FREE, "uuk", U(9), U(0x1000), a);
    pool_alloc(9, 0x1000, 8);
    pool_alloc(9, 0x1000, 9); /* again: the first is gone */
    struct trace_model *model = fixture_take(builder);
    ck_assert_uint_eq(model->pools.unknown, 1);
    ck_assert_str_eq(model->pools.names[0].name, "?");
    ck_assert_uint_eq(model->pools.names[0].live_bytes, 9);
    ck_assert_uint_eq(model->pools.names[0].frees, 1);
    trace_model_free(model);
}
END_TEST

UNIT_MAIN("pool_model", pool_model_pools_have_addresses_of_their_own,
          pool_model_resize_moves_and_clear_releases_all,
          pool_model_pools_of_one_name_are_counted_together, pool_model_names_are_bounded,
          pool_model_unannounced_blocks_are_counted)
