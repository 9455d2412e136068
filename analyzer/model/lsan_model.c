/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lsan_model.h"

#include <stdlib.h>

#include <vmtrace/lsan_options.h>
#include <vmtrace/trace_format.h>

#include "base/vector.h"
#include "model/heap_model.h"
#include "model/reach_graph.h"

#define REGIONS_MAX ((size_t)1024)

void lsan_model_release(struct lsan_model *model)
{
    hash_map_release(&model->ignored);
    free(model->regions);
    *model = (struct lsan_model){0};
}

bool lsan_model_put(struct lsan_model *model, uint64_t address, bool ignored)
{
    uint32_t known = hash_map_get(&model->ignored, address);
    if (known == HASH_MAP_NONE && !ignored)
        return true;
    model->ignored_count += known == HASH_MAP_NONE;
    return hash_map_put(&model->ignored, address, ignored);
}

static bool lsan_ignore_object(struct lsan_model *model, const struct heap_model *heap,
                               uint64_t address)
{
    struct owner_block block;
    return !owner_index_live(&heap->owners, &heap->blocks, address, &block) ||
           lsan_model_put(model, block.start, true);
}

static bool lsan_add_region(struct lsan_model *model, const uint64_t *values)
{
    struct lsan_region region = {values[0], values[0] + values[1]};
    if (region.end <= region.start || model->region_count == REGIONS_MAX)
        return true;
    if (model->region_count == model->region_capacity &&
        !vector_grow(&model->regions, &model->region_capacity, sizeof(*model->regions)))
        return false;
    model->regions[model->region_count++] = region;
    return true;
}

/* The newest of those that are the same. */
static void lsan_remove_region(struct lsan_model *model, const uint64_t *values)
{
    for (size_t i = model->region_count; i-- > 0;) {
        struct lsan_region *region = &model->regions[i];
        if (region->start == values[0] && region->end == values[0] + values[1]) {
            *region = model->regions[--model->region_count];
            return;
        }
    }
}

bool lsan_model_apply(struct lsan_model *model, struct stream_state *stream,
                      const struct heap_model *heap, const struct event *event)
{
    const uint64_t *values = event->cold.values;
    switch (event->op) {
    case VMT_OP_IGNORE_BEGIN:
        stream->ignoring = true;
        return true;
    case VMT_OP_IGNORE_END:
    case VMT_OP_THREAD:
        stream->ignoring = false;
        return true;
    case VMT_OP_IGNORE_OBJECT:
        return lsan_ignore_object(model, heap, values[0]);
    case VMT_OP_ROOT_REGION:
        return lsan_add_region(model, values);
    case VMT_OP_ROOT_REGION_END:
        lsan_remove_region(model, values);
        return true;
    default:
        return true;
    }
}

uint32_t lsan_roots_left_out(const char *options)
{
    static const struct {
        const char *key;
        uint32_t kind;
    } keys[] = {
        {"use_globals", REACH_ROOT_DATA},          {"use_stacks", REACH_ROOT_STACK},
        {"use_registers", REACH_ROOT_REGISTER},    {"use_tls", REACH_ROOT_TLS},
        {"use_ld_allocations", REACH_ROOT_LOADER},
    };
    uint32_t left_out = 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!lsan_option_is(options, keys[i].key, true))
            left_out |= 1u << keys[i].kind;
    return left_out;
}
