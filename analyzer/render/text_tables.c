/* SPDX-License-Identifier: Apache-2.0 */
/* Sections that are plain tables: phases and snapshots, pools, mappings, threads. */
#include <inttypes.h>

#include "render/text_report.h"

static void table_head(const struct text *text, const char *line)
{
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  %s\n", line);
    text_style(text, TEXT_NORMAL);
}

/* The last column, so it needs no padding. */
static void name_and_newline(const struct text *text, const char *name)
{
    if (*name)
        fputs("  ", text->out);
    text_name(text, name, 40);
    fputc('\n', text->out);
}

static void write_snapshots(const struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->snapshot_count);
    if (report->snapshot_count == 0)
        return;
    text_heading(text, "Snapshots", NULL);
    table_head(text, "       time  live heap     in blocks        RSS  name");
    for (size_t i = 0; i < rows; i++) {
        const struct report_snapshot *snapshot = &report->snapshots[i];
        fprintf(text->out, "  %11s %10s %13s %10s", human_time(snapshot->t_ns).text,
                text_bytes(text, snapshot->live_bytes).text,
                text_count(text, snapshot->live_blocks).text,
                human_bytes(snapshot->rss_bytes).text);
        name_and_newline(text, snapshot->name);
    }
    text_more(text, report->snapshot_count - rows, "snapshot", "");
}

void text_phases(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->phase_count);
    if (report->phase_count > 0) {
        text_heading(text, "Phases", NULL);
        table_head(text,
                   "       from         took  allocated     calls   heap peak   left behind  name");
    } else if (report->snapshot_count == 0 && text->options->sections != 0) {
        text_heading(text, "Phases", NULL);
        fputs("  The program named no phase and asked for no snapshot (vmtrace.h).\n", text->out);
    }
    for (size_t i = 0; i < rows; i++) {
        const struct report_phase *phase = &report->phases[i];
        fprintf(text->out, "  %11s %12s %10s %9s %11s %13s", human_time(phase->begin_ns).text,
                human_time(phase->end_ns - phase->begin_ns).text,
                text_bytes(text, phase->bytes_allocated).text,
                text_count(text, phase->allocations).text,
                text_bytes(text, phase->peak_live_bytes).text,
                text_bytes(text, phase->survivors_bytes).text);
        if (!phase->ended)
            fputs("  (never ended)", text->out);
        name_and_newline(text, phase->name);
        if (phase->leaked_blocks && phase->leaked_blocks != REPORT_UNKNOWN)
            fprintf(text->out, "              leaked during it: %s in %s block%s\n",
                    text_bytes(text, phase->leaked_bytes).text,
                    text_count(text, phase->leaked_blocks).text,
                    human_plural(phase->leaked_blocks));
    }
    text_more(text, report->phase_count - rows, "phase", "");
    write_snapshots(text);
}

void text_pools(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->pool_count);
    if (report->pool_count == 0 && text->options->sections == 0)
        return;
    text_heading(text, "Pools", "the program's own allocators, counted apart from the heap");
    if (report->pool_count == 0) {
        fputs("  The program announced none (vmtrace.h).\n", text->out);
        return;
    }
    table_head(text,
               " allocated         calls         frees       peak       live     in blocks  name");
    for (size_t i = 0; i < rows; i++) {
        const struct report_pool *pool = &report->pools[i];
        fprintf(text->out, "  %10s %13s %13s %10s %10s %13s",
                human_bytes(pool->bytes_allocated).text, human_count(pool->allocations).text,
                human_count(pool->frees).text, human_bytes(pool->peak_bytes).text,
                human_bytes(pool->live_bytes).text, human_count(pool->live_blocks).text);
        name_and_newline(text, pool->name);
    }
    text_more(text, report->pool_count - rows, "pool", "");
}

void text_mappings(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->mapping_count);
    text_heading(text, "Mappings", "the program's own mmap calls");
    if (report->mapping_count == 0)
        fputs("  The program made none.\n", text->out);
    for (size_t i = 0; i < rows; i++) {
        const struct report_mapping *mapping = &report->mappings[i];
        fputs("  ", text->out);
        text_style(text, TEXT_BOLD);
        fprintf(text->out, "%s still mapped", human_bytes(mapping->live_bytes).text);
        text_style(text, TEXT_NORMAL);
        fprintf(text->out, " in %s mapping%s; %s in %s call%s altogether",
                human_count(mapping->live_mappings).text, human_plural(mapping->live_mappings),
                human_bytes(mapping->bytes_mapped).text, human_count(mapping->calls).text,
                human_plural(mapping->calls));
        if (mapping->name && *mapping->name) {
            fputs(", file ", text->out);
            text_path(text, mapping->name, 60);
        }
        fputc('\n', text->out);
        text_stack(text, mapping->site ? mapping->site->stack : NULL);
    }
    text_more(text, report->mapping_count - rows, "site", "");
}

void text_threads(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->thread_count);
    text_heading(text, "Threads", NULL);
    table_head(text, "     tid  allocated         calls         frees  minor faults   major  name");
    for (size_t i = 0; i < rows; i++) {
        const struct report_thread *thread = &report->threads[i];
        fprintf(text->out, "  %8" PRIu32 " %10s %13s %13s %13s %7s", thread->tid,
                text_bytes(text, thread->bytes_allocated).text,
                text_count(text, thread->allocations).text, text_count(text, thread->frees).text,
                human_count(thread->minor_faults).text, human_count(thread->major_faults).text);
        name_and_newline(text, thread->name ? thread->name : "");
    }
    text_more(text, report->thread_count - rows, "thread", "");
}
