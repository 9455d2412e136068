/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/text_group.h"
#include "render/text_report.h"

/* The leaks that are listed, in groups. */
struct leak_list {
    const struct report_leak **leaks;
    struct text_group_item *items;
    struct text_groups groups;
    size_t count;
    size_t other, suppressed; /* that are not listed, apart from reachable ones */
};

static const char *class_words(enum report_leak_class class)
{
    static const char *const words[] = {
        [REPORT_LEAK_DEFINITE] = "lost: ",
        [REPORT_LEAK_INDIRECT] = "lost with other blocks: ",
        [REPORT_LEAK_POSSIBLE] = "possibly lost: ",
        [REPORT_LEAK_REACHABLE] = "still reachable: ",
        [REPORT_LEAK_UNSCANNED] = "",
    };
    return words[class];
}

/* What came after the scan is no leak; its sum is told. */
static bool is_listed(const struct text *text, const struct report_leak *leak)
{
    bool late = text->report->judge && leak->class == REPORT_LEAK_UNSCANNED;
    return !leak->suppressed && !late &&
           (text->options->leak_classes & RENDER_LEAK_BIT(leak->class));
}

/* The leaks of one group together; `leak` is the largest. */
struct leak_sum {
    const struct report_leak *leak;
    uint64_t bytes, blocks, oldest_ns, newest_ns, recorded;
    uint64_t indirect_bytes, indirect_blocks, before_blocks, scans_seen;
    double bytes_variance, blocks_variance; /* of estimates, in squares of their margins */
};

static uint64_t root(double square)
{
    return (uint64_t)(sqrt(square) + 0.5);
}

static void add_leak(struct leak_sum *sum, const struct report_leak *leak)
{
    double bytes = (double)leak->margin.bytes, blocks = (double)leak->margin.blocks;
    sum->bytes += leak->bytes;
    sum->blocks += leak->blocks;
    sum->recorded += leak->recorded;
    sum->indirect_bytes += leak->indirect_bytes;
    sum->indirect_blocks += leak->indirect_blocks;
    sum->before_blocks += leak->before_blocks;
    sum->scans_seen = leak->scans_seen > sum->scans_seen ? leak->scans_seen : sum->scans_seen;
    sum->bytes_variance += bytes * bytes;
    sum->blocks_variance += blocks * blocks;
    sum->oldest_ns = leak->oldest_ns < sum->oldest_ns ? leak->oldest_ns : sum->oldest_ns;
    sum->newest_ns = leak->newest_ns > sum->newest_ns ? leak->newest_ns : sum->newest_ns;
}

static void write_head(const struct text *text, const struct leak_sum *sum, size_t stacks)
{
    const struct report_leak *leak = sum->leak;
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    fprintf(text->out, "%s%s", class_words(leak->class),
            text_bytes_within(text, leak->estimated, sum->bytes, root(sum->bytes_variance)).text);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " in %s block%s",
            text_count_within(text, leak->estimated, sum->blocks, root(sum->blocks_variance)).text,
            human_plural(sum->blocks));
    if (sum->indirect_blocks)
        fprintf(text->out, " and, with %s, %s in %s more", sum->blocks == 1 ? "it" : "them",
                text_bytes(text, sum->indirect_bytes).text,
                text_count(text, sum->indirect_blocks).text);
    if (sum->bytes < text->report->live_bytes_at_end)
        fprintf(text->out, " (%s)",
                text_share(text, sum->bytes, text->report->live_bytes_at_end).text);
    if (leak->estimated)
        fprintf(text->out, ", %s sample%s", human_count(sum->recorded).text,
                human_plural(sum->recorded));
    fputs(", ", text->out);
    text_name(text, leak->site->kind, 40);
    /* A pool's kind is its name already. */
    if (leak->pool && strstr(leak->site->kind, leak->pool) == NULL) {
        fputs(" from pool ", text->out);
        text_name(text, leak->pool, 40);
    }
    if (stacks > 1)
        fprintf(text->out, ", %s call stacks", human_count(stacks).text);
    if (sum->blocks == 1 || sum->oldest_ns == sum->newest_ns)
        fprintf(text->out, ", allocated at %s\n", human_time(sum->oldest_ns).text);
    else
        fprintf(text->out, ", from %s to %s\n", human_time(sum->oldest_ns).text,
                human_time(sum->newest_ns).text);
}

/* What earlier scans say of it. */
static void write_history(const struct text *text, const struct leak_sum *sum)
{
    const struct report_scan *before = sum->leak->before;
    if (sum->leak->class != REPORT_LEAK_DEFINITE || !before)
        return;
    fprintf(text->out, "      lost in %s scan%s", human_count(sum->scans_seen).text,
            human_plural(sum->scans_seen));
    if (sum->blocks > sum->before_blocks) {
        fprintf(text->out, "; grew from %s to %s block%s since ",
                text_count(text, sum->before_blocks).text, text_count(text, sum->blocks).text,
                human_plural(sum->blocks));
        text_scan(text, before);
    }
    fputc('\n', text->out);
}

