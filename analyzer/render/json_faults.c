/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults: "faults" and "fault_summary". */
#include "render/json_faults.h"

#include "query/own_frame.h"
#include "render/json_stream.h"

static json_t *kinds_object(const struct report_fault_counts *counts)
{
    static const char *const keys[] = {
        [REPORT_FAULT_FIRST] = "first_touch",  [REPORT_FAULT_HUGE] = "huge_page",
        [REPORT_FAULT_CACHED] = "file_cached", [REPORT_FAULT_DISK] = "file_disk",
        [REPORT_FAULT_COPY] = "copy_on_write", [REPORT_FAULT_WRITE] = "write_after_read",
        [REPORT_FAULT_RETURN] = "returned",    [REPORT_FAULT_SWAP] = "swap_in",
        [REPORT_FAULT_STACK] = "stack_growth",
    };
    json_t *object = json_object();
    for (size_t i = 0; i < REPORT_FAULT_KINDS; i++)
        if (counts->kinds[i])
            json_add(&object, keys[i], json_count(counts->kinds[i]));
    return object;
}

static void add_counts(json_t **object, const struct report_fault_counts *counts)
{
    json_add(object, "minor", json_count(counts->minor));
    json_add(object, "major", json_count(counts->major));
    json_add(object, "kinds", kinds_object(counts));
    json_add(object, "kernel", json_count(counts->kernel));
    json_add(object, "inferred", json_count(counts->inferred));
}

static json_t *target_object(const struct report_fault_target *target,
                             const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "kind", json_text(target->kind));
    json_add(&object, "name", json_text(target->name));
    json_add(&object, "module", json_text(target->module));
    json_add(&object, "site", target->site ? json_site_number(sites, target->site) : json_null());
    json_add(&object, "stack",
             target->site && target->site->stack ? json_stack(target->site->stack) : json_array());
    json_add(&object, "first_offset", json_count(target->first_offset));
    json_add(&object, "last_offset", json_count(target->last_offset));
    json_add(&object, "given_back_by", json_stack(target->giver));
    return object;
}

/* The exact place, innermost. */
static json_t *code_frame(const struct report_fault_code *code)
{
    return code->stack && code->stack->count ? json_frame(&code->stack->frames[0], false)
                                             : json_null();
}

static json_t *code_stack(const struct report_fault_code *code)
{
    return code->stack ? json_stack(code->stack) : json_array();
}

static json_t *pair_object(const struct report_fault *fault, const struct json_sites *sites)
{
    json_t *object = json_object();
    add_counts(&object, &fault->counts);
    json_add(&object, "code", code_frame(fault->code));
    json_add(&object, "code_stack", code_stack(fault->code));
    json_add(&object, "target", target_object(fault->target, sites));
    return object;
}

/* Where only counts are known: the fault hangs on the event that came next. */
static json_t *site_object(const struct report_site *site, const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "minor", json_count(site->counted_minor));
    json_add(&object, "major", json_count(site->counted_major));
    json_add(&object, "code", json_own_frame(site->stack));
    json_add(&object, "target", json_null());
    json_add(&object, "site", json_site_number(sites, site));
    return object;
}

static size_t listed(const struct render_options *options, size_t count)
{
    return options->json_top && options->json_top < count ? options->json_top : count;
}

static void write_codes(struct json_stream *stream, const struct report *report,
                        const struct render_options *options)
{
    json_stream_open(stream, "by_code", '[');
    for (size_t i = 0; i < listed(options, report->fault_code_count); i++) {
        const struct report_fault_code *code = report->fault_codes[i];
        json_t *object = json_object();
        add_counts(&object, &code->counts);
        json_add(&object, "code", code_frame(code));
        json_add(&object, "code_stack", code_stack(code));
        json_stream_item(stream, object);
    }
    json_stream_close(stream, ']');
}

static void write_targets(struct json_stream *stream, const struct report *report,
                          const struct json_sites *sites, const struct render_options *options)
{
    json_stream_open(stream, "by_target", '[');
    for (size_t i = 0; i < listed(options, report->fault_target_count); i++) {
        json_t *object = json_object();
        add_counts(&object, &report->fault_targets[i]->counts);
        json_add(&object, "target", target_object(report->fault_targets[i], sites));
        json_stream_item(stream, object);
    }
    json_stream_close(stream, ']');
}

static void write_totals(struct json_stream *stream, const struct report_fault_totals *totals)
{
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"total", totals->total},
        {"described", totals->described},
        {"inferred", totals->inferred},
        {"counted_by_event", totals->counted},
        {"not_described", totals->lost},
        {"before_recording", totals->before},
        {"not_seen", totals->unseen},
        {"owner_known", totals->owned},
        {"minor_fault_ns", totals->minor_ns},
        {"major_fault_ns", totals->major_ns},
        {"estimated_ns", totals->estimated_ns},
        {"fastest_per_second", totals->fastest},
        {"fastest_t_ns", totals->fastest_ns},
        {"fastest_length_ns", totals->fastest_length_ns},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_stream_member(stream, counts[i].key, json_count(counts[i].value));
    json_stream_member(stream, "cost_measured", json_boolean(totals->minor_measured));
    json_stream_member(stream, "major_cost_measured", json_boolean(totals->major_measured));
}

void json_faults(struct json_stream *stream, const struct report *report,
                 const struct json_sites *sites, const struct render_options *options)
{
    json_stream_open(stream, "faults", '[');
    for (size_t i = 0; i < listed(options, report->fault_count); i++)
        json_stream_item(stream, pair_object(&report->faults[i], sites));
    for (size_t i = 0; i < listed(options, report->fault_site_count); i++)
        json_stream_item(stream, site_object(report->fault_sites[i], sites));
    json_stream_close(stream, ']');
    json_stream_open(stream, "fault_summary", '{');
    write_totals(stream, &report->fault_totals);
    write_codes(stream, report, options);
    write_targets(stream, report, sites, options);
    json_stream_open(stream, "hints", '[');
    for (size_t i = 0; i < report->fault_hint_count; i++)
        json_stream_item(stream, json_text(report->fault_hints[i]));
    json_stream_close(stream, ']');
    json_stream_close(stream, '}');
}
