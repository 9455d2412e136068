/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/text_report.h"

static const char *class_words(enum report_leak_class class)
{
    static const char *const words[] = {
        [REPORT_LEAK_DEFINITE] = "lost: ",
        [REPORT_LEAK_INDIRECT] = "lost with another block: ",
        [REPORT_LEAK_POSSIBLE] = "possibly lost: ",
        [REPORT_LEAK_REACHABLE] = "still reachable: ",
        [REPORT_LEAK_UNSCANNED] = "",
    };
    return words[class];
}

static bool is_listed(const struct text *text, const struct report_leak *leak)
{
    return !leak->suppressed && (text->options->leak_classes & RENDER_LEAK_BIT(leak->class));
}

static void write_leak(struct text *text, const struct report_leak *leak)
{
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    fprintf(text->out, "%s%s", class_words(leak->class), human_bytes(leak->bytes).text);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " in %s block%s", human_count(leak->blocks).text,
            human_plural(leak->blocks));
    if (leak->bytes < text->report->live_bytes_at_end)
        fprintf(text->out, " (%s)",
                human_percent(leak->bytes, text->report->live_bytes_at_end).text);
    fputs(", ", text->out);
    text_name(text, leak->site->kind, 40);
    /* A pool's kind is its name already. */
    if (leak->pool && strstr(leak->site->kind, leak->pool) == NULL) {
        fputs(" from pool ", text->out);
        text_name(text, leak->pool, 40);
    }
    if (leak->blocks == 1 || leak->oldest_ns == leak->newest_ns)
        fprintf(text->out, ", allocated at %s\n", human_time(leak->oldest_ns).text);
    else
        fprintf(text->out, ", allocated from %s to %s\n", human_time(leak->oldest_ns).text,
                human_time(leak->newest_ns).text);
    text_stack(text, leak->site->stack);
}

static void write_usual_reasons(const struct text *text)
{
    fputs("  Usual reasons: the program has an allocator of its own, linked in statically; "
          "recording\n"
          "  was paused the whole time; it is a wrapper whose child did the work (look for that\n"
          "  child's trace); or it ended before it allocated anything. Static and setuid programs\n"
          "  cannot be traced at all.\n",
          text->out);
}

static void write_none(const struct text *text)
{
    const struct report *report = text->report;
    if (report->allocations == 0) {
        text_style(text, TEXT_WARN);
        fputs("  No allocation was recorded, so this trace says nothing about leaks.", text->out);
        text_style(text, TEXT_NORMAL);
        fputs(report->note_count ? " The notes at the top say more.\n" : "\n", text->out);
        if (report->note_count == 0)
            write_usual_reasons(text);
        return;
    }
    if (report->live_blocks_at_end > 0)
        return;
    text_style(text, report->lost_events ? TEXT_NORMAL : TEXT_GOOD);
    fprintf(text->out, "  Every block that was allocated%s has been freed.",
            report->lost_events ? " and recorded" : "");
    text_style(text, TEXT_NORMAL);
    fputc('\n', text->out);
}

static void write_title(const struct text *text)
{
    const struct report *report = text->report;
    char title[64];
    if (report->scan && strcmp(report->scan, "complete") == 0) {
        text_heading(text, "Leaks", NULL);
        return;
    }
    snprintf(title, sizeof(title), "Not freed %s", text_at_end(report));
    text_heading(text, title,
                 report->live_blocks_at_end ? "reachability not scanned: not all of these are leaks"
                                            : NULL);
    if (report->scan && strncmp(report->scan, "failed", 6) == 0) {
        fputs("  The scan ", text->out);
        text_name(text, report->scan, 200);
        fputc('\n', text->out);
    }
}

void text_leaks(struct text *text)
{
    const struct report *report = text->report;
    size_t listed = 0, hidden_sites = 0, other = 0, suppressed = 0;
    uint64_t hidden_bytes = 0;
    write_title(text);
    size_t top = text->options->top ? text->options->top : SIZE_MAX;
    for (size_t i = 0; i < report->leak_count; i++) {
        const struct report_leak *leak = &report->leaks[i];
        if (leak->suppressed) {
            suppressed++;
        } else if (!is_listed(text, leak)) {
            other++;
        } else if (listed < top) {
            write_leak(text, leak);
            listed++;
        } else {
            hidden_sites++;
            hidden_bytes += leak->bytes;
        }
    }
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s", human_bytes(hidden_bytes).text);
    text_more(text, hidden_sites, "site", rest);
    if (suppressed)
        fprintf(text->out, "  %zu suppressed\n", suppressed);
    if (other)
        fprintf(text->out, "  %zu of other kinds are not listed (--show-leak-kinds=all)\n", other);
    write_none(text);
}
