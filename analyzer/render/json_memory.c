/* SPDX-License-Identifier: Apache-2.0 */
/* Resident memory in the JSON report: snapshots, intervals, trend, address space. */
#include <inttypes.h>
#include <math.h>

#include "render/json_stream.h"
#include "render/json_values.h"

/* Keys as in "rss_at_end". */
static const char *const parts[REPORT_PARTS] = {
    [REPORT_PART_LIVE] = "live_blocks",  [REPORT_PART_FREE] = "allocator_free",
    [REPORT_PART_MAPPINGS] = "mappings", [REPORT_PART_FILES] = "files",
    [REPORT_PART_STACKS] = "stacks",     [REPORT_PART_TRACER] = "tracer",
    [REPORT_PART_OTHER] = "other",
};

static const struct report_residency *last_snapshot(const struct report *report)
{
    const struct report_memory *memory = report->memory;
    return memory->residency_count ? &memory->residencies[memory->residency_count - 1] : NULL;
}

json_t *json_rss_at_end(const struct report *report)
{
    const struct report_residency *last = last_snapshot(report);
    json_t *object = json_object();
    json_add(&object, "total_bytes", json_count(last ? last->rss_bytes : report->rss_at_end_bytes));
    for (size_t i = 0; i < REPORT_PARTS; i++)
        json_add(&object, parts[i], json_count(last ? last->parts[i].resident : REPORT_UNKNOWN));
    json_add(&object, "t_ns", json_count(last ? last->t_ns : REPORT_UNKNOWN));
    json_add(&object, "reason", json_text(last ? last->reason : NULL));
    return object;
}

static json_t *part_bytes(const struct report_residency *at, bool swapped)
{
    json_t *object = json_object();
    for (size_t i = 0; i < REPORT_PARTS; i++)
        json_add(&object, parts[i],
                 json_count(swapped ? at->parts[i].swapped : at->parts[i].resident));
    return object;
}

static json_t *resident_site(const struct report_resident_site *site,
                             const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "site", json_site_number(sites, site->site));
    json_add(&object, "part", json_text(parts[site->part]));
    json_add(&object, "live_bytes", json_count(site->bytes.size));
    json_add(&object, "live_blocks", json_count(site->blocks));
    json_add(&object, "resident_bytes", json_count(site->bytes.resident));
    json_add(&object, "swapped_bytes", json_count(site->bytes.swapped));
    json_add(&object, "untouched_bytes", json_count(site->untouched));
    json_add(&object, "huge_bytes", json_count(site->huge));
    json_add(&object, "file_bytes", json_count(site->of_files));
    json_add(&object, "pinned_bytes", json_count(site->pinned));
    json_add(&object, "pss_bytes", json_count(site->pss));
    return object;
}

static json_t *resident_file(const struct report_resident_file *file)
{
    json_t *object = json_object();
    json_add(&object, "name", json_text(file->name));
    json_add(&object, "bytes", json_count(file->bytes.size));
    json_add(&object, "resident_bytes", json_count(file->bytes.resident));
    json_add(&object, "swapped_bytes", json_count(file->bytes.swapped));
    return object;
}

static void write_figures(struct json_stream *stream, const struct report_residency *at)
{
    const struct {
        const char *key;
        uint64_t value;
    } figures[] = {
        {"t_ns", at->t_ns},
        {"rss_bytes", at->rss_bytes},
        {"kernel_rss_bytes", at->kernel_rss_bytes},
        {"virtual_bytes", at->virtual_bytes},
        {"swap_bytes", at->swap_bytes},
        {"page_table_bytes", at->page_table_bytes},
        {"locked_bytes", at->locked_bytes},
        {"pss_bytes", at->pss_bytes},
        {"anonymous_bytes", at->anonymous_bytes},
        {"shared_clean_bytes", at->shared_clean},
        {"shared_dirty_bytes", at->shared_dirty},
        {"private_clean_bytes", at->private_clean},
        {"private_dirty_bytes", at->private_dirty},
        {"huge_bytes", at->huge_bytes},
        {"program_data_bytes", at->program_data},
        {"free_page_bytes", at->free_pages},
        {"pinned_bytes", at->pinned},
        {"guessed_bytes", at->guessed},
        {"errno", at->error},
        {"duration_ns", at->duration_ns},
    };
    json_stream_member(stream, "reason", json_text(at->reason));
    json_stream_member(stream, "name", json_text(at->name));
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        json_stream_member(stream, figures[i].key, json_count(figures[i].value));
    json_stream_member(stream, "resident", part_bytes(at, false));
    json_stream_member(stream, "swapped", part_bytes(at, true));
}

