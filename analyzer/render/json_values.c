/* SPDX-License-Identifier: Apache-2.0 */
#include "render/json_values.h"

#include <inttypes.h>
#include <stdio.h>

#include "query/own_frame.h"
#include "render/json_stream.h"

json_t *json_frame(const struct report_frame *frame, bool whole)
{
    if (frame == NULL)
        return json_null();
    json_t *object = json_object();
    json_add(&object, "function", json_text(frame->function));
    json_add(&object, "file", json_text(frame->file));
    json_add(&object, "line", frame->line > 0 ? json_integer(frame->line) : json_null());
    json_add(&object, "module", json_text(frame->module));
    json_add(&object, "offset", json_count(frame->offset));
    if (whole)
        json_add(&object, "function_offset",
                 frame->function ? json_count(frame->function_offset) : json_null());
    json_add(&object, "inlined", json_boolean(frame->inlined));
    json_add(&object, "application", json_boolean(frame->application));
    return object;
}

json_t *json_stack(const struct report_stack *stack)
{
    if (stack == NULL)
        return json_null();
    json_t *array = json_array();
    for (size_t i = 0; array && i < stack->count; i++) {
        if (json_array_append_new(array, json_frame(&stack->frames[i], false)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *json_own_frame(const struct report_stack *stack)
{
    if (stack == NULL || stack->count == 0)
        return json_null();
    return json_frame(own_frame(stack), false);
}

/* Positions in the list "frames". */
static json_t *json_frame_numbers(const struct report_stack *stack)
{
    json_t *array = json_array();
    for (size_t i = 0; array && stack && i < stack->count; i++) {
        if (json_array_append_new(array, json_integer(stack->frames[i].number)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* Of estimates: half the width of the 95 % interval of the member without "_error". */
static void add_errors(json_t **object, const struct report_margin *margin)
{
    json_add(object, "bytes_error", json_count(margin->bytes));
    json_add(object, "blocks_error", json_count(margin->blocks));
}

static void add_live_errors(json_t **object, const struct report_site *site)
{
    json_add(object, "live_bytes_error", json_count(site->live_margin.bytes));
    json_add(object, "live_blocks_error", json_count(site->live_margin.blocks));
}

json_t *json_site(const struct report_site *site)
{
    json_t *object = json_object();
    json_add(&object, "kind", json_text(site->kind));
    json_add(&object, "allocations", json_count(site->allocations));
    json_add(&object, "bytes_allocated", json_count(site->bytes_allocated));
    json_add(&object, "temporary", json_count(site->temporary));
    json_add(&object, "peak_bytes", json_count(site->peak_bytes));
    json_add(&object, "peak_blocks", json_count(site->peak_blocks));
    json_add(&object, "own_peak_bytes", json_count(site->own_peak_bytes));
    json_add(&object, "live_bytes", json_count(site->live_bytes));
    json_add(&object, "live_blocks", json_count(site->live_blocks));
    json_add(&object, "first_ns", json_count(site->first_ns));
    json_add(&object, "last_ns", json_count(site->last_ns));
    json_add(&object, "largest", json_count(site->largest));
    json_add(&object, "minor_faults", json_count(site->minor_faults));
    json_add(&object, "major_faults", json_count(site->major_faults));
    json_add(&object, "failed", json_count(site->failed));
    json_add(&object, "resident_bytes", json_count(site->resident_bytes));
    json_add(&object, "stack_cut", json_boolean(site->stack && site->stack->cut));
    json_add(&object, "stack_lost", json_boolean(site->stack == NULL || site->stack->lost));
    json_add(&object, "frames", json_frame_numbers(site->stack));
    if (site->inherited)
        json_add(&object, "inherited", json_boolean(true));
    if (site->estimated) {
        json_add(&object, "samples", json_count(site->recorded));
        json_add(&object, "allocations_error", json_count(site->allocated_margin.blocks));
        json_add(&object, "bytes_allocated_error", json_count(site->allocated_margin.bytes));
        add_live_errors(&object, site);
    }
    return object;
}

static json_t *stack_or_empty(const struct report_site *site)
{
    return site->stack ? json_stack(site->stack) : json_array();
}

/* Hexadecimal text: an address may use all 64 bits, which readers of JSON numbers round. */
static json_t *address_text(uint64_t address)
{
    return address == REPORT_UNKNOWN ? json_null() : json_sprintf("0x%" PRIx64, address);
}

static json_t *json_objects(const struct report_leak *leak)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < leak->object_count; i++) {
        json_t *object = json_object();
        json_add(&object, "address", address_text(leak->objects[i].address));
        json_add(&object, "bytes", json_count(leak->objects[i].bytes));
        if (json_array_append_new(array, object) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *json_leak(const struct report_leak *leak, const struct json_sites *sites)
{
    static const char *const classes[] = {
        [REPORT_LEAK_DEFINITE] = "definite",   [REPORT_LEAK_INDIRECT] = "indirect",
        [REPORT_LEAK_POSSIBLE] = "possible",   [REPORT_LEAK_REACHABLE] = "reachable",
        [REPORT_LEAK_UNSCANNED] = "unscanned",
    };
    json_t *object = json_object();
    json_add(&object, "class", json_text(classes[leak->class]));
    json_add(&object, "bytes", json_count(leak->bytes));
    json_add(&object, "blocks", json_count(leak->blocks));
    json_add(&object, "suppressed", json_boolean(leak->suppressed));
    json_add(&object, "oldest_ns", json_count(leak->oldest_ns));
    json_add(&object, "newest_ns", json_count(leak->newest_ns));
    json_add(&object, "pool", json_text(leak->pool));
    json_add(&object, "kind", json_text(leak->site->kind));
    json_add(&object, "site", json_site_number(sites, leak->site));
    json_add(&object, "stack", stack_or_empty(leak->site));
    if (leak->class == REPORT_LEAK_DEFINITE) {
        json_add(&object, "indirect_bytes", json_count(leak->indirect_bytes));
        json_add(&object, "indirect_blocks", json_count(leak->indirect_blocks));
        json_add(&object, "scans_seen", json_count(leak->scans_seen));
        json_add(&object, "before_bytes",
                 leak->before ? json_count(leak->before_bytes) : json_null());
        json_add(&object, "before_blocks",
                 leak->before ? json_count(leak->before_blocks) : json_null());
    }
    if (leak->estimated) {
        json_add(&object, "samples", json_count(leak->recorded));
        add_errors(&object, &leak->margin);
    }
    if (leak->object_count)
        json_add(&object, "objects", json_objects(leak));
    return object;
}

json_t *json_suppression(const struct report_suppression *suppression)
{
    json_t *object = json_object();
    json_add(&object, "name", json_text(suppression->name));
    json_add(&object, "file", json_text(suppression->file));
    json_add(&object, "line", json_count(suppression->line));
    json_add(&object, "type", json_text(suppression->type));
    json_add(&object, "builtin", json_boolean(suppression->builtin));
    json_add(&object, "matches", json_count(suppression->matches));
    json_add(&object, "blocks", json_count(suppression->blocks));
    json_add(&object, "bytes", json_count(suppression->bytes));
    return object;
}

json_t *json_growth_site(const struct report_site *site, const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "live_bytes", json_count(site->live_bytes));
    json_add(&object, "live_blocks", json_count(site->live_blocks));
    json_add(&object, "resident_bytes", json_count(site->resident_bytes));
    json_add(&object, "swapped_bytes", json_count(site->swapped_bytes));
    json_add(&object, "site", json_site_number(sites, site));
    json_add(&object, "stack", stack_or_empty(site));
    if (site->estimated)
        add_live_errors(&object, site);
    return object;
}

json_t *json_peak_site(const struct report_site *site, const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "bytes", json_count(site->peak_bytes));
    json_add(&object, "blocks", json_count(site->peak_blocks));
    json_add(&object, "site", json_site_number(sites, site));
    if (site->estimated)
        add_errors(&object, &site->peak_margin);
    return object;
}

static json_t *json_registers(const struct report_error *error)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < error->register_count; i++) {
        const struct report_register *at = &error->registers[i];
        json_t *object = json_object();
        json_add(&object, "detail", json_text(at->words));
        json_add(&object, "allocated", json_stack(at->allocated));
        json_add(&object, "freed", json_stack(at->freed));
        if (json_array_append_new(list, object) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *json_error(const struct report_error *error)
{
    json_t *object = json_object();
    json_add(&object, "kind", json_text(error->kind));
    json_add(&object, "address", address_text(error->address));
    json_add(&object, "t_ns", json_count(error->t_ns));
    json_add(&object, "tid", json_count(error->tid));
    json_add(&object, "count", json_count(error->count));
    json_add(&object, "suppressed", json_boolean(error->suppressed));
    json_add(&object, "detail", json_text(error->detail));
    json_add(&object, "stack", error->stack ? json_stack(error->stack) : json_array());
    json_add(&object, "allocated", json_stack(error->allocated));
    json_add(&object, "freed", json_stack(error->freed));
    if (error->hint)
        json_add(&object, "hint", json_text(error->hint));
    if (error->handled)
        json_add(&object, "handled", json_true());
    if (error->register_count)
        json_add(&object, "registers", json_registers(error));
    return object;
}

json_t *json_sample(const struct report_sample *sample)
{
    json_t *object = json_object();
    json_add(&object, "t_ns", json_count(sample->t_ns));
    json_add(&object, "rss_bytes", json_count(sample->rss_bytes));
    json_add(&object, "virtual_bytes", json_count(sample->virtual_bytes));
    json_add(&object, "live_bytes", json_count(sample->live_bytes));
    json_add(&object, "minor_faults", json_count(sample->minor_faults));
    json_add(&object, "major_faults", json_count(sample->major_faults));
    json_add(&object, "swap_bytes", json_count(sample->swap_bytes));
    json_add(&object, "free_heap_bytes", json_count(sample->free_heap_bytes));
    return object;
}
