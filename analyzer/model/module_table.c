/* SPDX-License-Identifier: Apache-2.0 */
#include "model/module_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

void module_table_release(struct module_table *table)
{
    free(table->modules);
    free(table->loaded);
    *table = (struct module_table){0};
}

/* Number of loaded modules that end at or before `address`. */
static size_t module_loaded_before(const struct module_table *table, uint64_t address)
{
    size_t low = 0, high = table->loaded_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->modules[table->loaded[middle]].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The loaded modules [*first, result) overlap start..end. */
static size_t module_overlapping(const struct module_table *table, uint64_t start, uint64_t end,
                                 size_t *first)
{
    size_t last = *first = module_loaded_before(table, start);
    while (last < table->loaded_count && table->modules[table->loaded[last]].start < end)
        last++;
    return last;
}

static void module_drop_loaded(struct module_table *table, size_t first, size_t last,
                               uint64_t ticks)
{
    for (size_t i = first; i < last; i++)
        table->modules[table->loaded[i]].unload_ticks = ticks;
    memmove(table->loaded + first, table->loaded + last,
            (table->loaded_count - last) * sizeof(*table->loaded));
    table->loaded_count -= last - first;
}

static bool module_fill(struct module *module, struct arena *arena, const struct event_cold *load,
                        uint64_t ticks)
{
    const struct event_string *build_id = &load->strings[0], *path = &load->strings[1];
    *module = (struct module){
        .bias = load->values[0],
        .start = load->values[1],
        .end = load->values[2],
        .load_ticks = ticks,
        .unload_ticks = UINT64_MAX,
        .path = arena_string(arena, path->bytes, path->length),
        .build_id_size = build_id->length,
        .flags = (uint32_t)load->values[3],
    };
    uint8_t *id = arena_alloc(arena, build_id->length);
    if (!module->path || !id)
        return false;
    if (build_id->length)
        memcpy(id, build_id->bytes, build_id->length);
    module->build_id = id;
    return true;
}

/* The same module announced twice is one. */
static bool module_is_known(const struct module_table *table, size_t first, size_t last,
                            const struct event_cold *load)
{
    if (last - first != 1)
        return false;
    const struct module *module = &table->modules[table->loaded[first]];
    const struct event_string *path = &load->strings[1];
    return module->bias == load->values[0] && module->start == load->values[1] &&
           module->end == load->values[2] && strlen(module->path) == path->length &&
           memcmp(module->path, path->bytes, path->length) == 0;
}

bool module_table_load(struct module_table *table, struct arena *arena,
                       const struct event_cold *load, uint64_t ticks)
{
    uint64_t start = load->values[1], end = load->values[2];
    size_t first, last;
    if (start >= end || table->count == MODULE_MAX) {
        table->dropped++;
        return true;
    }
    last = module_overlapping(table, start, end, &first);
    if (module_is_known(table, first, last, load))
        return true;
    if ((table->count == table->capacity &&
         !vector_grow(&table->modules, &table->capacity, sizeof(*table->modules))) ||
        (table->loaded_count == table->loaded_capacity &&
         !vector_grow(&table->loaded, &table->loaded_capacity, sizeof(*table->loaded))) ||
        !module_fill(&table->modules[table->count], arena, load, ticks))
        return false;
    module_drop_loaded(table, first, last, ticks);
    memmove(table->loaded + first + 1, table->loaded + first,
            (table->loaded_count - first) * sizeof(*table->loaded));
    table->loaded[first] = (uint32_t)table->count++;
    table->loaded_count++;
    return true;
}

bool module_table_inherit(struct module_table *table, struct arena *arena,
                          const struct module *module, uint32_t *index)
{
    struct event_cold load = {
        .values = {module->bias, module->start, module->end, module->flags},
        .strings = {{(const char *)module->build_id, module->build_id_size},
                    {module->path, strlen(module->path)}},
    };
    *index = MODULE_NONE;
    if (module->unload_ticks == UINT64_MAX) {
        if (!module_table_load(table, arena, &load, module->load_ticks))
            return false;
        *index = module_table_current(table, module->start);
        return true;
    }
    if (table->count == MODULE_MAX) {
        table->dropped++;
        return true;
    }
    if ((table->count == table->capacity &&
         !vector_grow(&table->modules, &table->capacity, sizeof(*table->modules))) ||
        !module_fill(&table->modules[table->count], arena, &load, module->load_ticks))
        return false;
    table->modules[table->count].unload_ticks = module->unload_ticks;
    *index = (uint32_t)table->count++;
    return true;
}

void module_table_unload(struct module_table *table, uint64_t start, uint64_t ticks)
{
    size_t place = module_loaded_before(table, start);
    if (place < table->loaded_count && table->modules[table->loaded[place]].start == start)
        module_drop_loaded(table, place, place + 1, ticks);
}

uint32_t module_table_current(const struct module_table *table, uint64_t pc)
{
    size_t place = module_loaded_before(table, pc);
    if (place == table->loaded_count || table->modules[table->loaded[place]].start > pc)
        return MODULE_NONE;
    return table->loaded[place];
}

uint64_t module_table_next_start(const struct module_table *table, uint64_t address)
{
    size_t place = module_loaded_before(table, address);
    return place < table->loaded_count ? table->modules[table->loaded[place]].start : UINT64_MAX;
}

uint32_t module_table_resolve(const struct module_table *table, uint64_t pc, uint64_t ticks)
{
    uint32_t later = MODULE_NONE, earlier = MODULE_NONE;
    for (size_t i = 0; i < table->count; i++) {
        const struct module *module = &table->modules[i];
        if (pc < module->start || pc >= module->end)
            continue;
        if (module->load_ticks <= ticks && ticks < module->unload_ticks)
            return (uint32_t)i;
        if (module->load_ticks > ticks && later == MODULE_NONE)
            later = (uint32_t)i;
        if (module->unload_ticks <= ticks)
            earlier = (uint32_t)i;
    }
    return later != MODULE_NONE ? later : earlier;
}
