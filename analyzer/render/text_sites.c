/* SPDX-License-Identifier: Apache-2.0 */
/* Sections that list allocation sites: at the peak, temporary ones, all of them. */
#include <stdlib.h>
#include <string.h>

#include "render/text_report.h"

static void kind_and_newline(const struct text *text, const struct report_site *site)
{
    fputs(", ", text->out);
    text_name(text, site->kind, 40);
    fputc('\n', text->out);
}

static void write_peak_site(struct text *text, const struct report_site *site)
{
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    fputs(text_bytes_within(text, site->estimated, site->peak_bytes, site->peak_margin.bytes).text,
          text->out);
    text_style(text, TEXT_NORMAL);
    fprintf(
        text->out, " in %s block%s (%s)",
        text_count_within(text, site->estimated, site->peak_blocks, site->peak_margin.blocks).text,
        human_plural(site->peak_blocks),
        text_share(text, site->peak_bytes, text->report->peak_live_bytes).text);
    if (site->own_peak_bytes != REPORT_UNKNOWN && site->own_peak_bytes > site->peak_bytes)
        fprintf(text->out, ", at most %s at another time",
                text_about(site->estimated, human_bytes(site->own_peak_bytes)).text);
    kind_and_newline(text, site);
    text_stack(text, site->stack);
}

void text_peak(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->peak_site_count);
    uint64_t hidden = 0;
    text_heading(text, "Live at the heap's peak", NULL);
    bool sampled = report->sample_interval > 0;
    fprintf(
        text->out, "  %s in %s block%s, %s after the start.\n",
        text_bytes_within(text, sampled, report->peak_live_bytes, report->peak_margin.bytes).text,
        text_count_within(text, sampled, report->peak_live_blocks, report->peak_margin.blocks).text,
        human_plural(report->peak_live_blocks), human_time(report->peak_t_ns).text);
    for (size_t i = 0; i < rows; i++)
        write_peak_site(text, report->peak_sites[i]);
    for (size_t i = rows; i < report->peak_site_count; i++)
        hidden += report->peak_sites[i]->peak_bytes;
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s", text_bytes(text, hidden).text);
    text_more(text, report->peak_site_count - rows, "site", rest);
}

void text_temporary(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->temporary_site_count);
    uint64_t hidden = 0;
    text_heading(text, "Temporary allocations", NULL);
    fprintf(text->out,
            "  %s of %s allocations (%s) were freed before their thread allocated again.\n",
            text_count(text, report->temporary).text, text_count(text, report->allocations).text,
            report->allocations ? text_share(text, report->temporary, report->allocations).text
                                : "0 %");
    for (size_t i = 0; i < rows; i++) {
        const struct report_site *site = report->temporary_sites[i];
        fputs("  ", text->out);
        text_style(text, TEXT_BOLD);
        fputs(text_count(text, site->temporary).text, text->out);
        text_style(text, TEXT_NORMAL);
        fprintf(text->out, " temporary, %s of the %s made here",
                text_share(text, site->temporary, site->allocations).text,
                text_count_within(text, site->estimated, site->allocations,
                                  site->allocated_margin.blocks)
                    .text);
        kind_and_newline(text, site);
        text_stack(text, site->stack);
    }
    for (size_t i = rows; i < report->temporary_site_count; i++)
        hidden += report->temporary_sites[i]->temporary;
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s", text_count(text, hidden).text);
    text_more(text, report->temporary_site_count - rows, "site", rest);
}

static void write_site(struct text *text, const struct report_site *site)
{
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    bool estimated = site->estimated;
    fprintf(
        text->out, "%s in %s call%s",
        text_bytes_within(text, estimated, site->bytes_allocated, site->allocated_margin.bytes)
            .text,
        text_count_within(text, estimated, site->allocations, site->allocated_margin.blocks).text,
        human_plural(site->allocations));
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " (%s of bytes), largest %s%s, live at the end %s",
            text_share(text, site->bytes_allocated, text->report->bytes_allocated).text,
            estimated ? "seen " : "", human_bytes(site->largest).text,
            text_about(estimated, human_bytes(site->live_bytes)).text);
    if (estimated)
        fprintf(text->out, ", %s sample%s", human_count(site->recorded).text,
                human_plural(site->recorded));
    if (site->failed) {
        text_style(text, TEXT_BAD);
        fprintf(text->out, ", %s FAILED", human_count(site->failed).text);
        text_style(text, TEXT_NORMAL);
    }
    kind_and_newline(text, site);
    text_stack(text, site->stack);
}

static int by_calls(const void *left, const void *right)
{
    const struct report_site *a = *(const struct report_site *const *)left;
    const struct report_site *b = *(const struct report_site *const *)right;
    if (a->allocations != b->allocations)
        return a->allocations < b->allocations ? 1 : -1;
    return a->bytes_allocated < b->bytes_allocated   ? 1
           : a->bytes_allocated > b->bytes_allocated ? -1
                                                     : 0;
}

/* The same sites in the other order, one line each: their stacks were shown or are a --top away. */
static void write_by_calls(struct text *text)
{
    const struct report *report = text->report;
    size_t count = report->site_count - report->inherited_site_count, rows = text_rows(text, count);
    const struct report_site **sites = malloc((count ? count : 1) * sizeof(*sites));
    if (sites == NULL) {
        text->failed = true;
        return;
    }
    memcpy(sites, report->sites, count * sizeof(*sites));
    qsort(sites, count, sizeof(*sites), by_calls);
    text_heading(text, "Sites by calls", NULL);
    for (size_t i = 0; i < rows; i++) {
        bool estimated = sites[i]->estimated;
        fprintf(text->out, "  %13s calls %10s  ",
                text_about(estimated, human_count(sites[i]->allocations)).text,
                text_about(estimated, human_bytes(sites[i]->bytes_allocated)).text);
        text_place(text, sites[i]->stack, text->columns - 34);
        fputc('\n', text->out);
    }
    text_more(text, count - rows, "site", "");
    free(sites);
}

void text_sites(struct text *text)
{
    const struct report *report = text->report;
    size_t count = report->site_count - report->inherited_site_count;
    size_t rows = text_rows(text, count);
    uint64_t hidden = 0;
    text_heading(text, "Sites by bytes allocated", NULL);
    for (size_t i = 0; i < rows; i++)
        write_site(text, report->sites[i]);
    for (size_t i = rows; i < count; i++)
        hidden += report->sites[i]->bytes_allocated;
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s", text_bytes(text, hidden).text);
    text_more(text, count - rows, "site", rest);
    if (count > 1)
        write_by_calls(text);
}