static void write_residency(struct json_stream *stream, const struct report_residency *at,
                            const struct json_sites *sites, size_t top)
{
    json_stream_open(stream, NULL, '{');
    write_figures(stream, at);
    json_stream_open(stream, "sites", '[');
    for (size_t i = 0; i < at->site_count && (top == 0 || i < top); i++)
        json_stream_item(stream, resident_site(&at->sites[i], sites));
    json_stream_close(stream, ']');
    json_stream_open(stream, "files", '[');
    for (size_t i = 0; i < at->file_count && (top == 0 || i < top); i++)
        json_stream_item(stream, resident_file(&at->files[i]));
    json_stream_close(stream, ']');
    json_stream_close(stream, '}');
}

static json_t *cause_value(const struct report_cause *cause, const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "part", json_text(parts[cause->part]));
    json_add(&object, "bytes", json_integer(cause->bytes));
    json_add(&object, "site", cause->site ? json_site_number(sites, cause->site) : json_null());
    json_add(&object, "name", json_text(cause->name));
    return object;
}

static json_t *interval_value(const struct report_interval *interval,
                              const struct json_sites *sites, size_t top)
{
    json_t *object = json_object(), *deltas = json_object(), *causes = json_array();
    for (size_t i = 0; i < REPORT_PARTS; i++)
        json_add(&deltas, parts[i], json_integer(interval->parts[i]));
    for (size_t i = 0; causes && i < interval->cause_count && (top == 0 || i < top); i++) {
        if (json_array_append_new(causes, cause_value(&interval->causes[i], sites)) != 0) {
            json_decref(causes);
            causes = NULL;
        }
    }
    json_add(&object, "from",
             interval->from == REPORT_START ? json_null() : json_count(interval->from));
    json_add(&object, "to", json_count(interval->to));
    json_add(&object, "bytes", json_integer(interval->bytes));
    json_add(&object, "parts", deltas);
    json_add(&object, "causes", causes);
    return object;
}

static json_t *trend_value(const struct report_trend *trend)
{
    static const char *const kinds[] = {
        [REPORT_TREND_UNKNOWN] = "unknown", [REPORT_TREND_LEVEL] = "level",
        [REPORT_TREND_WARM_UP] = "warm-up", [REPORT_TREND_STEADY] = "steady",
        [REPORT_TREND_FALLING] = "falling", [REPORT_TREND_UNCLEAR] = "unclear",
    };
    json_t *object = json_object();
    json_add(&object, "kind", json_text(kinds[trend->kind]));
    json_add(&object, "from_ns", json_count(trend->from_ns));
    json_add(&object, "to_ns", json_count(trend->to_ns));
    json_add(&object, "points", json_count(trend->points));
    json_add(&object, "bytes_per_second", json_integer((json_int_t)llround(trend->slope)));
    json_add(&object, "bytes_per_second_low", json_integer((json_int_t)llround(trend->slope_low)));
    json_add(&object, "bytes_per_second_high",
             json_integer((json_int_t)llround(trend->slope_high)));
    json_add(&object, "confidence", json_real(trend->confidence));
    return object;
}

