/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/text_report.h"

static void label(const struct text *text, const char *name)
{
    fprintf(text->out, "  %-14s", name);
}

/* One row: a size, then what it is made of. */
static void size_row(const struct text *text, const char *name, uint64_t bytes, uint64_t count,
                     const char *what)
{
    label(text, name);
    fprintf(text->out, "%10s in %s %s%s", human_bytes(bytes).text, human_count(count).text, what,
            human_plural(count));
}

/* The same about the heap, where figures may be estimates. */
static void heap_row(const struct text *text, const char *name, uint64_t bytes, uint64_t count,
                     const char *what, const struct report_margin *margin)
{
    bool sampled = text->report->sample_interval > 0;
    label(text, name);
    fprintf(
        text->out, "%10s in %s %s%s", text_bytes_within(text, sampled, bytes, margin->bytes).text,
        text_count_within(text, sampled, count, margin->blocks).text, what, human_plural(count));
}

static void write_heap(const struct text *text)
{
    const struct report *report = text->report;
    if (report->sample_interval) {
        label(text, "sampled");
        fprintf(text->out, "%10s allocation%s, one in about %s\n",
                human_count(report->recorded).text, human_plural(report->recorded),
                human_bytes(report->sample_interval).text);
    }
    heap_row(text, "allocated", report->bytes_allocated, report->allocations, "allocation",
             &report->allocated_margin);
    if (report->temporary)
        fprintf(text->out, ", %s of them temporary",
                text_share(text, report->temporary, report->allocations).text);
    if (report->reallocations)
        fprintf(text->out, ", %s by realloc", text_count(text, report->reallocations).text);
    fputc('\n', text->out);
    heap_row(text, "freed", report->bytes_freed, report->frees, "free", &report->freed_margin);
    fputc('\n', text->out);
    heap_row(text, "not freed", report->live_bytes_at_end, report->live_blocks_at_end, "block",
             &report->live_margin);
    fprintf(text->out, " %s\n", text_at_end(report));
    if (report->judge) {
        heap_row(text, "lost", report->leaked_bytes, report->leaked_blocks, "block",
                 &report->leaked_margin);
        fputc('\n', text->out);
    }
    heap_row(text, "peak of heap", report->peak_live_bytes, report->peak_live_blocks, "block",
             &report->peak_margin);
    fprintf(text->out, ", %s after the start\n", human_time(report->peak_t_ns).text);
    if (report->most_live_blocks > report->peak_live_blocks) {
        label(text, "most blocks");
        fprintf(text->out, "%10s, %s after the start\n",
                text_count(text, report->most_live_blocks).text,
                human_time(report->most_live_blocks_t_ns).text);
    }
}

static void write_memory(const struct text *text)
{
    const struct report *report = text->report;
    if (report->map_calls || report->unmap_calls) {
        size_row(text, "mapped", report->mapped_bytes, report->map_calls, "mmap call");
        fprintf(text->out, ", %s still mapped %s\n", human_bytes(report->live_mapped_bytes).text,
                text_at_end(report));
    }
    if (report->advise_calls) {
        size_row(text, "given back", report->advised_bytes, report->advise_calls, "madvise call");
        fputc('\n', text->out);
    }
    label(text, "resident (RSS)");
    fprintf(text->out, "%10s at its peak", human_bytes(report->peak_rss_bytes).text);
    if (report->rss_at_end_bytes != REPORT_UNKNOWN)
        fprintf(text->out, ", %s at the end", human_bytes(report->rss_at_end_bytes).text);
    if (report->virtual_at_end_bytes != REPORT_UNKNOWN)
        fprintf(text->out, " (of %s virtual)", human_bytes(report->virtual_at_end_bytes).text);
    fputc('\n', text->out);
}

static const char *fault_manner(const struct report *report)
{
    if (report->fault_source && strcmp(report->fault_source, "perf") == 0)
        return report->kernel_faults ? ", inside system calls too" : ", outside system calls only";
    return report->exact_faults ? ", at each event" : "";
}

