/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults: where all of them are in the report, what they cost, what could be done. */
#include <stdlib.h>
#include <string.h>

#include "render/text_faults.h"
#include "render/utf8.h"

/* Of a forked child. */
static void write_copies(struct text *text)
{
    const struct report_inherited *inherited = &text->report->inherited;
    const struct report_fault_totals *totals = &text->report->fault_totals;
    if (!inherited->copied)
        return;
    fprintf(text->out, "  %s of %s copied pages inherited from process %u,",
            human_count(inherited->copies).text,
            human_count(totals->described + totals->inferred).text, (unsigned)inherited->pid);
    if (inherited->copied_faults < inherited->copies)
        fprintf(text->out, " %s of them", human_count(inherited->copied_faults).text);
    fputs(" allocated by\n    ", text->out);
    text_place(text, inherited->copied->stack, text->columns - 4);
    fputs(".\n", text->out);
}

/* Where all faults are. */
static void write_sum(const struct text *text, FILE *out)
{
    const struct report_fault_totals *totals = &text->report->fault_totals;
    const struct {
        uint64_t count;
        const char *words;
    } rest[] = {
        {totals->inferred, "inferred from their neighbours"},
        {totals->counted, "counted without an address"},
        {totals->lost, "not described (no room in the kernel's buffer, or not watched yet)"},
        {totals->before,
         text->report->forked ? "between the fork and its first event" : "before recording began"},
        {totals->unseen, text->report->kernel_faults
                             ? "not seen (by threads that never allocate)"
                             : "not seen (inside system calls, or by threads that never allocate)"},
    };
    const char *has = totals->described == 1 ? "has" : "have";
    if (totals->total != REPORT_UNKNOWN)
        fprintf(out, "Of %s%s fault%s, %s %s an address", totals->at_least ? "at least " : "",
                human_count(totals->total).text, human_plural(totals->total),
                human_count(totals->described).text, has);
    else
        fprintf(out, "%s %s an address", human_count(totals->described).text, has);
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
        if (rest[i].count)
            fprintf(out, ", %s %s", human_count(rest[i].count).text, rest[i].words);
    uint64_t since =
        totals->described + totals->inferred + totals->counted + totals->lost + totals->unseen;
    fprintf(out, ". The owner is known of %s: %s of those since recording began.",
            human_count(totals->owned).text, human_percent(totals->owned, since).text);
}

void text_fault_totals(struct text *text)
{
    char *words = NULL;
    size_t size;
    FILE *sum = open_memstream(&words, &size);
    if (sum)
        write_sum(text, sum);
    if (sum && fclose(sum) == 0)
        text_wrapped(text, words);
    else
        text->failed = true;
    free(words);
    write_copies(text);
}

void text_fault_cost(const struct text *text)
{
    const struct report_fault_totals *totals = &text->report->fault_totals;
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  About %s in all, at %.3g us a minor%s and %.3g us a major fault (%s).\n",
            human_time(totals->estimated_ns).text, (double)totals->minor_ns / 1e3,
            totals->minor_measured == totals->major_measured ? ""
            : totals->minor_measured                         ? " (measured)"
                                                             : " (assumed)",
            (double)totals->major_ns / 1e3, totals->major_measured ? "measured" : "assumed");
    if (totals->fastest)
        fprintf(text->out, "  At most %s a second, over %s from %s on.\n",
                human_count(totals->fastest).text, human_time(totals->fastest_length_ns).text,
                human_time(totals->fastest_ns).text);
    text_style(text, TEXT_NORMAL);
}

/* In lines four blanks in; names in it were made safe. */
static void write_words(const struct text *text, const char *words)
{
    size_t column = 3;
    for (const char *at = words; *at;) {
        size_t length = strcspn(at, " "), width = 0;
        for (size_t i = 0; i < length; i++)
            width += ((unsigned char)at[i] & 0xc0) != 0x80;
        if (column > 4 && column + 1 + width > text->columns) {
            fputs("\n   ", text->out);
            column = 3;
        }
        fprintf(text->out, " %.*s", (int)length, at);
        column += width + 1;
        at += length;
        at += strspn(at, " ");
    }
    fputc('\n', text->out);
}

void text_fault_hints(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->fault_hint_count);
    for (size_t i = 0; i < rows; i++) {
        char *words = NULL;
        size_t size;
        FILE *safe = open_memstream(&words, &size);
        if (safe)
            utf8_write_escaped(safe, report->fault_hints[i], 0, text->options->utf8);
        if (!safe || fclose(safe) != 0) {
            text->failed = true;
            free(words);
            return;
        }
        text_style(text, TEXT_WARN);
        fputs("  >", text->out);
        text_style(text, TEXT_NORMAL);
        write_words(text, words);
        free(words);
    }
    text_more(text, report->fault_hint_count - rows, "hint", "");
}
