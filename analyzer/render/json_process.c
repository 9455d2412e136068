/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the JSON report that are about the process as a whole. */
#include <stdlib.h>
#include <string.h>

#include "render/json_stream.h"
#include "render/json_values.h"

static json_t *argument_array(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < report->argc; i++) {
        if (json_array_append_new(array, json_text(report->argv[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *inherited_object(const struct report_inherited *inherited)
{
    json_t *object = json_object();
    json_add(&object, "state", json_text(inherited->state));
    json_add(&object, "trace", json_text(inherited->trace));
    json_add(&object, "pid", inherited->pid ? json_count(inherited->pid) : json_null());
    json_add(&object, "blocks", json_count(inherited->blocks));
    json_add(&object, "bytes", json_count(inherited->bytes));
    json_add(&object, "mappings", json_count(inherited->mappings));
    json_add(&object, "live_blocks", json_count(inherited->live_blocks));
    json_add(&object, "live_bytes", json_count(inherited->live_bytes));
    json_add(&object, "copied_pages", json_count(inherited->copies));
    return object;
}

json_t *json_process(const struct report *report)
{
    static const char *const ends[] = {
        [REPORT_END_EXIT] = "exit",       [REPORT_END_SIGNAL] = "signal",
        [REPORT_END_EXEC] = "exec",       [REPORT_END_KILLED] = "killed",
        [REPORT_END_RUNNING] = "running",
    };
    json_t *object = json_object();
    json_add(&object, "pid", json_count(report->pid));
    json_add(&object, "ppid", json_count(report->ppid));
    json_add(&object, "forked", json_boolean(report->forked));
    if (report->forked)
        json_add(&object, "inherited", inherited_object(&report->inherited));
    json_add(&object, "exe", json_text(report->exe));
    json_add(&object, "argv", argument_array(report));
    json_add(&object, "start_time_ns", json_count(report->start_time_ns));
    json_add(&object, "duration_ns", json_count(report->duration_ns));
    json_add(&object, "end", json_text(ends[report->end]));
    json_add(&object, "exit_status",
             report->exit_status >= 0 ? json_integer(report->exit_status) : json_null());
    json_add(&object, "signal", report->signal ? json_integer(report->signal) : json_null());
    json_add(&object, "threads", json_count(report->threads_seen));
    json_add(&object, "user_cpu_ns", json_count(report->user_cpu_ns));
    json_add(&object, "system_cpu_ns", json_count(report->system_cpu_ns));
    return object;
}

/* "_error": half the width of the 95 % interval. */
static void add_estimates(json_t **summary, const struct report *report)
{
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"sample_interval", report->sample_interval},
        {"samples", report->recorded},
        {"allocations_error", report->allocated_margin.blocks},
        {"bytes_allocated_error", report->allocated_margin.bytes},
        {"frees_error", report->freed_margin.blocks},
        {"bytes_freed_error", report->freed_margin.bytes},
        {"peak_live_bytes_error", report->peak_margin.bytes},
        {"peak_live_blocks_error", report->peak_margin.blocks},
        {"live_bytes_at_end_error", report->live_margin.bytes},
        {"live_blocks_at_end_error", report->live_margin.blocks},
        {"leaked_bytes_error", report->leaked_margin.bytes},
        {"leaked_blocks_error", report->leaked_margin.blocks},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_add(summary, counts[i].key, json_count(counts[i].value));
    json_add(summary, "errors_judged", json_boolean(0));
}

/* Members of the contract first, then what this program adds. */
json_t *json_summary(const struct report *report)
{
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"allocations", report->allocations},
        {"frees", report->frees},
        {"bytes_allocated", report->bytes_allocated},
        {"peak_live_bytes", report->peak_live_bytes},
        {"peak_live_blocks", report->peak_live_blocks},
        {"live_bytes_at_end", report->live_bytes_at_end},
        {"live_blocks_at_end", report->live_blocks_at_end},
        {"leaked_bytes", report->leaked_bytes},
        {"leaked_blocks", report->leaked_blocks},
        {"minor_faults", report->minor_faults},
        {"major_faults", report->major_faults},
        {"peak_rss_bytes", report->peak_rss_bytes},
        {"lost_events", report->lost_events},
        {"bytes_freed", report->bytes_freed},
        {"failed_allocations", report->failed_allocations},
        {"reallocations", report->reallocations},
        {"temporary", report->temporary},
        {"peak_t_ns", report->peak_t_ns},
        {"most_live_blocks", report->most_live_blocks},
        {"most_live_blocks_t_ns", report->most_live_blocks_t_ns},
        {"mapped_bytes", report->mapped_bytes},
        {"unmapped_bytes", report->unmapped_bytes},
        {"map_calls", report->map_calls},
        {"unmap_calls", report->unmap_calls},
        {"live_mapped_bytes", report->live_mapped_bytes},
        {"advise_calls", report->advise_calls},
        {"advised_bytes", report->advised_bytes},
        {"attributed_minor_faults", report->attributed_minor},
        {"attributed_major_faults", report->attributed_major},
        {"rss_at_end_bytes", report->rss_at_end_bytes},
        {"virtual_at_end_bytes", report->virtual_at_end_bytes},
        {"inherited_frees", report->inherited_frees},
        {"impossible", report->impossible},
        {"trace_bytes", report->trace_bytes},
        {"trace_events", report->trace_events},
    };
    json_t *summary = json_object();
    json_add(&summary, "fault_source", json_text(report->fault_source));
    json_add(&summary, "sampled", json_boolean(report->sample_interval > 0));
    json_add(&summary, "scan", json_text(report->scan));
    json_add(&summary, "kernel_faults", json_boolean(report->kernel_faults));
    json_add(&summary, "exact_faults", json_boolean(report->exact_faults));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_add(&summary, counts[i].key, json_count(counts[i].value));
    if (report->sample_interval)
        add_estimates(&summary, report);
    return summary;
}

json_t *json_phase(const struct report_phase *phase)
{
    json_t *object = json_object();
    json_add(&object, "name", json_text(phase->name));
    json_add(&object, "begin_ns", json_count(phase->begin_ns));
    json_add(&object, "end_ns", json_count(phase->end_ns));
    json_add(&object, "ended", json_boolean(phase->ended));
    json_add(&object, "allocations", json_count(phase->allocations));
    json_add(&object, "frees", json_count(phase->frees));
    json_add(&object, "bytes_allocated", json_count(phase->bytes_allocated));
    json_add(&object, "live_bytes_begin", json_count(phase->live_bytes_begin));
    json_add(&object, "live_bytes_end", json_count(phase->live_bytes_end));
    json_add(&object, "survivors_bytes", json_count(phase->survivors_bytes));
    json_add(&object, "survivors_blocks", json_count(phase->survivors_blocks));
    json_add(&object, "peak_live_bytes", json_count(phase->peak_live_bytes));
    json_add(&object, "leaked_bytes", json_count(phase->leaked_bytes));
    json_add(&object, "leaked_blocks", json_count(phase->leaked_blocks));
    return object;
}

json_t *json_scan(const struct report_scan *scan, bool judge)
{
    static const char *const keys[][2] = {
        [REPORT_LEAK_DEFINITE] = {"definite_bytes", "definite_blocks"},
        [REPORT_LEAK_INDIRECT] = {"indirect_bytes", "indirect_blocks"},
        [REPORT_LEAK_POSSIBLE] = {"possible_bytes", "possible_blocks"},
        [REPORT_LEAK_REACHABLE] = {"reachable_bytes", "reachable_blocks"},
    };
    json_t *object = json_object();
    json_add(&object, "number", json_count(scan->number));
    json_add(&object, "reason", json_text(scan->reason));
    json_add(&object, "name", json_text(scan->name));
    json_add(&object, "t_ns", json_count(scan->t_ns));
    json_add(&object, "stop", json_text(scan->stop));
    json_add(&object, "threads", json_count(scan->threads));
    json_add(&object, "stopped", json_count(scan->stopped));
    json_add(&object, "pause_ns", json_count(scan->pause_ns));
    json_add(&object, "duration_ns", json_count(scan->duration_ns));
    json_add(&object, "pointers", json_count(scan->pointers));
    json_add(&object, "unreadable_bytes", json_count(scan->unreadable_bytes));
    json_add(&object, "failure", json_text(scan->failure));
    json_add(&object, "judges", json_boolean(judge));
    json_add(&object, "certain", json_boolean(scan->certain));
    json_add(&object, "all_blocks", json_boolean(scan->all_blocks));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        bool known = scan->failure == NULL;
        json_add(&object, keys[i][0], known ? json_count(scan->classes[i].bytes) : json_null());
        json_add(&object, keys[i][1], known ? json_count(scan->classes[i].blocks) : json_null());
    }
    return object;
}

json_t *json_snapshot(const struct report_snapshot *snapshot)
{
    json_t *object = json_object();
    json_add(&object, "name", json_text(snapshot->name));
    json_add(&object, "t_ns", json_count(snapshot->t_ns));
    json_add(&object, "live_bytes", json_count(snapshot->live_bytes));
    json_add(&object, "live_blocks", json_count(snapshot->live_blocks));
    json_add(&object, "rss_bytes", json_count(snapshot->rss_bytes));
    json_add(&object, "residency",
             snapshot->residency == REPORT_NO_RESIDENCY ? json_null()
                                                        : json_count(snapshot->residency));
    return object;
}

json_t *json_thread(const struct report_thread *thread)
{
    json_t *object = json_object();
    json_add(&object, "tid", json_count(thread->tid));
    json_add(&object, "name", json_text(thread->name));
    json_add(&object, "allocations", json_count(thread->allocations));
    json_add(&object, "frees", json_count(thread->frees));
    json_add(&object, "bytes_allocated", json_count(thread->bytes_allocated));
    json_add(&object, "minor_faults", json_count(thread->minor_faults));
    json_add(&object, "major_faults", json_count(thread->major_faults));
    return object;
}

json_t *json_pool(const struct report_pool *pool)
{
    json_t *object = json_object();
    json_add(&object, "name", json_text(pool->name));
    json_add(&object, "allocations", json_count(pool->allocations));
    json_add(&object, "frees", json_count(pool->frees));
    json_add(&object, "bytes_allocated", json_count(pool->bytes_allocated));
    json_add(&object, "live_bytes", json_count(pool->live_bytes));
    json_add(&object, "live_blocks", json_count(pool->live_blocks));
    json_add(&object, "peak_bytes", json_count(pool->peak_bytes));
    return object;
}

json_t *json_mapping(const struct report_mapping *mapping, const struct json_sites *sites)
{
    const struct report_stack *stack = mapping->site ? mapping->site->stack : NULL;
    json_t *object = json_object();
    json_add(&object, "calls", json_count(mapping->calls));
    json_add(&object, "bytes_mapped", json_count(mapping->bytes_mapped));
    json_add(&object, "live_bytes", json_count(mapping->live_bytes));
    json_add(&object, "live_mappings", json_count(mapping->live_mappings));
    json_add(&object, "name", json_text(mapping->name));
    json_add(&object, "site", json_site_number(sites, mapping->site));
    json_add(&object, "stack", stack ? json_stack(stack) : json_array());
    return object;
}

json_t *json_untraced(const struct report_untraced *child)
{
    json_t *object = json_object();
    json_add(&object, "pid", child->pid ? json_count(child->pid) : json_null());
    json_add(&object, "path", json_text(child->path));
    json_add(&object, "reason", json_text(child->reason));
    json_add(&object, "t_ns", json_count(child->t_ns));
    json_add(&object, "count", json_count(child->count));
    return object;
}

json_t *json_module(const struct report_module *module)
{
    json_t *object = json_object();
    json_add(&object, "path", json_text(module->path));
    json_add(&object, "start", json_count(module->start));
    json_add(&object, "end", json_count(module->end));
    json_add(&object, "build_id", json_text(module->build_id[0] ? module->build_id : NULL));
    return object;
}

static int by_address(const void *left, const void *right)
{
    const struct report_site *a = ((const struct json_site_number *)left)->site;
    const struct report_site *b = ((const struct json_site_number *)right)->site;
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

bool json_sites_init(struct json_sites *sites, const struct report *report, size_t listed)
{
    struct json_site_number *numbers = calloc(listed + 1, sizeof(*numbers));
    if (numbers == NULL)
        return false;
    for (size_t i = 0; i < listed; i++)
        numbers[i] = (struct json_site_number){report->sites[i], i};
    qsort(numbers, listed, sizeof(*numbers), by_address);
    *sites = (struct json_sites){numbers, listed};
    return true;
}

void json_sites_release(struct json_sites *sites)
{
    free((void *)sites->numbers);
}

json_t *json_site_number(const struct json_sites *sites, const struct report_site *site)
{
    const struct json_site_number wanted = {site, 0};
    const struct json_site_number *found =
        bsearch(&wanted, sites->numbers, sites->count, sizeof(wanted), by_address);
    return found ? json_count(found->number) : json_null();
}