/* Blocks one by one, where the program's LSAN_OPTIONS ask for them. */
static void write_objects(const struct text *text, const struct leak_list *list,
                          const struct text_group *group)
{
    size_t count = 0, row = 0;
    for (size_t i = 0; i < group->count; i++)
        count += list->leaks[list->groups.order[group->first + i]]->object_count;
    size_t rows = text_rows(text, count);
    for (size_t i = 0; i < group->count; i++) {
        const struct report_leak *leak = list->leaks[list->groups.order[group->first + i]];
        for (size_t k = 0; k < leak->object_count && row < rows; k++, row++)
            fprintf(text->out, "      0x%" PRIx64 ", %" PRIu64 " byte%s\n",
                    leak->objects[k].address, leak->objects[k].bytes,
                    human_plural(leak->objects[k].bytes));
    }
    text_more(text, count - rows, "block", "");
}

/* What is lost with other blocks goes when those do: a line says where it came from. */
static void write_group(struct text *text, const struct leak_list *list,
                        const struct text_group *group)
{
    const size_t *members = list->groups.order + group->first;
    struct leak_sum sum = {.leak = list->leaks[members[0]], .oldest_ns = UINT64_MAX};
    for (size_t i = 0; i < group->count; i++)
        add_leak(&sum, list->leaks[members[i]]);
    write_head(text, &sum, group->count);
    if (sum.leak->class == REPORT_LEAK_INDIRECT && text_is_brief(text)) {
        fputs("      ", text->out);
        text_place(text, sum.leak->site->stack, text->columns - 6);
        fputc('\n', text->out);
    } else {
        write_history(text, &sum);
        text_stack(text, sum.leak->site->stack);
        text_other_ways(text, list->items, members, group);
    }
    write_objects(text, list, group);
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
    if (report->sample_interval) {
        fprintf(text->out,
                "  Every block that was sampled has been freed: with 95 %% confidence less "
                "than %s was not.\n",
                human_bytes(report->live_margin.bytes).text);
        return;
    }
    text_style(text, report->lost_events ? TEXT_NORMAL : TEXT_GOOD);
    fprintf(text->out, "  Every block that was allocated%s has been freed.",
            report->lost_events ? " and recorded" : "");
    text_style(text, TEXT_NORMAL);
    fputc('\n', text->out);
}

/* false: out of memory */
static bool leak_list_init(struct leak_list *list, const struct text *text)
{
    const struct report *report = text->report;
    *list = (struct leak_list){
        .leaks = calloc(report->leak_count + 1, sizeof(*list->leaks)),
        .items = calloc(report->leak_count + 1, sizeof(*list->items)),
    };
    if (list->leaks == NULL || list->items == NULL)
        return false;
    for (size_t i = 0; i < report->leak_count; i++) {
        const struct report_leak *leak = &report->leaks[i];
        if (!is_listed(text, leak)) {
            bool told = report->judge && leak->class >= REPORT_LEAK_REACHABLE;
            list->suppressed += leak->suppressed;
            list->other += !leak->suppressed && !told;
            continue;
        }
        list->items[list->count] =
            (struct text_group_item){leak->site->stack, leak->site->kind, leak->pool, leak->class,
                                     leak->bytes + leak->indirect_bytes};
        list->leaks[list->count++] = leak;
    }
    return text_groups_init(&list->groups, list->items, list->count, text->options->full_stacks);
}

static void leak_list_release(struct leak_list *list)
{
    text_groups_release(&list->groups);
    free(list->leaks);
    free(list->items);
}

static void write_list(struct text *text, const struct leak_list *list)
{
    const struct text_groups *groups = &list->groups;
    size_t rows = text_rows(text, groups->count);
    uint64_t hidden = 0;
    for (size_t i = 0; i < rows; i++)
        write_group(text, list, &groups->groups[i]);
    for (size_t i = rows; i < groups->count; i++)
        for (size_t k = 0; k < groups->groups[i].count; k++)
            hidden += list->leaks[groups->order[groups->groups[i].first + k]]->bytes;
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s", text_bytes(text, hidden).text);
    text_more(text, groups->count - rows, "site", rest);
    if (list->suppressed)
        fprintf(text->out, "  %zu suppressed\n", list->suppressed);
    if (list->other)
        fprintf(text->out, "  %zu of other kinds are not listed (--show-leak-kinds=all)\n",
                list->other);
}

void text_leaks(struct text *text)
{
    struct leak_list list;
    text_verdict(text);
    if (leak_list_init(&list, text))
        write_list(text, &list);
    else
        text->failed = true;
    leak_list_release(&list);
    text_reachable(text);
    write_none(text);
    text_suppressions(text);
}
