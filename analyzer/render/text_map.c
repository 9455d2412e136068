/* SPDX-License-Identifier: Apache-2.0 */
/* The address space at the last snapshot, and the segments of binaries. */
#include <inttypes.h>
#include <string.h>

#include "base/path_name.h"
#include "render/text_report.h"

static void write_owner(struct text *text, const struct report_region *region)
{
    switch (region->owner) {
    case REPORT_PART_MAPPINGS:
        text_origin(text, region->site ? region->site->stack : NULL, 30);
        return;
    case REPORT_PART_STACKS:
        if (region->tid == 0)
            fputs(strcmp(region->name, "[stack]") == 0 ? "main thread's stack" : "a stack",
                  text->out);
        else
            fprintf(text->out, "stack of thread %" PRIu32 "%s", region->tid,
                    region->thread ? " " : "");
        if (region->thread)
            text_name(text, region->thread, 20);
        return;
    case REPORT_PART_LIVE:
        fprintf(text->out, "heap, %s of it live",
                human_percent(region->parts[REPORT_PART_LIVE], region->rss).text);
        return;
    case REPORT_PART_FREE:
        fprintf(text->out, "heap, mostly %s (%s live)",
                text->report->forked && !text->report->inherited.taken ? "inherited, or free"
                                                                       : "free",
                region->parts[REPORT_PART_LIVE]
                    ? human_percent(region->parts[REPORT_PART_LIVE], region->rss).text
                    : "nothing");
        return;
    case REPORT_PART_TRACER:
        fputs(region->name[0] || region->module ? "vmtrace " : "vmtrace", text->out);
        break;
    default:
        break;
    }
    if (region->name[0])
        text_name(text, region->name[0] == '/' ? path_name(region->name) : region->name, 40);
    else if (region->module) {
        text_name(text, path_name(region->module), 30);
        fputs(", zero-initialised data", text->out);
    } else if (region->owner != REPORT_PART_TRACER) {
        fputs("anonymous", text->out);
    }
}

static void write_region(struct text *text, const struct report_region *region)
{
    fprintf(text->out, "  %012" PRIx64 " %c%c%c%c %10s %10s %10s %8s %9s  ", region->start,
            region->readable ? 'r' : '-', region->writable ? 'w' : '-',
            region->executable ? 'x' : '-', region->shared ? 's' : 'p',
            human_bytes(region->end - region->start).text, human_bytes(region->rss).text,
            human_bytes(region->dirty).text, region->swap ? human_bytes(region->swap).text : "-",
            region->faulted == REPORT_UNKNOWN ? "-" : human_count(region->faulted).text);
    write_owner(text, region);
    fputc('\n', text->out);
}

/* The `top` largest by RSS, in the order of their addresses. */
static uint64_t least_shown(const struct report_memory *memory, size_t top)
{
    uint64_t low = 0, high = UINT64_MAX;
    if (top == 0 || top >= memory->region_count)
        return 0;
    while (low < high) { /* the smallest RSS that no more than `top` regions reach */
        uint64_t middle = low + (high - low) / 2;
        size_t reached = 0;
        for (size_t i = 0; i < memory->region_count; i++)
            reached += memory->regions[i].rss >= middle;
        if (reached > top)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void write_regions(struct text *text)
{
    const struct report_memory *memory = text->report->memory;
    size_t top = text->options->top ? text->options->top * 3 : 0, hidden = 0;
    uint64_t least = least_shown(memory, top), hidden_bytes = 0;
    char rest[64];
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  %-12s %4s %10s %10s %10s %8s %9s  %s\n", "address", "", "size",
            "resident", "dirty", "swap", "faulted", "whose");
    text_style(text, TEXT_NORMAL);
    for (size_t i = 0; i < memory->region_count; i++) {
        if (memory->regions[i].rss >= least) {
            write_region(text, &memory->regions[i]);
        } else {
            hidden++;
            hidden_bytes += memory->regions[i].rss;
        }
    }
    snprintf(rest, sizeof(rest), " with %s resident", human_bytes(hidden_bytes).text);
    text_more(text, hidden, "smaller mapping", rest);
}

/* "1.2 MiB/1.9 MiB" */
static void write_segment(const struct text *text, const struct report_bytes *bytes)
{
    char cell[80];
    if (bytes->size)
        snprintf(cell, sizeof(cell), "%s/%s", human_bytes(bytes->resident).text,
                 human_bytes(bytes->size).text);
    else
        snprintf(cell, sizeof(cell), "-");
    fprintf(text->out, " %18s", cell);
}

static void write_segments(const struct text *text)
{
    const struct report_memory *memory = text->report->memory;
    size_t rows = text_rows(text, memory->segment_count);
    if (memory->segment_count == 0)
        return;
    fputs("\n  Binaries, resident of all bytes of each segment:\n", text->out);
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  %18s %18s %18s %18s\n", "code", "read-only", "data", "bss");
    text_style(text, TEXT_NORMAL);
    for (size_t i = 0; i < rows; i++) {
        const struct report_segments *segments = &memory->segments[i];
        fputc(' ', text->out);
        write_segment(text, &segments->code);
        write_segment(text, &segments->read_only);
        write_segment(text, &segments->data);
        write_segment(text, &segments->zero);
        fputs("  ", text->out);
        text_name(text, path_name(segments->path), 30);
        fputc('\n', text->out);
    }
    text_more(text, memory->segment_count - rows, "module", "");
}

void text_map(struct text *text)
{
    const struct report_memory *memory = text->report->memory;
    text_heading(text, "Memory map", NULL);
    if (memory->residency_count == 0) {
        fputs("  No snapshot of the address space was recorded; a process that ends within 10 ms "
              "and touches\n  little has none (vmtrace.h: vmtrace_snapshot).\n",
              text->out);
        return;
    }
    const struct report_residency *at = &memory->residencies[memory->residency_count - 1];
    fputs("  At ", text->out);
    text_moment(text, at, false);
    fprintf(text->out, ": %s resident of %s\n", human_bytes(at->rss_bytes).text,
            human_bytes(at->virtual_bytes).text);
    write_regions(text);
    write_segments(text);
}
