/* SPDX-License-Identifier: Apache-2.0 */
#include "model/module_table.h"

#include <string.h>

#include "unit_main.h"

static struct module_table table;
static struct arena *arena;

static void load(uint64_t start, uint64_t end, const char *path, uint64_t ticks)
{
    struct event_cold record = {
        .values = {start, start, end, 0},
        .strings = {{"\x01\x02", 2}, {path, strlen(path)}},
    };
    ck_assert(module_table_load(&table, arena, &record, ticks));
}

static void setup(void)
{
    table = (struct module_table){0};
    arena = arena_new();
}

static void finish(void)
{
    module_table_release(&table);
    arena_free(arena);
}

static const char *name_at(uint64_t pc, uint64_t ticks)
{
    uint32_t module = module_table_resolve(&table, pc, ticks);
    return module == MODULE_NONE ? "none" : table.modules[module].path;
}

START_TEST(module_table_current_module_covers_the_pc)
{
    setup();
    load(0x3000, 0x4000, "c", 1);
    load(0x1000, 0x2000, "a", 1);
    load(0x2000, 0x2800, "b", 1);
    ck_assert_uint_eq(module_table_current(&table, 0xfff), MODULE_NONE);
    ck_assert_uint_eq(module_table_current(&table, 0x1000), 1);
    ck_assert_uint_eq(module_table_current(&table, 0x1fff), 1);
    ck_assert_uint_eq(module_table_current(&table, 0x2000), 2);
    ck_assert_uint_eq(module_table_current(&table, 0x2800), MODULE_NONE);
    ck_assert_uint_eq(module_table_current(&table, 0x3fff), 0);
    ck_assert_uint_eq(module_table_current(&table, 0x4000), MODULE_NONE);
    ck_assert_uint_eq(table.modules[0].build_id_size, 2);
    ck_assert_uint_eq(table.modules[0].build_id[1], 2);
    finish();
}
END_TEST

START_TEST(module_table_unloaded_place_is_taken_by_another)
{
    setup();
    load(0x1000, 0x2000, "old", 10);
    module_table_unload(&table, 0x1000, 20);
    load(0x1000, 0x3000, "new", 30);
    ck_assert_uint_eq(module_table_current(&table, 0x1500), 1);
    ck_assert_str_eq(name_at(0x1500, 15), "old");
    ck_assert_str_eq(name_at(0x1500, 35), "new");
    ck_assert_str_eq(name_at(0x1500, 25), "new"); /* between: what comes next */
    ck_assert_str_eq(name_at(0x1500, 5), "old");  /* noticed late */
    module_table_unload(&table, 0x1000, 40);
    ck_assert_str_eq(name_at(0x1500, 50), "new"); /* behind all: the last one */
    ck_assert_str_eq(name_at(0x9000, 15), "none");
    ck_assert_uint_eq(module_table_current(&table, 0x1500), MODULE_NONE);
    finish();
}
END_TEST

START_TEST(module_table_overlap_means_an_unseen_unload)
{
    setup();
    load(0x1000, 0x2000, "a", 1);
    load(0x2000, 0x3000, "b", 1);
    load(0x1800, 0x2800, "c", 50);
    ck_assert_uint_eq(table.loaded_count, 1);
    ck_assert_uint_eq(table.modules[0].unload_ticks, 50);
    ck_assert_uint_eq(table.modules[1].unload_ticks, 50);
    ck_assert_str_eq(name_at(0x1900, 20), "a");
    ck_assert_str_eq(name_at(0x1900, 60), "c");
    finish();
}
END_TEST

START_TEST(module_table_announced_twice_is_one)
{
    setup();
    load(0x1000, 0x2000, "a", 1);
    load(0x1000, 0x2000, "a", 2);
    ck_assert_uint_eq(table.count, 1);
    load(0x1000, 0x2000, "other", 3);
    ck_assert_uint_eq(table.count, 2);
    load(0x5000, 0x5000, "empty", 4);
    ck_assert_uint_eq(table.count, 2);
    ck_assert_uint_eq(table.dropped, 1);
    finish();
}
END_TEST

UNIT_MAIN("module_table", module_table_current_module_covers_the_pc,
          module_table_unloaded_place_is_taken_by_another,
          module_table_overlap_means_an_unseen_unload, module_table_announced_twice_is_one)
