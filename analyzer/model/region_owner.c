/* SPDX-License-Identifier: Apache-2.0 */
#include "model/region_owner.h"

#include <string.h>

/* glibc, malloc/arena.c: HEAP_MAX_SIZE where mmap's threshold is at most 32 MiB (64-bit). */
#define ARENA_PIECE (UINT64_C(64) << 20)
/* Smaller blocks are not mapped one by one: glibc's threshold never falls below 128 KiB. */
#define ARENA_BLOCK (UINT64_C(32) << 10)

/* A guard below a thread's stack is a page; pages have up to 64 KiB.  What follows a stack of the
 * usual size may be another mapping that the kernel has joined with it. */
#define GUARD_LARGEST (UINT64_C(64) << 10)
#define STACK_USUAL (UINT64_C(8) << 20)

static inline bool begins(const char *text, const char *start)
{
    return *text == *start && strncmp(text, start, strlen(start)) == 0;
}

bool region_is_file(const struct residency_region *region)
{
    const char *name = region->name;
    return name[0] == '/' && !begins(name + 1, "dev/zero") && !begins(name + 1, "memfd:") &&
           !begins(name + 1, "SYSV") && !begins(name + 1, "dev/shm/");
}

/* The trace by its name or, if it was renamed or compacted since, by how only the recorder maps
 * files: shared, writable, whole chunks or the header's page, and not by a call of the program's.
 */
static bool region_is_trace(const struct residency_model *model,
                            const struct residency_region *region)
{
    const char *slash = strrchr(region->name, '/');
    if (begins(region->name, "anon_inode:[perf_event]"))
        return true;
    if (!region_is_file(region) || !slash || !(region->flags & VMT_REGION_SHARED))
        return false;
    uint64_t size = region->end - region->start;
    bool chunks = size % VMT_CHUNK_SIZE == 0 && region->offset % VMT_CHUNK_SIZE == 0;
    bool header = size == model->maps->page_size && region->offset == 0;
    return (model->trace && strcmp(slash + 1, model->trace) == 0) ||
           ((region->flags & VMT_REGION_WRITE) && (chunks || header));
}

static void stretch_is(struct stretch *stretch, enum residency_part part)
{
    stretch->file_pages = stretch->pages = stretch->rest = part;
}

static void stretch_ends(struct stretch *stretch, uint64_t end)
{
    if (end < stretch->end)
        stretch->end = end;
}

/* Each of these is true when it has found the owner of `at`, and else has moved the stretch's
 * end to where that might be another's. */

