/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_place.h"

#include "model/fault_owner.h"

#define NULL_PAGES UINT64_C(65536)    /* vm.mmap_min_addr, and what a structure at NULL may have */
#define NEAR_FREE UINT64_C(4096)      /* how far from a block an address is still told by it */
#define NEAR_CRASH UINT64_C(65536)    /* a loop that leaves a block faults at the heap's end */
#define BELOW_STACK UINT64_C(1 << 20) /* the kernel's stack_guard_gap */
#define USER_END (UINT64_C(1) << 47)  /* x86-64's, where SI_KERNEL hides an address above it */
#define ADDRESS_END (UINT64_C(1) << 52) /* of any machine */
#define CODE_KERNEL 0x80                /* SI_KERNEL */

/* The block that an address is in, or that it is nearest to. */
struct nearest {
    uint64_t address;  /* looked for */
    uint64_t distance; /* 0: inside */
    uint64_t start, size;
    uint32_t site, freed_by;
    bool found, freed;
};

/* True if the block is nearer than what was found so far. */
static bool error_is_nearer(const struct nearest *nearest, uint64_t start, uint64_t size,
                            uint64_t *distance)
{
    uint64_t offset = nearest->address - start;
    if (offset < size || offset == 0)
        *distance = 0;
    else if (nearest->address > start)
        *distance = offset - size + 1;
    else
        *distance = start - nearest->address;
    return !nearest->found || *distance < nearest->distance;
}

static void error_nearest_live(const struct heap_model *heap, struct nearest *nearest)
{
    size_t position = 0;
    const struct live_block *block;
    uint64_t distance;
    while ((block = block_table_next(&heap->blocks, &position))) {
        if (error_is_nearer(nearest, block->address, block->size, &distance))
            *nearest = (struct nearest){nearest->address, distance,   block->address, block->size,
                                        block->site,      STACK_NONE, true,           false};
    }
}

static void error_nearest_freed(const struct heap_model *heap, struct nearest *nearest)
{
    size_t position = 0;
    const struct freed_block *block;
    uint64_t distance;
    while (!(nearest->found && nearest->distance == 0) &&
           (block = freed_history_next(&heap->history, &position))) {
        if (error_is_nearer(nearest, block->address, block->size, &distance))
            *nearest = (struct nearest){nearest->address, distance,    block->address, block->size,
                                        block->site,      block->node, true,           true};
    }
}

bool error_may_walk(struct trace_model *model, const struct memory_error *error)
{
    const struct block_table *live = &model->heap.blocks;
    const struct freed_history *freed = &model->heap.history;
    bool last = error->kind == ERROR_CRASH && !(error->flags & VMT_CRASH_HANDLED);
    if (model->errors.walked >= ERROR_WALKED_MAX << last)
        return false;
    model->errors.walked += (live->places ? UINT64_C(1) << live->bits : 0) +
                            (freed->ring ? UINT64_C(1) << freed->bits : 0);
    return true;
}

/* False if there is no time for it. */
static bool error_find_nearest(struct trace_model *model, const struct memory_error *error,
                               uint64_t address, struct nearest *nearest)
{
    *nearest = (struct nearest){.address = address};
    if (model->heap.sample_interval || !error_may_walk(model, error))
        return false;
    error_nearest_live(&model->heap, nearest);
    error_nearest_freed(&model->heap, nearest);
    return nearest->found;
}

static void error_place_block(const struct trace_model *model, const struct nearest *nearest,
                              struct memory_error *error)
{
    bool freed = nearest->freed;
    if (nearest->distance == 0) {
        error->place = freed ? ERROR_PLACE_INSIDE_FREED : ERROR_PLACE_INSIDE_LIVE;
        error->offset = nearest->address - nearest->start;
    } else if (nearest->address > nearest->start) {
        error->place = freed ? ERROR_PLACE_AFTER_FREED : ERROR_PLACE_AFTER_LIVE;
        error->offset = nearest->distance - 1;
    } else {
        error->place = freed ? ERROR_PLACE_BEFORE_FREED : ERROR_PLACE_BEFORE_LIVE;
        error->offset = nearest->distance;
    }
    error->block_size = nearest->size;
    error->allocated = model->sites.sites[nearest->site].node;
    error->freed = nearest->freed_by;
}

