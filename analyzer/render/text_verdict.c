/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/text_report.h"

struct class_sum {
    uint64_t bytes, blocks;
};

/* What is not suppressed, by class. */
static void sum_classes(const struct report *report, struct class_sum *sums)
{
    for (size_t i = 0; i < report->leak_count; i++) {
        const struct report_leak *leak = &report->leaks[i];
        if (leak->suppressed || leak->pool)
            continue;
        sums[leak->class].bytes += leak->bytes;
        sums[leak->class].blocks += leak->blocks;
    }
}

void text_scan(const struct text *text, const struct report_scan *scan)
{
    if (strcmp(scan->reason, "exit") == 0)
        fputs("the end", text->out);
    else if (strcmp(scan->reason, "snapshot") != 0)
        fputs(strcmp(scan->reason, "lsan") == 0 ? "the program's own leak check" : "a signal",
              text->out);
    else if (!*scan->name)
        fputs("a snapshot", text->out);
    else {
        fputs("snapshot \"", text->out);
        text_name(text, scan->name, 40);
        fputc('"', text->out);
    }
    fprintf(text->out, " (%s)", human_time(scan->t_ns).text);
}

static void write_judged_title(const struct text *text, const struct class_sum *sums)
{
    const struct report *report = text->report;
    const struct class_sum *possible = &sums[REPORT_LEAK_POSSIBLE];
    char remark[160] = "none";
    int used = 0;
    if (report->leaked_blocks)
        used = snprintf(remark, sizeof(remark), "%s in %s block%s %s lost",
                        text_bytes(text, report->leaked_bytes).text,
                        text_count(text, report->leaked_blocks).text,
                        human_plural(report->leaked_blocks),
                        report->leaked_blocks == 1 ? "is" : "are");
    if (possible->blocks && used >= 0 && (size_t)used < sizeof(remark))
        snprintf(remark + used, sizeof(remark) - (size_t)used, "%s%s in %s block%s possibly%s",
                 used ? ", " : "", text_bytes(text, possible->bytes).text,
                 text_count(text, possible->blocks).text, human_plural(possible->blocks),
                 used ? "" : " lost");
    text_heading(text, "Leaks", report->allocations ? remark : NULL);
}

/* Where the verdict ends. */
static void write_limits(const struct text *text, const struct class_sum *sums)
{
    const struct report_scan *judge = text->report->judge;
    const struct class_sum *late = &sums[REPORT_LEAK_UNSCANNED];
    if (strcmp(judge->reason, "exit") != 0) {
        fputs("  As of ", text->out);
        text_scan(text, judge);
        fputs(": there is no later scan.\n", text->out);
    }
    if (late->blocks)
        fprintf(text->out, "  %s in %s block%s came after the scan and %s not judged.\n",
                text_bytes(text, late->bytes).text, text_count(text, late->blocks).text,
                human_plural(late->blocks), late->blocks == 1 ? "is" : "are");
    if (judge->certain && sums[REPORT_LEAK_POSSIBLE].blocks)
        fputs("  Possibly lost is what has pointers into its middle only.\n", text->out);
    if (!judge->certain)
        fprintf(text->out, "  %s: what seems to be lost is only possibly so.\n",
                strcmp(judge->stop, "none") == 0 || judge->stopped < judge->threads
                    ? "Threads ran on meanwhile"
                : judge->unreadable_bytes ? "Not all memory could be read"
                                          : "Events were lost");
    if (!judge->all_blocks)
        fputs("  Not all blocks are known, so all other memory of the allocator counted as in "
              "use:\n  there may be more leaks.\n",
              text->out);
    if (judge->unreadable_bytes)
        fprintf(text->out, "  %s could not be read: pointers there were not seen.\n",
                human_bytes(judge->unreadable_bytes).text);
}

static void write_judged(const struct text *text)
{
    const struct report *report = text->report;
    struct class_sum sums[REPORT_LEAK_UNSCANNED + 1] = {0};
    sum_classes(report, sums);
    write_judged_title(text, sums);
    write_limits(text, sums);
    if (report->allocations == 0 || report->leaked_blocks || sums[REPORT_LEAK_POSSIBLE].blocks ||
        report->live_blocks_at_end == 0)
        return;
    bool doubt = !report->judge->all_blocks || report->judge->unreadable_bytes;
    text_style(text, doubt ? TEXT_NORMAL : TEXT_GOOD);
    fprintf(text->out, "  No leaks%s%s.", report->suppressed_blocks ? " but suppressed ones" : "",
            doubt ? " were found" : "");
    text_style(text, TEXT_NORMAL);
    fputc('\n', text->out);
}

void text_reachable(struct text *text)
{
    const struct report *report = text->report;
    struct class_sum sums[REPORT_LEAK_UNSCANNED + 1] = {0};
    const struct class_sum *reachable = &sums[REPORT_LEAK_REACHABLE];
    if (!report->judge || (text->options->leak_classes & RENDER_LEAK_BIT(REPORT_LEAK_REACHABLE)))
        return;
    sum_classes(report, sums);
    if (reachable->blocks)
        fprintf(text->out, "  Still reachable: %s in %s block%s (--show-leak-kinds=all lists %s)\n",
                text_bytes(text, reachable->bytes).text, text_count(text, reachable->blocks).text,
                human_plural(reachable->blocks), reachable->blocks == 1 ? "it" : "them");
}

void text_verdict(struct text *text)
{
    const struct report *report = text->report;
    char title[64];
    if (report->judge) {
        write_judged(text);
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