static bool owner_recorder(const struct residency_capture *capture, uint64_t at,
                           struct stretch *stretch)
{
    size_t low = 0, high = capture->own_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (capture->own[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == capture->own_count)
        return false;
    if (capture->own[low].start > at) {
        stretch_ends(stretch, capture->own[low].start);
        return false;
    }
    stretch_ends(stretch, capture->own[low].end);
    stretch_is(stretch, PART_TRACER);
    return true;
}

static bool owner_stack(const struct residency_model *model, const struct residency_region *region,
                        uint64_t at, struct stretch *stretch)
{
    bool named = begins(region->name, "[stack");
    size_t i = residency_stack_find(model, at);
    const struct stack_range *stack = i < model->stack_count ? &model->stacks[i] : NULL;
    if (stack && stack->low > at) {
        stretch_ends(stretch, stack->low);
        stack = NULL;
    }
    if (!stack && !named)
        return false;
    if (stack) {
        stretch_ends(stretch, stack->high);
        stretch->tid = stack->tid;
    }
    stretch_is(stretch, PART_STACKS);
    return true;
}

static bool owner_mapping(const struct residency_model *model,
                          const struct residency_region *region, uint64_t at,
                          struct stretch *stretch)
{
    const struct mapping_list *list = &model->maps->list;
    size_t first, last = mapping_list_overlapping(list, at, at + 1, &first);
    if (first == last) {
        if (first > 0) /* they fall: the one before lies above */
            stretch_ends(stretch, list->mappings[first - 1].start);
        return false;
    }
    const struct mapping *mapping = &list->mappings[first];
    stretch_ends(stretch, mapping->end);
    stretch_is(stretch, mapping->flags & MAPPING_ALLOCATOR ? PART_FREE : PART_MAPPINGS);
    stretch->site = mapping->site;
    if (stretch->pages == PART_MAPPINGS && region_is_file(region))
        stretch->file_pages = PART_FILES;
    return true;
}

static bool owner_module(const struct residency_model *model, const struct residency_region *region,
                         uint64_t at, struct stretch *stretch)
{
    const struct module_table *table = model->modules;
    uint32_t index = module_table_current(table, at);
    if (index == MODULE_NONE) {
        stretch_ends(stretch, module_table_next_start(table, at));
        return false;
    }
    stretch_ends(stretch, table->modules[index].end);
    stretch->module = index;
    if (table->modules[index].flags & VMT_MODULE_TRACER) {
        stretch_is(stretch, PART_TRACER);
    } else {
        stretch_is(stretch, PART_OTHER);
        stretch->program_data = true;
        if (region_is_file(region))
            stretch->file_pages = PART_FILES;
    }
    return true;
}

/* Whether the 64 MiB from `base` on hold a part of an arena: what is used of them, from the start,
 * is followed by what is only reserved, or small blocks live there. */
static bool owner_is_arena(const struct residency_capture *capture, const struct block_order *order,
                           size_t index, uint64_t base)
{
    const struct residency_region *region = &capture->regions[index], *next = region + 1;
    if (base < region->start)
        return false;
    if (index + 1 < capture->region_count && next->start == region->end &&
        next->end - base == ARENA_PIECE && !(next->flags & (VMT_REGION_READ | VMT_REGION_WRITE)))
        return true;
    for (size_t i = block_order_find(order, base); i < order->count; i++) {
        const struct ordered_block *block = &order->blocks[i];
        if (block->start - base >= ARENA_PIECE || block->start >= region->end)
            return false;
        if (block->end - block->start < ARENA_BLOCK)
            return true;
    }
    return false;
}

static void stretch_ends_at_piece(struct stretch *stretch, uint64_t base)
{
    uint64_t end;
    if (!__builtin_add_overflow(base, ARENA_PIECE, &end))
        stretch_ends(stretch, end);
}

/* Where the next piece behind the one at `base` begins that may be an arena's: one in which a
 * block begins, or the last.  A region may have more pieces than can be gone through. */
static uint64_t owner_next_arena(const struct block_order *order,
                                 const struct residency_region *region, uint64_t base)
{
    uint64_t last = (region->end - 1) & ~(ARENA_PIECE - 1), next;
    if (base == last)
        return region->end;
    next = base + ARENA_PIECE;
    size_t i = block_order_find(order, next);
    if (i < order->count && order->blocks[i].start < next)
        i++;
    if (i < order->count && order->blocks[i].start < last)
        return order->blocks[i].start & ~(ARENA_PIECE - 1);
    return last;
}

/* The stack of a thread that never allocated: above a guard (nptl/allocatestack.c). */
static bool owner_is_guarded(const struct residency_capture *capture, size_t index)
{
    const struct residency_region *region = &capture->regions[index], *guard = region - 1;
    return index > 0 && guard->end == region->start && guard->name[0] == '\0' &&
           guard->end - guard->start <= GUARD_LARGEST &&
           !(guard->flags & (VMT_REGION_READ | VMT_REGION_WRITE | VMT_REGION_EXECUTE));
}

static void owner_anonymous(const struct residency_capture *capture,
                            const struct block_order *order, size_t index, uint64_t at,
                            struct stretch *stretch)
{
    const struct residency_region *region = &capture->regions[index];
    const char *name = region->name;
    uint64_t base = at & ~(ARENA_PIECE - 1), stack_end = region->start + STACK_USUAL;
    stretch_is(stretch, PART_OTHER);
    if (begins(name, "[heap]") || begins(name, "[anon: glibc") ||
        begins(name, "[anon:libc_malloc") || begins(name, "[anon:scudo")) {
        stretch_is(stretch, PART_FREE);
        return;
    }
    if (name[0] != '\0' || !(region->flags & VMT_REGION_WRITE))
        return;
    stretch->rest = PART_FREE; /* a block that is a mapping of its own */
    if (owner_is_arena(capture, order, index, base)) {
        stretch_ends_at_piece(stretch, base);
        stretch->pages = PART_FREE;
    } else if (at < stack_end && owner_is_guarded(capture, index)) {
        stretch_ends_at_piece(stretch, base);
        stretch_ends(stretch, stack_end);
        stretch->pages = PART_STACKS;
    } else {
        stretch_ends(stretch, owner_next_arena(order, region, base));
    }
}

struct stretch region_owner(const struct residency_model *model,
                            const struct residency_capture *capture,
                            const struct block_order *order, size_t index, uint64_t at)
{
    const struct residency_region *region = &capture->regions[index];
    struct stretch stretch = {.end = region->end, .site = SITE_NONE, .module = MODULE_NONE};
    if (owner_recorder(capture, at, &stretch) || owner_stack(model, region, at, &stretch) ||
        owner_mapping(model, region, at, &stretch))
        return stretch;
    if (region_is_trace(model, region)) {
        stretch_is(&stretch, PART_TRACER);
        return stretch;
    }
    if (owner_module(model, region, at, &stretch))
        return stretch;
    if (region_is_file(region))
        stretch_is(&stretch, PART_FILES);
    else
        owner_anonymous(capture, order, index, at, &stretch);
    return stretch;
}
