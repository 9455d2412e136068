/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fault_owner.h"

/* What allocators write around a block before they hand it out: a header before it, and behind it
 * that of what is left. */
#define ALLOCATOR_BEFORE 16u
#define ALLOCATOR_BEHIND 64u

static void fault_place_block(struct fault_place *place, const struct owner_block *block,
                              uint64_t address)
{
    place->target.owner = FAULT_OWNER_BLOCK;
    place->target.id = block->site;
    place->target.address = address;
    place->start = block->start;
    place->end = block->start + block->size;
    place->birth = block->birth;
}

static bool fault_place_stack(const struct residency_model *residency, uint64_t address,
                              struct fault_place *place)
{
    size_t index = residency_stack_find(residency, address);
    if (index == residency->stack_count || residency->stacks[index].low > address)
        return false;
    place->target.owner = FAULT_OWNER_STACK;
    place->target.id = residency->stacks[index].tid;
    place->start = residency->stacks[index].low;
    place->end = residency->stacks[index].high;
    return true;
}

static bool fault_place_mapping(const struct mapping_list *list, uint64_t address,
                                struct fault_place *place)
{
    size_t index;
    if (address == UINT64_MAX ||
        mapping_list_overlapping(list, address, address + 1, &index) == index)
        return false;
    const struct mapping *mapping = &list->mappings[index];
    place->target.id = mapping->site;
    place->start = mapping->start;
    place->end = mapping->end;
    place->shared = mapping->flags & MAPPING_SHARED;
    place->bias = mapping->bias;
    if (mapping->flags & MAPPING_ALLOCATOR)
        place->target.owner = FAULT_OWNER_ALLOCATOR;
    else
        place->target.owner =
            mapping->flags & MAPPING_FILE ? FAULT_OWNER_FILE : FAULT_OWNER_MAPPING;
    return true;
}

static bool fault_place_module(const struct fault_model *faults, uint64_t address,
                               struct fault_place *place)
{
    uint32_t module = module_table_current(faults->modules, address);
    if (module == MODULE_NONE)
        return false;
    place->target.owner = FAULT_OWNER_MODULE;
    place->target.id = module;
    place->target.page = (address - faults->modules->modules[module].start) >> faults->page_shift;
    return true;
}

void fault_owner_find(const struct fault_model *faults, uint64_t address, struct fault_place *place)
{
    struct owner_block block;
    const struct heap_model *heap = faults->heap;
    *place = (struct fault_place){.target = {.address = address, .giver = PAGE_KEPT}};
    if (owner_index_live(&heap->owners, &heap->blocks, address, &block))
        fault_place_block(place, &block, address);
    else if (!fault_place_stack(faults->residency, address, place) &&
             !fault_place_mapping(&faults->maps->list, address, place) &&
             !fault_place_module(faults, address, place))
        place->target.owner = FAULT_OWNER_NONE;
    if (place->target.owner == FAULT_OWNER_NONE)
        place->target.page = address >> FAULT_UNIT_SHIFT;
}

bool fault_owner_released(const struct fault_model *faults, uint64_t address, uint64_t ticks,
                          struct fault_place *place)
{
    struct owner_block block;
    const struct heap_model *heap = faults->heap;
    if (!owner_index_freed(&heap->owners, &heap->history, address, ticks, &block))
        return false;
    *place = (struct fault_place){.target = {.giver = PAGE_KEPT}};
    fault_place_block(place, &block, address);
    return true;
}

bool fault_owner_allocated(const struct fault_model *faults, uint64_t address, uint64_t start,
                           struct fault_place *place)
{
    struct owner_block block;
    const struct heap_model *heap = faults->heap;
    uint64_t page = UINT64_C(1) << faults->page_shift;
    const struct live_block *live = block_table_find(&heap->blocks, start);
    if (!live)
        return false;
    uint64_t low = start - ALLOCATOR_BEFORE, high = start + live->size + ALLOCATOR_BEHIND;
    uint64_t begin = address & ~(page - 1);
    if (begin >= high || begin + page <= low)
        return false;
    *place = (struct fault_place){.target = {.giver = PAGE_KEPT}};
    if (!owner_index_live(&heap->owners, &heap->blocks, start, &block))
        return false; /* of 0 bytes */
    fault_place_block(place, &block, address);
    return true;
}
