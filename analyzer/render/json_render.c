/* SPDX-License-Identifier: Apache-2.0 */
#include "render/json_faults.h"
#include "render/json_retention.h"
#include "render/json_stream.h"
#include "render/json_values.h"
#include "render/renderer.h"

/* How many of `count` entries --top lets through. */
static size_t listed(const struct render_options *options, size_t count)
{
    return options->json_top && options->json_top < count ? options->json_top : count;
}

static void write_leaks(struct json_stream *stream, const struct report *report,
                        const struct json_sites *sites, const struct render_options *options)
{
    size_t left = listed(options, report->leak_count);
    json_stream_open(stream, "leaks", '[');
    for (size_t i = 0; i < report->leak_count && left > 0; i++) {
        if (options->leak_classes & RENDER_LEAK_BIT(report->leaks[i].class)) {
            json_stream_item(stream, json_leak(&report->leaks[i], sites));
            left--;
        }
    }
    json_stream_close(stream, ']');
}

static void write_suppressions(struct json_stream *stream, const struct report *report)
{
    json_stream_open(stream, "suppressions", '[');
    for (size_t i = 0; i < report->suppression_count; i++)
        json_stream_item(stream, json_suppression(&report->suppressions[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "scans", '[');
    for (size_t i = 0; i < report->scan_count; i++)
        json_stream_item(stream, json_scan(&report->scans[i], &report->scans[i] == report->judge));
    json_stream_close(stream, ']');
}

static void write_growth(struct json_stream *stream, const struct report *report,
                         const struct json_sites *sites, const struct render_options *options)
{
    json_stream_open(stream, "growth", '{');
    json_stream_open(stream, "samples", '[');
    for (size_t i = 0; i < report->sample_count; i++)
        json_stream_item(stream, json_sample(&report->samples[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "frames", '[');
    for (size_t i = 0; i < report->frame_count; i++)
        json_stream_item(stream, json_frame(report->frames[i], true));
    json_stream_close(stream, ']');
    json_stream_open(stream, "sites", '[');
    for (size_t i = 0; i < listed(options, report->growth_site_count); i++)
        json_stream_item(stream, json_growth_site(report->growth_sites[i], sites));
    json_stream_close(stream, ']');
    json_write_memory(stream, report, sites, options->json_top);
    json_stream_close(stream, '}');
}

static void write_lists(struct json_stream *stream, const struct report *report,
                        const struct json_sites *sites, const struct render_options *options)
{
    json_faults(stream, report, sites, options);
    json_stream_open(stream, "errors", '[');
    for (size_t i = 0; i < report->error_count; i++)
        json_stream_item(stream, json_error(&report->errors[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "frames", '[');
    for (size_t i = 0; i < report->frame_count; i++)
        json_stream_item(stream, json_frame(report->frames[i], true));
    json_stream_close(stream, ']');
    json_stream_open(stream, "sites", '[');
    for (size_t i = 0; i < listed(options, report->site_count); i++)
        json_stream_item(stream, json_site(report->sites[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "peak", '[');
    for (size_t i = 0; i < listed(options, report->peak_site_count); i++)
        json_stream_item(stream, json_peak_site(report->peak_sites[i], sites));
    json_stream_close(stream, ']');
    json_stream_open(stream, "mappings", '[');
    for (size_t i = 0; i < listed(options, report->mapping_count); i++)
        json_stream_item(stream, json_mapping(&report->mappings[i], sites));
    json_stream_close(stream, ']');
}

static void write_details(struct json_stream *stream, const struct report *report)
{
    json_stream_open(stream, "phases", '[');
    for (size_t i = 0; i < report->phase_count; i++)
        json_stream_item(stream, json_phase(&report->phases[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "snapshots", '[');
    for (size_t i = 0; i < report->snapshot_count; i++)
        json_stream_item(stream, json_snapshot(&report->snapshots[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "threads", '[');
    for (size_t i = 0; i < report->thread_count; i++)
        json_stream_item(stream, json_thread(&report->threads[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "pools", '[');
    for (size_t i = 0; i < report->pool_count; i++)
        json_stream_item(stream, json_pool(&report->pools[i]));
    json_stream_close(stream, ']');
}

static void write_untraced(struct json_stream *stream, const struct report *report)
{
    json_stream_open(stream, "untraced_children", '[');
    for (size_t i = 0; i < report->untraced_count; i++)
        json_stream_item(stream, json_untraced(&report->untraced[i]));
    json_stream_close(stream, ']');
}

static void write_background(struct json_stream *stream, const struct report *report)
{
    json_stream_open(stream, "modules", '[');
    for (size_t i = 0; i < report->module_count; i++)
        json_stream_item(stream, json_module(&report->modules[i]));
    json_stream_close(stream, ']');
    json_stream_open(stream, "facts", '[');
    for (size_t i = 0; i < report->fact_count; i++)
        json_stream_item(stream, json_pack("{s:o, s:o}", "key", json_text(report->facts[i].key),
                                           "value", json_text(report->facts[i].value)));
    json_stream_close(stream, ']');
    json_stream_open(stream, "notes", '[');
    for (size_t i = 0; i < report->note_count; i++)
        json_stream_item(stream, json_text(report->notes[i]));
    json_stream_close(stream, ']');
}

bool json_render(const struct report *report, const struct render_options *options, FILE *out)
{
    struct json_stream stream;
    struct json_sites sites;
    if (!json_sites_init(&sites, report, listed(options, report->site_count)))
        return false;
    json_stream_begin(&stream, out);
    json_stream_member(&stream, "schema", json_string("vmtrace-report/1"));
    json_stream_member(&stream, "version", json_string(VMTRACE_VERSION));
    json_stream_member(&stream, "trace", json_text(report->trace_path));
    json_stream_member(&stream, "process", json_process(report));
    json_stream_member(&stream, "summary", json_summary(report));
    write_leaks(&stream, report, &sites, options);
    write_suppressions(&stream, report);
    json_write_retention(&stream, report, &sites, options->json_top);
    write_growth(&stream, report, &sites, options);
    write_lists(&stream, report, &sites, options);
    write_details(&stream, report);
    json_write_map(&stream, report, &sites);
    write_untraced(&stream, report);
    write_background(&stream, report);
    json_sites_release(&sites);
    return json_stream_end(&stream);
}
