/* SPDX-License-Identifier: Apache-2.0 */
/* RSS and heap over time: one sentence, one small time line, and who held memory in the end. */
#include <string.h>

#include "render/text_report.h"

enum {
    GROWTH_ROWS = 12,      /* of the time line */
    GROWTH_ROWS_BRIEF = 8, /* where the section was not asked for */
    GROWTH_INTERVALS_BRIEF = 2,
    GROWTH_BAR = 24,           /* columns of its bars */
    GROWTH_NOISE = 256 * 1024, /* bytes of change in RSS that are not worth a sentence */
};

static uint64_t grown(uint64_t from, uint64_t to)
{
    return from == REPORT_UNKNOWN || to == REPORT_UNKNOWN || to < from ? 0 : to - from;
}

/* Short programs often build up what they need until they end. */
#define GROWTH_ALARM_NS UINT64_C(10000000000)

/* What part of a rise the heap's live bytes explain, where no snapshot says whose the pages are. */
static void write_explanation(const struct text *text, uint64_t rss, uint64_t live)
{
    char line[300];
    struct human bytes = text_bytes(text, live);
    if (live > rss + rss / 20)
        snprintf(
            line, sizeof(line),
            "Live heap rose by %s, more than RSS did: part of it is untouched, or reuses pages "
            "that were resident before.",
            bytes.text);
    else if (live >= rss - rss / 20)
        snprintf(line, sizeof(line), "Live heap rose by %s, which would explain it.", bytes.text);
    else
        snprintf(line, sizeof(line),
                 "Live heap rose by %s, %s of that; the rest is free memory that the allocator "
                 "keeps, mappings, files or stacks.",
                 bytes.text, text_share(text, live, rss).text);
    text_wrapped(text, line);
    text_wrapped(text, "This is an estimate: no snapshot tells whose the resident pages are.");
}

static size_t peak_sample(const struct report *report)
{
    size_t peak = 0;
    for (size_t i = 1; i < report->sample_count; i++)
        if (report->samples[i].rss_bytes != REPORT_UNKNOWN &&
            (report->samples[peak].rss_bytes == REPORT_UNKNOWN ||
             report->samples[i].rss_bytes > report->samples[peak].rss_bytes))
            peak = i;
    return peak;
}

static void write_sentence(const struct text *text)
{
    const struct report *report = text->report;
    const struct report_sample *first = &report->samples[0];
    const struct report_sample *last = &report->samples[report->sample_count - 1];
    const struct report_sample *peak = &report->samples[peak_sample(report)];
    uint64_t up = grown(first->rss_bytes, last->rss_bytes);
    uint64_t down = grown(last->rss_bytes, first->rss_bytes);
    fputs("  RSS ", text->out);
    if (up < GROWTH_NOISE && down < GROWTH_NOISE)
        fprintf(text->out, "ended where it began, at %s", human_bytes(last->rss_bytes).text);
    else
        fprintf(text->out, "%s from %s to %s", up ? "rose" : "fell",
                human_bytes(first->rss_bytes).text, human_bytes(last->rss_bytes).text);
    if (grown(last->rss_bytes, peak->rss_bytes) >= GROWTH_NOISE)
        fprintf(text->out, ", with a peak of %s at %s", human_bytes(peak->rss_bytes).text,
                human_time(peak->t_ns).text);
    fputs(".\n", text->out);
    if (up >= GROWTH_NOISE && report->memory->interval_count == 0 &&
        first->live_bytes != REPORT_UNKNOWN && last->live_bytes != REPORT_UNKNOWN)
        write_explanation(text, up, grown(first->live_bytes, last->live_bytes));
}