static void write_faults(const struct text *text)
{
    const struct report *report = text->report;
    bool at_least = report->fault_count > 0 && report->fault_totals.at_least;
    label(text, "page faults");
    if (at_least)
        fprintf(text->out, "%10s at least", human_count(report->fault_totals.total).text);
    else if (report->minor_faults == REPORT_UNKNOWN)
        fprintf(text->out, "%10s in total (no orderly end)", "unknown");
    else
        fprintf(text->out, "%10s minor, %s major", human_count(report->minor_faults).text,
                human_count(report->major_faults).text);
    if (report->fault_source && strcmp(report->fault_source, "off") == 0) {
        fputs("; not recorded by call stack (off)\n", text->out);
        return;
    }
    uint64_t known = report->fault_count > 0 ? report->fault_totals.owned
                                             : report->attributed_minor + report->attributed_major;
    uint64_t all = report->minor_faults == REPORT_UNKNOWN || report->major_faults == REPORT_UNKNOWN
                       ? REPORT_UNKNOWN
                   : at_least ? report->fault_totals.total
                              : report->minor_faults + report->major_faults;
    fprintf(text->out, "; %s", human_count(known).text);
    /* Of a damaged trace the total may be an older one than the parts. */
    if (all != REPORT_UNKNOWN && known <= all)
        fprintf(text->out, all ? " (%s)" : "%s", human_percent(known, all).text);
    fputs(report->fault_count > 0 ? " have a known owner\n" : " have a call stack\n", text->out);
    label(text, "");
    fprintf(text->out, "%10s counted by %s%s\n", "",
            report->fault_source ? report->fault_source : "unknown", fault_manner(report));
}

static void write_process(const struct text *text)
{
    const struct report *report = text->report;
    label(text, "threads");
    fprintf(text->out, "%10s recorded\n", human_count(report->threads_seen).text);
    if (report->user_cpu_ns != REPORT_UNKNOWN && report->system_cpu_ns != REPORT_UNKNOWN) {
        label(text, "CPU time");
        fprintf(text->out, "%10s user, %s system\n", human_time(report->user_cpu_ns).text,
                human_time(report->system_cpu_ns).text);
    }
}

static void write_alarms(const struct text *text)
{
    const struct report *report = text->report;
    if (report->lost_events) {
        text_style(text, TEXT_BAD);
        label(text, "LOST");
        fprintf(text->out, "%10s event%s not recorded: every figure may be too low",
                human_count(report->lost_events).text,
                report->lost_events == 1 ? " was" : "s were");
        text_style(text, TEXT_NORMAL);
        fputc('\n', text->out);
    }
    if (report->failed_allocations) {
        text_style(text, TEXT_BAD);
        label(text, "FAILED");
        fprintf(text->out, "%10s allocation%s returned NULL",
                human_count(report->failed_allocations).text,
                human_plural(report->failed_allocations));
        text_style(text, TEXT_NORMAL);
        fputc('\n', text->out);
    }
    if (report->inherited_frees) {
        label(text, "older blocks");
        fprintf(text->out, "%10s %sfreed that were allocated before recording began\n",
                human_count(report->inherited_frees).text,
                report->sample_interval ? "sampled ones " : "");
    }
    if (report->impossible) {
        text_style(text, TEXT_BAD);
        label(text, "INCONSISTENT");
        fprintf(text->out, "%10s record%s contradict%s earlier ones; do not trust the last digit",
                human_count(report->impossible).text, human_plural(report->impossible),
                report->impossible == 1 ? "s" : "");
        text_style(text, TEXT_NORMAL);
        fputc('\n', text->out);
    }
}

void text_summary(struct text *text)
{
    text_heading(text, "Summary", NULL);
    write_heap(text);
    write_memory(text);
    write_faults(text);
    write_process(text);
    write_alarms(text);
}
