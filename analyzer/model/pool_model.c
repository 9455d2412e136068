/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pool_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/vector.h"

void pool_model_init(struct pool_model *model, struct site_table *sites, struct stack_tree *stacks,
                     struct era_table *eras, struct arena *arena)
{
    *model = (struct pool_model){.sites = sites, .stacks = stacks, .eras = eras, .arena = arena};
}

void pool_model_release(struct pool_model *model)
{
    for (size_t i = 0; i < model->count; i++)
        block_table_release(&model->pools[i].blocks);
    free(model->pools);
    free(model->names);
    hash_map_release(&model->by_number);
    hash_map_release(&model->by_name);
}

static uint32_t pool_name_get(struct pool_model *model, const char *bytes, size_t length)
{
    if (model->name_count >= POOL_NAMES_MAX) {
        bytes = "(other pools)";
        length = strlen(bytes);
    }
    uint64_t hash = fnv_add(FNV_BASIS, bytes, length); /* names with the same are taken for one */
    uint32_t index = hash_map_get(&model->by_name, hash);
    if (index != HASH_MAP_NONE)
        return index;
    if ((model->name_count == model->name_capacity &&
         !vector_grow(&model->names, &model->name_capacity, sizeof(*model->names))) ||
        !hash_map_put(&model->by_name, hash, (uint32_t)model->name_count))
        return UINT32_MAX;
    struct pool_name *name = &model->names[model->name_count];
    *name = (struct pool_name){.name = arena_string(model->arena, bytes, length)};
    return name->name ? (uint32_t)model->name_count++ : UINT32_MAX;
}

static struct pool *pool_add(struct pool_model *model, uint64_t number, const char *name,
                             size_t length)
{
    if ((model->count == model->capacity &&
         !vector_grow(&model->pools, &model->capacity, sizeof(*model->pools))) ||
        !hash_map_put(&model->by_number, number, (uint32_t)model->count))
        return NULL;
    uint32_t index = pool_name_get(model, name, length);
    if (index == UINT32_MAX)
        return NULL;
    model->pools[model->count] = (struct pool){.name = index, .number = number};
    return &model->pools[model->count++];
}

/* NULL when out of memory. */
static struct pool *pool_get(struct pool_model *model, uint64_t number)
{
    uint32_t index = hash_map_get(&model->by_number, number);
    return index != HASH_MAP_NONE ? &model->pools[index] : pool_add(model, number, "?", 1);
}

static void pool_leave(struct pool_model *model, struct pool *pool, const struct live_block *block)
{
    struct pool_name *name = &model->names[pool->name];
    struct sample_weight weight = sample_weigh(0, block->size);
    site_table_remove(model->sites, block->site, &weight);
    if (model->sites->sites[block->site].inherited)
        return;
    name->frees++;
    name->live_bytes -= block->size;
    name->live_blocks--;
}

static void pool_release_block(struct pool_model *model, struct pool *pool, uint64_t address)
{
    struct live_block block;
    if (block_table_take(&pool->blocks, address, &block))
        pool_leave(model, pool, &block);
    else
        model->unknown++;
}

static bool pool_alloc(struct pool_model *model, struct pool *pool, const struct event *event,
                       uint64_t address, uint64_t size, uint32_t node, uint32_t stream)
{
    if (address == 0 || size > BLOCK_MAX_SIZE)
        return true;
    if (block_table_find(&pool->blocks, address)) /* announced again: a new block */
        pool_release_block(model, pool, address);
    uint32_t site = site_table_get(model->sites, model->stacks, node, SITE_POOL + pool->name);
    struct live_block block = {.address = address,
                               .size = size & BLOCK_MAX_SIZE,
                               .stream = stream & 0xffff,
                               .site = site,
                               .era = era_table_at(model->eras, event->ticks)};
    if (site == SITE_NONE || !block_table_put(&pool->blocks, &block))
        return false;
    struct sample_weight weight = sample_weigh(0, size);
    site_table_count(model->sites, site, size, &weight, event->ticks);
    site_table_add(model->sites, site, &weight);
    struct pool_name *name = &model->names[pool->name];
    name->allocations++;
    name->bytes_allocated += size;
    name->live_blocks++;
    name->live_bytes += size;
    if (name->live_bytes > name->peak_bytes)
        name->peak_bytes = name->live_bytes;
    return true;
}

/* Costs as much as the table is large, so a table that was nearly empty is made anew. */
static void pool_clear(struct pool_model *model, struct pool *pool)
{
    struct block_table *blocks = &pool->blocks;
    size_t position = 0, places = blocks->places ? (size_t)1 << blocks->bits : 0;
    for (const struct live_block *block; (block = block_table_next(blocks, &position));)
        pool_leave(model, pool, block);
    if (places > 64 && blocks->count < places / 8) {
        block_table_release(blocks);
    } else if (places) {
        memset(blocks->places, 0, places * sizeof(*blocks->places));
        blocks->count = 0;
    }
}

bool pool_model_inherit(struct pool_model *model, uint64_t number, const char *name, size_t count)
{
    if (hash_map_get(&model->by_number, number) == HASH_MAP_NONE &&
        !pool_add(model, number, name, strlen(name)))
        return false;
    return block_table_reserve(&pool_get(model, number)->blocks, count);
}

bool pool_model_inherit_block(struct pool_model *model, uint64_t number, uint32_t node,
                              const struct live_block *block)
{
    struct pool *pool = pool_get(model, number);
    struct live_block taken = *block;
    if (!pool || block_table_find(&pool->blocks, block->address))
        return pool != NULL;
    taken.site = site_table_inherit(model->sites, model->stacks, node, SITE_POOL + pool->name);
    taken.era = 0;
    if (taken.site == SITE_NONE || !block_table_put(&pool->blocks, &taken))
        return false;
    struct sample_weight weight = sample_weigh(0, block->size);
    site_table_add(model->sites, taken.site, &weight);
    return true;
}

bool pool_model_apply(struct pool_model *model, const struct event *event, uint32_t node,
                      uint32_t stream)
{
    const uint64_t *values = event->cold.values;
    const struct event_string *text = &event->cold.strings[0];
    if (event->op == VMT_OP_POOL)
        return hash_map_get(&model->by_number, values[0]) != HASH_MAP_NONE ||
               pool_add(model, values[0], text->bytes, text->length);
    struct pool *pool = pool_get(model, values[0]);
    if (!pool)
        return false;
    switch (event->op) {
    case VMT_OP_POOL_ALLOC:
        return pool_alloc(model, pool, event, values[1], values[2], node, stream);
    case VMT_OP_POOL_RESIZE:
        pool_release_block(model, pool, values[1]);
        return pool_alloc(model, pool, event, values[2], values[3], node, stream);
    case VMT_OP_POOL_FREE:
        pool_release_block(model, pool, values[1]);
        return true;
    case VMT_OP_POOL_CLEAR:
        pool_clear(model, pool);
        return true;
    default:
        return true;
    }
}