/* Eighths of a column where the terminal has such characters. */
static void write_bar(const struct text *text, uint64_t value, uint64_t full)
{
    static const char *const eighths[] = {"",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89"};
    unsigned parts = 0;
    if (full > 0 && value != REPORT_UNKNOWN)
        parts = (unsigned)((double)value / (double)full * GROWTH_BAR * 8 + 0.5);
    if (!text->options->utf8)
        parts = (parts + 4) / 8 * 8;
    unsigned used = parts / 8 + (parts % 8 != 0);
    for (unsigned i = 0; i < parts / 8; i++)
        fputs(text->options->utf8 ? "\xe2\x96\x88" : "#", text->out);
    fprintf(text->out, "%s%*s", eighths[parts % 8], used < GROWTH_BAR ? GROWTH_BAR - (int)used : 0,
            "");
}

/* Columns that few programs have anything in. */
struct more_columns {
    bool free_heap, swap;
};

static struct more_columns more_columns(const struct text *text)
{
    const struct report *report = text->report;
    struct more_columns more = {false, false};
    for (size_t i = 0; i < report->sample_count; i++) {
        const struct report_sample *sample = &report->samples[i];
        more.swap |= sample->swap_bytes != REPORT_UNKNOWN && sample->swap_bytes > 0;
        more.free_heap |= sample->free_heap_bytes != REPORT_UNKNOWN;
    }
    more.free_heap &= !text_is_brief(text);
    return more;
}

static void write_sample(const struct text *text, const struct report_sample *sample, uint64_t full,
                         struct more_columns more)
{
    fprintf(text->out, "  %12s %10s  ", human_time(sample->t_ns).text,
            human_bytes(sample->rss_bytes).text);
    text_style(text, TEXT_TITLE);
    write_bar(text, sample->rss_bytes, full);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " %11s", text_bytes(text, sample->live_bytes).text);
    if (more.free_heap)
        fprintf(text->out, " %10s",
                sample->free_heap_bytes == REPORT_UNKNOWN
                    ? ""
                    : human_bytes(sample->free_heap_bytes).text);
    fprintf(text->out, " %13s %7s", human_count(sample->minor_faults).text,
            human_count(sample->major_faults).text);
    if (more.swap)
        fprintf(text->out, " %10s", human_bytes(sample->swap_bytes).text);
    fputc('\n', text->out);
}

/* The sample for row `row` of `rows`: the one nearest to an even division of the time. */
static size_t nearest(const struct report *report, size_t row, size_t rows, size_t from)
{
    const struct report_sample *samples = report->samples;
    uint64_t begin = samples[0].t_ns, end = samples[report->sample_count - 1].t_ns;
    double wanted = (double)begin + (double)(end - begin) * (double)row / (double)(rows - 1);
    size_t i = from;
    if (row + 1 == rows)
        return report->sample_count - 1;
    while (i + 1 < report->sample_count && (double)samples[i].t_ns < wanted)
        i++;
    return i;
}

static void write_time_line(const struct text *text)
{
    const struct report *report = text->report;
    size_t most = text_is_brief(text) ? GROWTH_ROWS_BRIEF : GROWTH_ROWS;
    size_t rows = report->sample_count < most ? report->sample_count : most;
    size_t peak = peak_sample(report), next = 0;
    struct more_columns more = more_columns(text);
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  %12s %10s  %-*s %11s%s %13s %7s%s\n", "time", "RSS", GROWTH_BAR, "",
            "live heap", more.free_heap ? "  free heap" : "", "minor faults", "major",
            more.swap ? "    in swap" : "");
    text_style(text, TEXT_NORMAL);
    for (size_t row = 0; row < rows && next < report->sample_count; row++) {
        size_t i = rows < most ? row : nearest(report, row, rows, next);
        /* The peak shall not fall between two rows. */
        if (peak >= next && peak < i)
            write_sample(text, &report->samples[peak], report->samples[peak].rss_bytes, more);
        write_sample(text, &report->samples[i], report->samples[peak].rss_bytes, more);
        next = i + 1;
    }
}

/* Between snapshots: those that the program asked for only where growth itself was. */
static void write_intervals(struct text *text)
{
    const struct report_memory *memory = text->report->memory;
    size_t shown = 0, hidden = 0;
    for (size_t i = 0; i < memory->interval_count; i++) {
        int64_t bytes = memory->intervals[i].bytes;
        bool changed = bytes >= GROWTH_NOISE || bytes <= -GROWTH_NOISE;
        if (i > 0 && !changed)
            continue;
        if (text_is_brief(text) && shown == GROWTH_INTERVALS_BRIEF)
            break;
        if (text->options->top && shown == text->options->top)
            hidden++;
        else if (++shown)
            text_interval(text, &memory->intervals[i]);
    }
    text_more(text, hidden, "interval", "");
}

/* The recorder takes few snapshots by itself, so that they do not cost more than 1 % of the time.
 */
static void write_unseen_peak(const struct text *text)
{
    const struct report *report = text->report;
    const struct report_memory *memory = report->memory;
    if (memory->residency_count == 0 || report->sample_count == 0)
        return;
    const struct report_sample *peak = &report->samples[peak_sample(report)];
    uint64_t seen = memory->residencies[memory->highest].rss_bytes;
    if (grown(seen + seen / 4, peak->rss_bytes) < GROWTH_NOISE)
        return;
    fprintf(text->out,
            "  Of the peak of %s at %s no snapshot tells whose it was (--peak: the heap's).\n",
            human_bytes(peak->rss_bytes).text, human_time(peak->t_ns).text);
}

