/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "render/text_faults.h"
#include "render/text_group.h"

#define COUNTED_SHOWN 100 /* below that, start-up alone, they stand in the totals only */

/* All that hang on events. */
static uint64_t counted_faults(const struct report *report)
{
    uint64_t faults = 0;
    for (size_t i = 0; i < report->fault_site_count; i++)
        faults += report->fault_sites[i]->counted_minor + report->fault_sites[i]->counted_major;
    return faults;
}

/* `all`: what shares are of. */
static void write_site(struct text *text, const struct report_site *site, uint64_t all)
{
    uint64_t faults = site->counted_minor + site->counted_major;
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    fprintf(text->out, "%s minor", human_count(site->counted_minor).text);
    if (site->counted_major) {
        fputs(", ", text->out);
        text_style(text, TEXT_BAD);
        fprintf(text->out, "%s major", human_count(site->counted_major).text);
    }
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " (%s), ", human_percent(faults, all).text);
    text_name(text, site->kind, 40);
    fprintf(text->out, ", %s in %s call%s\n",
            text_about(site->estimated, human_bytes(site->bytes_allocated)).text,
            text_about(site->estimated, human_count(site->allocations)).text,
            human_plural(site->allocations));
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

static void write_rest(const struct text *text, size_t hidden_sites, uint64_t faults)
{
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s fault%s", human_count(faults).text,
             human_plural(faults));
    text_more(text, hidden_sites, "site", rest);
}

/* One line for all call stacks of one place. */
static void write_row(struct text *text, const struct text_groups *groups,
                      const struct text_group *group, uint64_t all)
{
    const struct report *report = text->report;
    uint64_t minor = 0, major = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct report_site *site = report->fault_sites[groups->order[group->first + i]];
        minor += site->counted_minor;
        major += site->counted_major;
    }
    fprintf(text->out, "  %11s ", human_count(minor).text);
    text_style(text, major ? TEXT_BAD : TEXT_DIM);
    fprintf(text->out, "%7s", human_count(major).text);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " %6s  ", human_percent(group->total, all).text);
    text_place(text, report->fault_sites[groups->order[group->first]]->stack, text->columns - 31);
    fputc('\n', text->out);
}

/* In the whole report one line each: most of these sites had their stacks shown among the leaks,
 * or are of less interest. */
static void write_table(struct text *text, uint64_t all)
{
    const struct report *report = text->report;
    size_t count = report->fault_site_count;
    struct text_group_item *items = calloc(count, sizeof(*items));
    struct text_groups groups = {0};
    for (size_t i = 0; items && i < count; i++) {
        const struct report_site *site = report->fault_sites[i];
        items[i] = (struct text_group_item){site->stack, NULL, NULL, 0,
                                            site->counted_minor + site->counted_major};
    }
    if (items == NULL || !text_groups_init(&groups, items, count, false))
        text->failed = true;
    size_t rows = text_rows(text, groups.count);
    uint64_t hidden = 0;
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  %11s %7s %6s  %s\n", "minor", "major", "share", "place");
    text_style(text, TEXT_NORMAL);
    for (size_t i = 0; i < rows; i++)
        write_row(text, &groups, &groups.groups[i], all);
    for (size_t i = rows; i < groups.count; i++)
        hidden += groups.groups[i].total;
    write_rest(text, groups.count - rows, hidden);
    text_groups_release(&groups);
    free(items);
}

static void write_stacks(struct text *text, uint64_t all)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->fault_site_count);
    uint64_t hidden = 0;
    for (size_t i = 0; i < rows; i++)
        write_site(text, report->fault_sites[i], all);
    for (size_t i = rows; i < report->fault_site_count; i++)
        hidden += report->fault_sites[i]->counted_minor + report->fault_sites[i]->counted_major;
    write_rest(text, report->fault_site_count - rows, hidden);
}

/* Where getrusage is the source only faults that the recorder took to measure one have addresses.
 */
static bool only_own_told(const struct report *report)
{
    for (size_t i = 0; i < report->fault_count; i++)
        if (strcmp(report->faults[i].target->kind, "tracer") != 0)
            return false;
    return report->fault_source && strcmp(report->fault_source, "rusage") == 0;
}

void text_faults(struct text *text)
{
    const struct report *report = text->report;
    uint64_t all = counted_faults(report);
    bool off = report->fault_source && strcmp(report->fault_source, "off") == 0;
    text_heading(text, "Page-fault hotspots",
                 text->options->sections || report->fault_site_count + report->fault_count == 0
                     ? NULL
                     : "with call stacks: --faults");
    if (report->fault_count > 0 && only_own_told(report)) {
        text_fault_cost(text);
    } else if (report->fault_count > 0) {
        text_fault_pairs(text);
        if (all < COUNTED_SHOWN)
            return;
        fprintf(text->out, "\n  Counted without an address%s:\n",
                report->fault_totals.lost ? ", or not described" : "");
    }
    if (report->fault_site_count == 0) {
        write_none(text, off);
        return;
    }
    text_style(text, TEXT_DIM);
    if (report->sample_interval)
        fputs("  A fault counts for the next sampled allocation or free of its thread: small "
              "figures\n"
              "  say nothing about the place.\n",
              text->out);
    else
        fputs("  A fault counts for the first allocation or free that its thread makes after it.\n",
              text->out);
    text_style(text, TEXT_NORMAL);
    if (text->options->sections == 0)
        write_table(text, all);
    else
        write_stacks(text, all);
}