/* Of the stack that lies above it. */
static bool error_place_overflow(const struct trace_model *model, struct memory_error *error)
{
    const struct residency_model *residency = &model->residency;
    size_t index = residency_stack_find(residency, error->address);
    if (index == residency->stack_count || residency->stacks[index].low <= error->address ||
        residency->stacks[index].low - error->address > BELOW_STACK)
        return false;
    error->place = ERROR_PLACE_BELOW_STACK;
    error->place_id = residency->stacks[index].tid;
    error->offset = residency->stacks[index].low - error->address;
    return true;
}

/* What it is a part of now. */
static bool error_place_owner(const struct trace_model *model, struct memory_error *error)
{
    struct fault_place place;
    fault_owner_find(&model->faults, error->address, &place);
    error->place_id = place.target.id;
    error->offset = error->address - place.start;
    error->block_size = place.end - place.start;
    switch (place.target.owner) {
    case FAULT_OWNER_STACK:
        error->place = ERROR_PLACE_STACK;
        if (error->kind == ERROR_CRASH) { /* the rest of it can be used */
            error->place = ERROR_PLACE_BELOW_STACK;
            error->offset = 0;
        }
        return true;
    case FAULT_OWNER_MAPPING:
    case FAULT_OWNER_FILE:
        error->place = ERROR_PLACE_MAPPING;
        error->allocated = model->sites.sites[place.target.id].node;
        return true;
    case FAULT_OWNER_MODULE:
        error->place = ERROR_PLACE_MODULE;
        return true;
    default:
        return false;
    }
}

/* What it was a part of. */
static bool error_place_past(const struct trace_model *model, struct memory_error *error)
{
    const struct unmapped_piece *piece = unmap_history_covering(&model->unmapped, error->address);
    if (piece) {
        error->place = ERROR_PLACE_UNMAPPED;
        error->place_id = piece->site;
        error->offset = error->address - piece->start;
        error->block_size = piece->end - piece->start;
        error->allocated = model->sites.sites[piece->site].node;
        error->freed = piece->node;
        return true;
    }
    uint32_t module = module_table_resolve(&model->modules, error->address, error->ticks);
    if (module == MODULE_NONE || model->modules.modules[module].unload_ticks > error->ticks)
        return false;
    error->place = ERROR_PLACE_MODULE_GONE;
    error->place_id = module;
    return true;
}

void error_place_find(void *context, struct memory_error *error)
{
    struct trace_model *model = context;
    struct nearest nearest;
    bool crash = error->kind == ERROR_CRASH;
    if (crash && error->address < NULL_PAGES) {
        error->place = ERROR_PLACE_NULL;
        error->offset = error->address;
        return;
    }
    bool known = error_find_nearest(model, error, error->address, &nearest);
    if (known && nearest.distance == 0)
        error_place_block(model, &nearest, error);
    else if (!error_place_owner(model, error) && !error_place_past(model, error) &&
             !(crash && error_place_overflow(model, error)) && known &&
             nearest.distance <= (crash ? NEAR_CRASH : NEAR_FREE))
        error_place_block(model, &nearest, error);
}

/* A register that holds an address, of whatever. */
static void error_place_register(struct trace_model *model, struct memory_error *error,
                                 unsigned number, uint64_t value)
{
    struct nearest nearest;
    if (value < NULL_PAGES || value >= ADDRESS_END ||
        !error_find_nearest(model, error, value, &nearest) || nearest.distance != 0 ||
        !nearest.freed)
        return;
    error->registers[error->register_count++] = (struct error_register){
        .number = number,
        .value = value,
        .offset = value - nearest.start,
        .block_size = nearest.size,
        .allocated = model->sites.sites[nearest.site].node,
        .freed = nearest.freed_by,
    };
}

/* Numbers that are no addresses are what is wrong only where the kernel could not tell one. */
void error_place_registers(struct trace_model *model, struct memory_error *error,
                           const uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count && error->register_count < ERROR_REGISTERS; i++) {
        bool wild = values[i] >= USER_END && values[i] < -USER_END;
        if (wild && error->code == CODE_KERNEL)
            error->registers[error->register_count++] =
                (struct error_register){.number = i, .wild = true, .value = values[i]};
        else
            error_place_register(model, error, i, values[i]);
    }
}
