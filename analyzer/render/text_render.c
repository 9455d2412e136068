/* SPDX-License-Identifier: Apache-2.0 */
/* The text format: its sections in their order, and a last line on what to do next. */
#include "base/path_name.h"
#include "render/text_report.h"

static const struct {
    enum render_section section;
    void (*write)(struct text *text);
} sections[] = {
    {RENDER_SUMMARY, text_summary}, {RENDER_ERRORS, text_errors},
    {RENDER_LEAKS, text_leaks},     {RENDER_RETENTION, text_retention},
    {RENDER_GROWTH, text_growth},   {RENDER_FAULTS, text_faults},
    {RENDER_PEAK, text_peak},       {RENDER_TEMPORARY, text_temporary},
    {RENDER_SITES, text_sites},     {RENDER_PHASES, text_phases},
    {RENDER_POOLS, text_pools},     {RENDER_MAPPINGS, text_mappings},
    {RENDER_THREADS, text_threads}, {RENDER_MAP, text_map},
};

static void suggest(const struct text *text, const char *option, const char *why, size_t *count)
{
    fprintf(text->out, "%s", *count ? "      " : "\nNext: ");
    text_style(text, TEXT_BOLD);
    fprintf(text->out, "vmtrace-report %s ", option);
    text_word(text, text->report->trace_path ? text->report->trace_path : "TRACE");
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, "  %s\n", why);
    ++*count;
}

/* Only what this trace gives a reason for. */
void text_hints(struct text *text)
{
    const struct report *report = text->report;
    size_t count = 0;
    if (text->options->sections != 0)
        return;
    if (report->judge && report->leaked_blocks > 0)
        suggest(text, "--leaks --full-stacks", "every frame of what is lost", &count);
    if (report->retention && report->retention->kept_count && report->retention->kept[0].grows)
        suggest(text, "--retention", "what keeps alive what still grows", &count);
    if (report->peak_live_bytes > 0)
        suggest(text, "--peak", "what was live when the heap was largest", &count);
    if (report->temporary > report->allocations / 5 && report->temporary > 1000)
        suggest(text, "--temporary", "many allocations were freed at once", &count);
    if (report->mapping_count > 0 && report->mapped_bytes > report->peak_live_bytes)
        suggest(text, "--mappings", "more was mapped by the program than its heap ever held",
                &count);
    if (text->lineless == NULL)
        return;
    fprintf(text->out, "%sno line numbers for ", count ? "      " : "\nNext: ");
    text_name(text, path_name(text->lineless), 60);
    fputs(": build it with -g, or install its debug symbols\n", text->out);
}

bool text_render(const struct report *report, const struct render_options *options, FILE *out)
{
    struct text text = {
        .out = out,
        .report = report,
        .options = options,
        .sections = options->sections ? options->sections : RENDER_DEFAULT,
        .sources = source_lines_new(),
        .columns = TEXT_COLUMNS,
    };
    if (options->columns)
        text.columns = options->columns < TEXT_COLUMNS_LEAST  ? TEXT_COLUMNS_LEAST
                       : options->columns > TEXT_COLUMNS_MOST ? TEXT_COLUMNS_MOST
                                                              : options->columns;
    text.failed = text.sources == NULL;
    text_header(&text);
    text_notes(&text);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        if (text.sections & sections[i].section)
            sections[i].write(&text);
    text_hints(&text);
    source_lines_free(text.sources);
    return !text.failed;
}
