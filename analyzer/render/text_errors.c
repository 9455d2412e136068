/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "render/text_report.h"

/* A kind in words; the kinds of the report's JSON are terse. */
static const char *in_words(const char *kind)
{
    static const struct {
        const char *kind, *words;
    } table[] = {
        {"double-free", "Block freed twice"},
        {"invalid-free", "Free of an address that is no block"},
        {"mismatched-free", "Block released by the wrong function"},
        {"segfault", "Segmentation fault"},
        {"bus-error", "Bus error"},
        {"abort", "Abort"},
        {"illegal-instruction", "Illegal instruction"},
        {"floating-point", "Arithmetic exception"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].kind, kind) == 0)
            return table[i].words;
    return kind;
}

/* The C library's answer to a bad free, which was told of already. */
static bool follows_bad_free(const struct report_error *error, const struct report_error *before)
{
    return before && strcmp(error->kind, "abort") == 0 && strstr(before->kind, "free") &&
           error->tid == before->tid && error->stack == before->stack;
}

static void write_error(struct text *text, const struct report_error *error,
                        const struct report_error *before)
{
    fputs("  ", text->out);
    text_style(text, TEXT_BAD);
    text_name(text, in_words(error->kind), 0);
    text_style(text, TEXT_NORMAL);
    /* An abort has no address of its own. */
    if (error->address != REPORT_UNKNOWN && (error->address || strcmp(error->kind, "abort") != 0))
        fprintf(text->out, "%s 0x%" PRIx64, strstr(error->kind, "free") ? ":" : " at address",
                error->address);
    fprintf(text->out, ", thread %" PRIu32 ", %s after the start", error->tid,
            human_time(error->t_ns).text);
    if (error->count > 1)
        fprintf(text->out, " (the first of %s)", human_count(error->count).text);
    fputc('\n', text->out);
    if (error->detail) {
        fputs("      ", text->out);
        text_name(text, error->detail, 0);
        fputc('\n', text->out);
    }
    if (follows_bad_free(error, before))
        fputs("      the C library noticed the error above and ended the program\n", text->out);
    else if (error->stack)
        text_stack(text, error->stack);
    else
        fputs("      where it happened was not recorded\n", text->out);
    if (error->allocated) {
        fputs("      the block was allocated by\n", text->out);
        text_stack(text, error->allocated);
    }
    if (error->freed) {
        fputs("      it had been freed by\n", text->out);
        text_stack(text, error->freed);
    }
}

void text_errors(struct text *text)
{
    const struct report *report = text->report;
    if (report->error_count == 0 && text->options->sections == 0)
        return;
    text_heading(text, "Memory errors", NULL);
    if (report->sample_interval)
        fputs("  Wrong frees are not looked for in a sampled trace.\n", text->out);
    else if (report->error_count == 0)
        fputs("  None was seen. (vmtrace sees wrong frees and fatal signals, not every bad "
              "access.)\n",
              text->out);
    size_t rows = text_rows(text, report->error_count);
    for (size_t i = 0; i < rows; i++)
        write_error(text, &report->errors[i], i > 0 ? &report->errors[i - 1] : NULL);
    text_more(text, report->error_count - rows, "error", "");
}
