/* SPDX-License-Identifier: Apache-2.0 */
/* What was touched, in words. */
#include <string.h>

#include "query/fault_sums.h"

#define THREAD_DATA 8192 /* bytes: libc's descriptor and small thread-local storage */

#define STARTS(text, start) (strncmp(text, start, sizeof(start) - 1) == 0)

static const struct module *fault_code_module(const struct report_build *build, uint32_t code)
{
    const struct trace_model *model = build->model;
    if (code == STACK_NONE || code < STACK_FIRST)
        return NULL;
    uint32_t module = stack_tree_module(&model->stacks, &model->modules, code);
    return module == MODULE_NONE ? NULL : &model->modules.modules[module];
}

/* Whether the code belongs to the allocator's own work.  libc has other code as well. */
static bool fault_code_allocates(struct report_build *build, uint32_t code)
{
    static const char *const names[] = {"malloc",       "calloc", "realloc",   "memalign",
                                        "tcache",       "arena",  "sysmalloc", "systrim",
                                        "unlink_chunk", "heap_",  "cfree"};
    bool good = true;
    const struct module *module = fault_code_module(build, code);
    const char *allocator = process_facts_get(&build->model->facts, "allocator");
    if (!module || !allocator || strcmp(module->path, allocator) != 0)
        return false;
    const char *base = strrchr(allocator, '/');
    base = base ? base + 1 : allocator;
    if (!STARTS(base, "libc.") && !STARTS(base, "libc-"))
        return true;
    const struct report_stack *stack = report_build_stack(build, code, &good);
    const char *function = stack && stack->count ? stack->frames[0].function : NULL;
    if (!function || strcmp(function, "free") == 0 || strstr(function, "_int_free"))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strstr(function, names[i]))
            return true;
    }
    return false;
}

