/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the resident pages were at the last snapshot. */
#include <stdlib.h>
#include <string.h>

#include "base/path_name.h"
#include "render/text_report.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define RESIDENT_NOISE ((uint64_t)(1024 * 1024)) /* bytes that need no further word */

bool text_is_brief(const struct text *text)
{
    return text->options->sections == 0 && text->options->top != 0;
}

const char *text_part(const struct report *report, enum report_part part)
{
    static const char *const names[] = {
        [REPORT_PART_LIVE] = "live blocks",
        [REPORT_PART_FREE] = "free, kept by the allocator",
        [REPORT_PART_MAPPINGS] = "mapped by the program",
        [REPORT_PART_FILES] = "files, and code of binaries",
        [REPORT_PART_STACKS] = "stacks",
        [REPORT_PART_TRACER] = "vmtrace itself",
        [REPORT_PART_OTHER] = "other",
    };
    if (part == REPORT_PART_FREE && report->forked && !report->inherited.taken)
        return "inherited from the parent, or free";
    return part < REPORT_PARTS ? names[part] : names[REPORT_PART_OTHER];
}

static const struct report_residency *last_snapshot(const struct report *report)
{
    const struct report_memory *memory = report->memory;
    return memory->residency_count ? &memory->residencies[memory->residency_count - 1] : NULL;
}

static void write_detail(const struct text *text, const struct report_residency *at,
                         enum report_part part)
{
    if (part == REPORT_PART_FREE && at->pinned != REPORT_UNKNOWN &&
        at->free_pages + at->pinned > RESIDENT_NOISE)
        fprintf(text->out, ": %s in empty pages, %s in nearly empty ones",
                human_bytes(at->free_pages).text, human_bytes(at->pinned).text);
    if (part == REPORT_PART_FILES && at->file_count && at->files[0].name &&
        at->files[0].bytes.resident > at->parts[part].resident / 4) {
        fprintf(text->out, ": %s of ", human_bytes(at->files[0].bytes.resident).text);
        text_name(text, path_name(at->files[0].name), 40);
    }
    if (part == REPORT_PART_OTHER && at->program_data > at->parts[part].resident / 4)
        fprintf(text->out, ": %s variables of binaries (.data, .bss)",
                human_bytes(at->program_data).text);
}

static void write_part(const struct text *text, const struct report_residency *at,
                       enum report_part part)
{
    const struct report_bytes *bytes = &at->parts[part];
    bool estimated =
        text->report->sample_interval && (part == REPORT_PART_LIVE || part == REPORT_PART_FREE);
    fprintf(text->out, "  %10s %6s  %s", text_about(estimated, human_bytes(bytes->resident)).text,
            human_percent(bytes->resident, at->rss_bytes).text, text_part(text->report, part));
    write_detail(text, at, part);
    if (bytes->swapped)
        fprintf(text->out, "; %s more in swap", human_bytes(bytes->swapped).text);
    fputc('\n', text->out);
}

static void write_parts(const struct text *text, const struct report_residency *at)
{
    uint64_t small = 0;
    for (enum report_part part = 0; part < REPORT_PARTS; part++) {
        const struct report_bytes *bytes = &at->parts[part];
        if (text_is_brief(text) && bytes->resident < at->rss_bytes / 100 && !bytes->swapped)
            small += bytes->resident;
        else if (bytes->resident + bytes->swapped)
            write_part(text, at, part);
    }
    if (small)
        fprintf(text->out, "  %10s %6s  smaller owners\n", human_bytes(small).text,
                human_percent(small, at->rss_bytes).text);
}

static const char *fact(const struct report *report, const char *key)
{
    for (size_t i = 0; i < report->fact_count; i++)
        if (strcmp(report->facts[i].key, key) == 0)
            return report->facts[i].value;
    return NULL;
}

/* A fact that is a number, or REPORT_UNKNOWN. */
static uint64_t number_fact(const struct report *report, const char *key)
{
    const char *value = fact(report, key);
    if (!value || !*value || strspn(value, "0123456789") != strlen(value))
        return REPORT_UNKNOWN;
    return strtoull(value, NULL, 10);
}

