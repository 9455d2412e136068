/* SPDX-License-Identifier: Apache-2.0 */
#include "render/text_report.h"

static void write_place(const struct text *text, const struct report_suppression *suppression)
{
    text_name(text, suppression->name, 60);
    if (suppression->builtin) {
        fputs(" (built-in)\n", text->out);
        return;
    }
    fputs(" (", text->out);
    text_name(text, suppression->file, 0);
    fprintf(text->out, ":%u)\n", suppression->line);
}

static void write_used(const struct text *text, const struct report_suppression *suppression)
{
    if (suppression->blocks)
        fprintf(text->out, "    %s in %s block%s  ", text_bytes(text, suppression->bytes).text,
                text_count(text, suppression->blocks).text, human_plural(suppression->blocks));
    else
        fprintf(text->out, "    %s error%s  ", human_count(suppression->matches).text,
                human_plural(suppression->matches));
    write_place(text, suppression);
}

void text_suppressions(struct text *text)
{
    const struct report *report = text->report;
    size_t used = 0, unused = 0;
    for (size_t i = 0; i < report->suppression_count; i++)
        *(report->suppressions[i].matches ? &used : &unused) += 1;
    if (used)
        fputs("  Suppressed:\n", text->out);
    for (size_t i = 0; i < report->suppression_count; i++)
        if (report->suppressions[i].matches)
            write_used(text, &report->suppressions[i]);
    if (unused)
        fputs("  Suppressions that matched nothing:\n", text->out);
    size_t rows = text_rows(text, unused);
    for (size_t i = 0, row = 0; i < report->suppression_count && row < rows; i++) {
        if (report->suppressions[i].matches)
            continue;
        fputs("    ", text->out);
        write_place(text, &report->suppressions[i]);
        row++;
    }
    text_more(text, unused - rows, "suppression", "");
}
