/* SPDX-License-Identifier: Apache-2.0 */
/* Which program, when, how it ended; and what the reader must know before the figures. */
#include <inttypes.h>
#include <string.h>

#include "render/text_report.h"

static void write_command(const struct text *text)
{
    const struct report *report = text->report;
    size_t used = 0, i;
    text_style(text, TEXT_BOLD);
    if (report->argc == 0)
        text_path(text, report->exe ? report->exe : "(unknown program)", 200);
    for (i = 0; i < report->argc && (used < 300 || text->options->full_stacks); i++) {
        if (i > 0)
            fputc(' ', text->out);
        used += text_word(text, report->argv[i]) + 1;
    }
    text_style(text, TEXT_NORMAL);
    if (i < report->argc)
        fprintf(text->out, " %s %zu more arguments (--full-stacks)", text_ellipsis(text),
                report->argc - i);
    fputc('\n', text->out);
}

static void write_signal(const struct text *text, int number)
{
    const char *name = sigabbrev_np(number), *meaning = sigdescr_np(number);
    text_style(text, TEXT_BAD);
    fprintf(text->out, "ended by signal %d", number);
    if (name && meaning)
        fprintf(text->out, ", SIG%s (%s)", name, meaning);
    text_style(text, TEXT_NORMAL);
}

static void write_end(const struct text *text)
{
    const struct report *report = text->report;
    switch (report->end) {
    case REPORT_END_EXIT:
        if (report->exit_status < 0)
            fputs("exited, status unknown", text->out);
        else
            fprintf(text->out, "exited with status %d", report->exit_status);
        break;
    case REPORT_END_SIGNAL:
        write_signal(text, report->signal);
        break;
    case REPORT_END_EXEC:
        if (report->successor) {
            fputs("then became a program that left no trace: ", text->out);
            text_path(text, report->successor, 200);
        } else {
            fputs("then became another program (exec): see the trace of that one, with the same "
                  "pid",
                  text->out);
        }
        break;
    case REPORT_END_KILLED:
        text_style(text, TEXT_WARN);
        fputs("ended without a word: SIGKILL, out of memory, a stack overflow or the like.\n"
              "  Everything below is as of that moment",
              text->out);
        text_style(text, TEXT_NORMAL);
        break;
    case REPORT_END_RUNNING:
        text_style(text, TEXT_WARN);
        fputs("was still running when this was read", text->out);
        text_style(text, TEXT_NORMAL);
        break;
    }
}

void text_header(struct text *text)
{
    const struct report *report = text->report;
    write_command(text);
    fputs("  ", text->out);
    if (report->exe) {
        text_path(text, report->exe, 200);
        fputs(", ", text->out);
    }
    fprintf(text->out, "pid %" PRIu32, report->pid);
    if (report->ppid)
        fprintf(text->out, " (%s %" PRIu32 ")", report->forked ? "forked from traced" : "parent",
                report->ppid);
    fprintf(text->out, ", started %s\n  ran %s, ", human_date(report->start_time_ns).text,
            human_time(report->duration_ns).text);
    write_end(text);
    fputs("\n  ", text->out);
    text_style(text, TEXT_DIM);
    fputs("trace ", text->out);
    text_name(text, report->trace_path ? report->trace_path : "(unnamed)", 0);
    fprintf(text->out, ", %s, %s records\n", human_bytes(report->trace_bytes).text,
            human_count(report->trace_events).text);
    text_style(text, TEXT_NORMAL);
}

void text_notes(struct text *text)
{
    const struct report *report = text->report;
    for (size_t i = 0; i < report->note_count; i++) {
        text_style(text, i < report->damage_count ? TEXT_BAD : TEXT_WARN);
        fputs("  note: ", text->out);
        text_style(text, TEXT_NORMAL);
        text_name(text, report->notes[i], 0);
        fputc('\n', text->out);
    }
}
