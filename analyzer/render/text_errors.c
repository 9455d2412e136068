/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "gate/finding_rules.h"
#include "render/text_report.h"

/* The kinds of the report's JSON are terse. */
static const char *title_of(const struct report_error *error)
{
    const struct finding_rule *rule = finding_rule_find(error->kind);
    return rule ? rule->title : error->kind;
}

/* The C library's answer to a bad free, which was told of already. */
static bool follows_bad_free(const struct report_error *error)
{
    return error->follows && strcmp(error->kind, "abort") == 0;
}

static void write_history(struct text *text, bool mapping, const struct report_stack *allocated,
                          const struct report_stack *freed)
{
    if (allocated) {
        fprintf(text->out, "      %s by\n",
                mapping ? "the memory was mapped" : "the block was allocated");
        text_stack(text, allocated);
    }
    if (freed) {
        fprintf(text->out, "      it had been %s by\n", mapping ? "unmapped" : "freed");
        text_stack(text, freed);
    }
}

/* Of several registers that hold addresses of one block the stacks are shown once. */
static void write_register(struct text *text, const struct report_error *error,
                           const struct report_register *at)
{
    fprintf(text->out, "      register %s\n", at->words);
    bool shown = error->allocated == at->allocated && error->freed == at->freed;
    for (const struct report_register *other = error->registers; other < at; other++)
        shown = shown || (other->allocated == at->allocated && other->freed == at->freed);
    if (!shown)
        write_history(text, false, at->allocated, at->freed);
}

static void write_error(struct text *text, const struct report_error *error)
{
    fputs("  ", text->out);
    text_style(text, TEXT_BAD);
    text_name(text, title_of(error), 0);
    text_style(text, TEXT_NORMAL);
    /* An abort has no address of its own. */
    if (error->address != REPORT_UNKNOWN && (error->address || strcmp(error->kind, "abort") != 0))
        fprintf(text->out, "%s 0x%" PRIx64,
                strstr(error->kind, "free") || strstr(error->kind, "heap") ? ":" : " at address",
                error->address);
    fprintf(text->out, ", thread %" PRIu32 ", %s after the start", error->tid,
            human_time(error->t_ns).text);
    if (error->handled)
        fputs(", handled by the program", text->out);
    if (error->count > 1)
        fprintf(text->out, " (the first of %s)", human_count(error->count).text);
    fputc('\n', text->out);
    if (error->detail) {
        fputs("      ", text->out);
        text_name(text, error->detail, 0);
        fputc('\n', text->out);
    }
    if (follows_bad_free(error))
        fputs("      the C library noticed the error above and ended the program\n", text->out);
    else if (error->stack)
        text_stack(text, error->stack);
    else
        fputs("      where it happened was not recorded\n", text->out);
    write_history(text, error->mapping, error->allocated, error->freed);
    for (size_t i = 0; i < error->register_count; i++)
        write_register(text, error, &error->registers[i]);
    if (error->hint)
        fprintf(text->out, "      %s\n", error->hint);
}

void text_errors(struct text *text)
{
    const struct report *report = text->report;
    size_t listed = 0;
    for (size_t i = 0; i < report->error_count; i++)
        listed += !report->errors[i].suppressed;
    if (listed == 0 && text->options->sections == 0)
        return;
    text_heading(text, "Memory errors", NULL);
    if (report->sample_interval)
        fputs("  Wrong frees are not looked for in a sampled trace.\n", text->out);
    else if (report->error_count == 0)
        fputs("  None was seen. (vmtrace sees wrong frees and fatal signals, not every bad "
              "access.)\n",
              text->out);
    size_t rows = text_rows(text, listed);
    for (size_t i = 0, row = 0; row < rows; i++) {
        if (report->errors[i].suppressed)
            continue;
        write_error(text, &report->errors[i]);
        row++;
    }
    text_more(text, listed - rows, "error", "");
    if (listed < report->error_count)
        fprintf(text->out, "  %zu suppressed\n", report->error_count - listed);
}