/* What the kernel counts besides: not parts of RSS, or across them. */
static void write_kernel(const struct text *text, const struct report_residency *at)
{
    const struct {
        const char *what;
        uint64_t bytes;
    } figures[] = {
        {"page tables", at->page_table_bytes},
        {"in swap", at->swap_bytes},
        {"locked", at->locked_bytes},
        {"in huge pages", at->huge_bytes},
        {"shared with others", at->shared_clean + at->shared_dirty},
    };
    char line[400];
    int used = snprintf(line, sizeof(line), "Besides: %s of address space",
                        human_bytes(at->virtual_bytes).text);
    if (at->pss_bytes)
        used += snprintf(line + used, sizeof(line) - (size_t)used, ", PSS %s",
                         human_bytes(at->pss_bytes).text);
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        if (figures[i].bytes)
            used += snprintf(line + used, sizeof(line) - (size_t)used, ", %s %s",
                             human_bytes(figures[i].bytes).text, figures[i].what);
    const char *swap = at->swap_bytes ? fact(text->report, "swap_kind") : NULL;
    uint64_t limit = number_fact(text->report, "cgroup_memory_max");
    if (swap && strlen(swap) < 32 && strspn(swap, LOWER " ,+") == strlen(swap))
        used += snprintf(line + used, sizeof(line) - (size_t)used, "; swap is on %s", swap);
    if (limit != REPORT_UNKNOWN)
        used += snprintf(line + used, sizeof(line) - (size_t)used, "; its cgroup may have %s",
                         human_bytes(limit).text);
    snprintf(line + used, sizeof(line) - (size_t)used, ".");
    text_wrapped(text, line);
}

/* Virtual against resident: what was promised, and how the system promises. */
static void write_promised(const struct text *text, const struct report_residency *at)
{
    static const char *const policies[] = {"heuristic", "always", "never beyond the limit"};
    uint64_t promised = 0, touched = 0;
    const char *policy = fact(text->report, "overcommit_memory");
    uint64_t limit = number_fact(text->report, "limit_as");
    char line[400];
    for (size_t i = 0; i < at->site_count; i++) {
        promised += at->sites[i].bytes.size;
        touched += at->sites[i].bytes.size - at->sites[i].untouched;
    }
    if (promised - touched < RESIDENT_NOISE * 4 || touched > promised / 4 * 3)
        return;
    int used = snprintf(line, sizeof(line), "Of %s in blocks and mappings %s is not in memory",
                        text_bytes(text, promised).text, text_bytes(text, promised - touched).text);
    if (policy && policy[0] >= '0' && policy[0] <= '2' && policy[1] == '\0')
        used += snprintf(line + used, sizeof(line) - (size_t)used, " (overcommit: %s)",
                         policies[policy[0] - '0']);
    if (limit != REPORT_UNKNOWN)
        used += snprintf(line + used, sizeof(line) - (size_t)used,
                         "; the address space is limited to %s", human_bytes(limit).text);
    snprintf(line + used, sizeof(line) - (size_t)used, ".");
    text_wrapped(text, line);
}

/* Sites whose last survivors keep pages that are otherwise empty. */
static void write_pinned(struct text *text, const struct report_residency *at)
{
    const struct report_resident_site *most = NULL;
    for (size_t i = 0; i < at->site_count; i++)
        if (!most || at->sites[i].pinned > most->pinned)
            most = &at->sites[i];
    if (!most || at->pinned == REPORT_UNKNOWN || at->pinned < RESIDENT_NOISE ||
        at->pinned < at->rss_bytes / 20)
        return;
    fprintf(text->out,
            "  %s is free in pages that a few live blocks hold; %s of it by blocks of\n    ",
            human_bytes(at->pinned).text, human_bytes(most->pinned).text);
    text_place(text, most->site->stack, text->columns - 4);
    fputc('\n', text->out);
}

void text_residency(struct text *text)
{
    const struct report_residency *at = last_snapshot(text->report);
    if (!at)
        return;
    fputs("  RSS by owner, at ", text->out);
    text_moment(text, at, false);
    fprintf(text->out, ": %s\n", human_bytes(at->rss_bytes).text);
    write_parts(text, at);
    if (!text_is_brief(text))
        write_kernel(text, at);
    write_promised(text, at);
    write_pinned(text, at);
}