/* The mapping of the process at its last snapshot, or NULL. */
static const struct residency_region *fault_region_at(const struct trace_model *model,
                                                      uint64_t address)
{
    const struct residency_model *residency = &model->residency;
    size_t low = 0, high = residency->region_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (residency->regions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < residency->region_count && residency->regions[low].start <= address
               ? &residency->regions[low]
               : NULL;
}

static const char *fault_thread_name(struct report_build *build, uint32_t tid)
{
    const struct thread_table *threads = &build->model->threads;
    uint32_t index = hash_map_get(&threads->by_tid, tid);
    const char *name = index < threads->count ? threads->threads[index].name : NULL;
    if (tid == build->model->header.pid)
        return arena_printf(build->arena, "main thread");
    return name ? arena_printf(build->arena, "thread %u, %s", tid, name)
                : arena_printf(build->arena, "thread %u", tid);
}

/* Whose stack it is, also where it was touched before its thread had a record; libc puts the
 * thread's own data right above it. */
static uint32_t fault_stack_tid(const struct trace_model *model, uint64_t address)
{
    const struct residency_model *residency = &model->residency;
    size_t index = residency_stack_find(residency, address);
    if (index < residency->stack_count && residency->stacks[index].low <= address)
        return residency->stacks[index].tid;
    if (index > 0 && address - residency->stacks[index - 1].high < THREAD_DATA)
        return residency->stacks[index - 1].tid;
    return 0;
}

/* The part that holds most of the region, by size. */
static enum residency_part fault_region_part(const struct residency_region *region)
{
    enum residency_part most = PART_OTHER;
    for (enum residency_part part = 0; part < PART_COUNT; part++) {
        if (region->parts[part].size > region->parts[most].size)
            most = part;
    }
    return most;
}

/* Memory that no record announced: the last snapshot, or who touched it, says more. */
static bool fault_target_unknown(struct report_build *build, const struct fault_target *target,
                                 uint32_t code, struct report_fault_target *out)
{
    const struct module *module = fault_code_module(build, code);
    const struct residency_region *region = fault_region_at(build->model, target->address);
    enum residency_part part = region ? fault_region_part(region) : PART_OTHER;
    uint32_t tid = fault_stack_tid(build->model, target->address);
    out->kind = "other";
    if (part == PART_TRACER || (module && (module->flags & VMT_MODULE_TRACER))) {
        out->kind = "tracer";
    } else if (tid || part == PART_STACKS) {
        out->kind = "stack";
        out->name = fault_thread_name(build, tid ? tid : build->model->header.pid);
        return out->name != NULL;
    } else if (part == PART_FILES && region->name && region->name[0]) {
        out->kind = "file";
        out->name = report_copy(build, region->name);
        return out->name != NULL;
    } else if (fault_code_allocates(build, code)) {
        out->kind = "allocator";
    } else if (build->model->header.flags & VMT_FLAG_FORKED) {
        out->name = build->model->inheritance.state == INHERIT_TAKEN
                        ? "memory inherited from the parent process"
                        : "memory inherited from the parent process, whose trace knows the owner";
    } else if (part == PART_LIVE || part == PART_FREE) {
        bool sampled = build->model->heap.sample_interval > 0;
        out->kind = sampled ? "heap" : "allocator";
        out->name = sampled ? "heap memory of blocks that were not sampled" : NULL;
    } else if (region && region->name && region->name[0]) {
        out->name = report_copy(build, region->name);
        return out->name != NULL;
    }
    return true;
}

static enum fault_part fault_segment_part(enum symbol_segment segment)
{
    switch (segment) {
    case SYMBOL_SEGMENT_CODE:
    case SYMBOL_SEGMENT_CONSTANT:
        return FAULT_PART_CODE;
    case SYMBOL_SEGMENT_BSS:
        return FAULT_PART_BSS;
    default:
        return FAULT_PART_DATA;
    }
}

/* A variable by its name, code and constants by their binary. */
static bool fault_target_module(struct report_build *build, const struct fault_target *target,
                                struct report_fault_target *out, enum fault_part *part)
{
    uint64_t offset;
    const struct module *module = &build->model->modules.modules[target->id];
    const struct symbol_module *symbols =
        frame_cache_module(&build->frames, target->id, &out->module);
    if (!symbols)
        return false;
    if (module->flags & VMT_MODULE_TRACER) {
        out->kind = "tracer";
        out->module = NULL;
        return true;
    }
    const char *variable = NULL;
    enum symbol_segment segment = SYMBOL_SEGMENT_UNKNOWN;
    if (build->frames.symbolizer) {
        segment = symbolizer_segment(build->frames.symbolizer, symbols, target->address);
        variable = symbolizer_object(build->frames.symbolizer, symbols, target->address, &offset);
    }
    *part = fault_segment_part(segment);
    out->kind = *part == FAULT_PART_CODE ? "code" : "data";
    if (segment == SYMBOL_SEGMENT_CONSTANT && !variable)
        variable = "constants";
    else if (segment == SYMBOL_SEGMENT_CODE)
        variable = NULL;
    out->name = report_copy(build, variable);
    return !variable || out->name;
}

bool fault_target_resolve(struct report_build *build, const struct fault_target *target,
                          uint32_t code, struct report_fault_target *out, enum fault_part *part)
{
    *out =
        (struct report_fault_target){.first_offset = REPORT_UNKNOWN, .last_offset = REPORT_UNKNOWN};
    *part = FAULT_PART_NONE;
    switch (target->owner) {
    case FAULT_OWNER_STACK:
        out->kind = "stack";
        out->name = fault_thread_name(build, target->id);
        return out->name != NULL;
    case FAULT_OWNER_MODULE:
        return fault_target_module(build, target, out, part);
    case FAULT_OWNER_ALLOCATOR:
        out->kind = "allocator";
        return true;
    case FAULT_OWNER_NONE:
        return fault_target_unknown(build, target, code, out);
    case FAULT_OWNER_FILE:
        out->kind = "file";
        out->name = report_copy(build, build->model->sites.sites[target->id].name);
        out->first_offset = target->first_offset;
        out->last_offset = target->last_offset;
        break;
    case FAULT_OWNER_BLOCK:
        out->kind = "heap";
        break;
    case FAULT_OWNER_MAPPING:
        out->kind = "mapping";
        break;
    }
    out->site = &build->sites[target->id];
    if (target->owner != FAULT_OWNER_FILE) /* where several files were mapped it has none */
        out->name = out->site->kind;
    return true;
}