void json_write_memory(struct json_stream *stream, const struct report *report,
                       const struct json_sites *sites, size_t top)
{
    const struct report_memory *memory = report->memory;
    json_stream_member(stream, "rss_at_end", json_rss_at_end(report));
    json_stream_member(stream, "trend", trend_value(&memory->trend));
    json_stream_open(stream, "residencies", '[');
    for (size_t i = 0; i < memory->residency_count; i++)
        write_residency(stream, &memory->residencies[i], sites, top);
    json_stream_close(stream, ']');
    json_stream_open(stream, "intervals", '[');
    for (size_t i = 0; i < memory->interval_count; i++)
        json_stream_item(stream, interval_value(&memory->intervals[i], sites, top));
    json_stream_close(stream, ']');
}

/* ---- the address space ---- */

static json_t *address_text(uint64_t address)
{
    return json_sprintf("0x%" PRIx64, address);
}

static json_t *region_value(const struct report_region *region, const struct json_sites *sites)
{
    const char access[5] = {region->readable ? 'r' : '-', region->writable ? 'w' : '-',
                            region->executable ? 'x' : '-', region->shared ? 's' : 'p', '\0'};
    const struct {
        const char *key;
        uint64_t value;
    } figures[] = {
        {"bytes", region->end - region->start},
        {"resident_bytes", region->rss},
        {"pss_bytes", region->pss},
        {"dirty_bytes", region->dirty},
        {"swapped_bytes", region->swap},
        {"locked_bytes", region->locked},
        {"huge_bytes", region->huge},
        {"anonymous_bytes", region->anonymous},
        {"faulted_pages", region->faulted},
    };
    json_t *object = json_object(), *resident = json_object();
    for (size_t i = 0; i < REPORT_PARTS; i++)
        if (region->parts[i])
            json_add(&resident, parts[i], json_count(region->parts[i]));
    json_add(&object, "start", address_text(region->start));
    json_add(&object, "end", address_text(region->end));
    json_add(&object, "access", json_text(access));
    json_add(&object, "offset", json_count(region->offset));
    json_add(&object, "name", json_text(region->name));
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        json_add(&object, figures[i].key, json_count(figures[i].value));
    json_add(&object, "owner", json_text(parts[region->owner]));
    json_add(&object, "resident", resident);
    json_add(&object, "site", region->site ? json_site_number(sites, region->site) : json_null());
    json_add(&object, "module", json_text(region->module));
    json_add(&object, "tid", region->tid ? json_count(region->tid) : json_null());
    return object;
}

static json_t *segment_value(const struct report_bytes *bytes)
{
    json_t *object = json_object();
    json_add(&object, "bytes", json_count(bytes->size));
    json_add(&object, "resident_bytes", json_count(bytes->resident));
    json_add(&object, "swapped_bytes", json_count(bytes->swapped));
    return object;
}

static json_t *segments_value(const struct report_segments *segments)
{
    json_t *object = json_object();
    json_add(&object, "path", json_text(segments->path));
    json_add(&object, "tracer", json_boolean(segments->tracer));
    json_add(&object, "code", segment_value(&segments->code));
    json_add(&object, "read_only", segment_value(&segments->read_only));
    json_add(&object, "data", segment_value(&segments->data));
    json_add(&object, "bss", segment_value(&segments->zero));
    return object;
}

void json_write_map(struct json_stream *stream, const struct report *report,
                    const struct json_sites *sites)
{
    const struct report_memory *memory = report->memory;
    const struct report_residency *last = last_snapshot(report);
    json_stream_open(stream, "map", '{');
    json_stream_member(stream, "t_ns", json_count(last ? last->t_ns : REPORT_UNKNOWN));
    json_stream_member(stream, "reason", json_text(last ? last->reason : NULL));
    json_stream_open(stream, "mappings", '[');
    for (size_t i = 0; i < memory->region_count; i++)
        json_stream_item(stream, region_value(&memory->regions[i], sites));
    json_stream_close(stream, ']');
    json_stream_open(stream, "binaries", '[');
    for (size_t i = 0; i < memory->segment_count; i++)
        json_stream_item(stream, segments_value(&memory->segments[i]));
    json_stream_close(stream, ']');
    json_stream_close(stream, '}');
}