static void write_trend(const struct text *text)
{
    const struct report *report = text->report;
    const struct report_trend *trend = &report->memory->trend;
    const struct report_sample *last = &report->samples[report->sample_count - 1];
    struct human span = human_time(trend->to_ns - trend->from_ns);
    if (trend->kind == REPORT_TREND_STEADY) {
        bool long_enough = trend->to_ns - trend->from_ns >= GROWTH_ALARM_NS;
        text_style(text, long_enough ? TEXT_WARN : TEXT_NORMAL);
        fputs("  RSS went on growing ", text->out);
        if (last->t_ns > trend->to_ns)
            fprintf(text->out, "from %s to %s", human_time(trend->from_ns).text,
                    human_time(trend->to_ns).text);
        else
            fprintf(text->out, "in the last %s", span.text);
        fprintf(text->out, ": %s a second (95 %%: %s to %s).\n",
                human_bytes((uint64_t)trend->slope).text,
                human_bytes((uint64_t)trend->slope_low).text,
                human_bytes((uint64_t)trend->slope_high).text);
        text_style(text, TEXT_NORMAL);
    } else if (trend->kind == REPORT_TREND_WARM_UP) {
        fprintf(text->out, "  It grew at first only: in the last %s RSS was level.\n", span.text);
    }
}

static void write_site(struct text *text, const struct report_site *site, bool stack)
{
    bool estimated = site->estimated;
    bool resident = site->resident_bytes != REPORT_UNKNOWN;
    fprintf(text->out, "  %10s in %9s block%s",
            text_bytes_within(text, estimated, site->live_bytes, site->live_margin.bytes).text,
            text_count_within(text, estimated, site->live_blocks, site->live_margin.blocks).text,
            site->live_blocks != 1 ? "s"
            : resident             ? ""
                                   : " ");
    if (resident)
        fprintf(text->out, ", %s resident",
                text_about(estimated, human_bytes(site->resident_bytes)).text);
    if (resident && site->swapped_bytes && site->swapped_bytes != REPORT_UNKNOWN)
        fprintf(text->out, ", %s swapped", human_bytes(site->swapped_bytes).text);
    if (!stack) {
        fputs("  ", text->out);
        text_place(text, site->stack, text->columns - 32);
    }
    fputc('\n', text->out);
    if (stack)
        text_stack(text, site->stack);
}

static bool is_mapping(const struct report_site *site)
{
    return strcmp(site->kind, "mmap") == 0 || strcmp(site->kind, "shmat") == 0 ||
           strcmp(site->kind, "sbrk") == 0;
}

/* Without a scan the section above lists every block that is live already. */
static bool lists_all_live(const struct text *text)
{
    const struct report *report = text->report;
    return (text->sections & RENDER_LEAKS) && report->leak_count > 0 &&
           report->leaks[0].class == REPORT_LEAK_UNSCANNED &&
           (text->options->leak_classes & RENDER_LEAK_BIT(REPORT_LEAK_UNSCANNED));
}

static void write_sites(struct text *text)
{
    const struct report *report = text->report;
    bool all = !lists_all_live(text), stacks = !(text->sections & RENDER_LEAKS);
    size_t top = text->options->top ? text->options->top : SIZE_MAX, shown = 0, hidden = 0;
    uint64_t hidden_bytes = 0;
    for (size_t i = 0; i < report->growth_site_count; i++) {
        const struct report_site *site = report->growth_sites[i];
        if (!all && !is_mapping(site))
            continue;
        if (shown >= top) {
            hidden++;
            hidden_bytes += site->live_bytes;
            continue;
        }
        if (shown++ == 0)
            fprintf(text->out,
                    all ? "  Live %s, by call stack:\n"
                        : "  Mapped by the program %s, besides what is listed above:\n",
                    text_at_end(report));
        write_site(text, site, stacks);
    }
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s",
             all ? text_bytes(text, hidden_bytes).text : human_bytes(hidden_bytes).text);
    text_more(text, hidden, "site", rest);
}

void text_growth(struct text *text)
{
    text_heading(text, "RSS growth", NULL);
    if (text->report->sample_count == 0) {
        fputs("  No point of the RSS time line was recorded; a process that ends within 10 ms has "
              "none.\n",
              text->out);
    } else {
        write_sentence(text);
        write_trend(text);
    }
    write_intervals(text);
    write_unseen_peak(text);
    if (text->report->sample_count > 1)
        write_time_line(text);
    text_residency(text);
    if (!text_is_brief(text))
        write_sites(text);
    else if (text->report->memory->residency_count)
        fputs("  More, and what is resident by call stack: --growth.\n", text->out);
}
