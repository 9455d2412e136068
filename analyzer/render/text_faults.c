/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/text_report.h"

static void write_site(struct text *text, const struct report_site *site)
{
    const struct report *report = text->report;
    uint64_t faults = site->minor_faults + site->major_faults;
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    fprintf(text->out, "%s minor", human_count(site->minor_faults).text);
    if (site->major_faults) {
        fputs(", ", text->out);
        text_style(text, TEXT_BAD);
        fprintf(text->out, "%s major", human_count(site->major_faults).text);
    }
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " (%s), ",
            human_percent(faults, report->attributed_minor + report->attributed_major).text);
    text_name(text, site->kind, 40);
    fprintf(text->out, ", %s in %s call%s\n", human_bytes(site->bytes_allocated).text,
            human_count(site->allocations).text, human_plural(site->allocations));
    text_stack(text, site->stack);
}

static void write_none(const struct text *text, bool off)
{
    if (off)
        fputs("  Page faults were not recorded: VMTRACE_FAULTS was off, or the kernel permits no\n"
              "  source of them.\n",
              text->out);
    else
        fputs("  No fault was counted between two allocation events.\n", text->out);
}

void text_faults(struct text *text)
{
    const struct report *report = text->report;
    bool off = report->fault_source && strcmp(report->fault_source, "off") == 0;
    size_t rows = text_rows(text, report->fault_site_count);
    uint64_t hidden = 0;
    text_heading(text, "Page-fault hotspots", NULL);
    if (report->fault_site_count == 0) {
        write_none(text, off);
        return;
    }
    text_style(text, TEXT_DIM);
    fputs("  A fault counts for the first allocation or free that its thread makes after it.\n",
          text->out);
    text_style(text, TEXT_NORMAL);
    for (size_t i = 0; i < rows; i++)
        write_site(text, report->fault_sites[i]);
    for (size_t i = rows; i < report->fault_site_count; i++)
        hidden += report->fault_sites[i]->minor_faults + report->fault_sites[i]->major_faults;
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s fault%s", human_count(hidden).text,
             human_plural(hidden));
    text_more(text, report->fault_site_count - rows, "site", rest);
}
