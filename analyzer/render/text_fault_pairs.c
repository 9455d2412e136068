/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults whose address and instruction are known: who touched whose memory, and why that
 * faulted. */
#include <stdlib.h>
#include <string.h>

#include "base/path_name.h"
#include "query/own_frame.h"
#include "render/text_faults.h"
#include "render/text_group.h"

/* In the report as a whole: */
enum {
    PAIRS_FROM = 100, /* faults; below that, start-up alone, the totals say enough */
    PAIRS_SHOWN = 5,
    PAIRS_SHARE = 100, /* one in so many faults is worth a row */
};

static uint64_t total_of(const struct report_fault_counts *counts)
{
    return counts->minor + counts->major;
}

static const char *kind_words(enum report_fault_kind kind)
{
    static const char *const words[] = {
        [REPORT_FAULT_FIRST] = "first touch",
        [REPORT_FAULT_HUGE] = "first touch of a huge page",
        [REPORT_FAULT_CACHED] = "file, from the page cache",
        [REPORT_FAULT_DISK] = "file, from the disk",
        [REPORT_FAULT_COPY] = "copy-on-write after fork",
        [REPORT_FAULT_WRITE] = "first write after a read",
        [REPORT_FAULT_RETURN] = "taken again after it was given back",
        [REPORT_FAULT_SWAP] = "swapped in",
        [REPORT_FAULT_STACK] = "stack growth",
    };
    return words[kind];
}

/* The larger kinds, at most two. */
static void write_kinds(const struct text *text, const struct report_fault_counts *counts)
{
    uint64_t all = total_of(counts);
    enum report_fault_kind most = 0, next = REPORT_FAULT_KINDS;
    for (enum report_fault_kind kind = 1; kind < REPORT_FAULT_KINDS; kind++)
        if (counts->kinds[kind] > counts->kinds[most])
            most = kind;
    for (enum report_fault_kind kind = 0; kind < REPORT_FAULT_KINDS; kind++)
        if (kind != most && counts->kinds[kind] >= (all + 9) / 10 &&
            (next == REPORT_FAULT_KINDS || counts->kinds[kind] > counts->kinds[next]))
            next = kind;
    fputs(kind_words(most), text->out);
    if (next != REPORT_FAULT_KINDS)
        fprintf(text->out, " %s, %s %s", human_percent(counts->kinds[most], all).text,
                kind_words(next), human_percent(counts->kinds[next], all).text);
}

static const char *owner_words(const struct report_fault_target *target)
{
    if (strcmp(target->kind, "heap") != 0)
        return target->kind;
    return target->site->inherited ? "inherited heap" : "heap memory";
}

/* "heap memory of ..." without newline. */
static void write_target(struct text *text, const struct report_fault_target *target,
                         size_t columns)
{
    const char *kind = target->kind;
    const char *module = target->module ? path_name(target->module) : NULL;
    if (target->site) {
        bool named = strcmp(kind, "file") == 0 && target->name;
        size_t used = (size_t)fprintf(text->out, "%s ", owner_words(target));
        if (named)
            used += text_name(
                text, text->options->full_stacks ? target->name : path_name(target->name), 32);
        used += (size_t)fprintf(text->out, named ? ", mapped by " : "of ");
        text_place(text, target->site->stack, columns > used + 20 ? columns - used : 20);
    } else if (strcmp(kind, "stack") == 0) {
        fputs("stack of ", text->out);
        text_name(text, target->name, columns);
    } else if (strcmp(kind, "allocator") == 0) {
        fputs("memory of the allocator's own, in no block", text->out);
    } else if (strcmp(kind, "tracer") == 0) {
        fputs("the recorder's own memory", text->out);
    } else if (module) {
        text_name(text, target->name ? target->name : kind, columns / 2);
        fputs(" of ", text->out);
        text_name(text, module, columns / 2);
    } else {
        text_name(text, target->name ? target->name : "memory of an unknown owner", columns);
    }
}

static void write_counts(const struct text *text, const struct report_fault_counts *counts)
{
    const struct report_fault_totals *totals = &text->report->fault_totals;
    text_style(text, TEXT_BOLD);
    fprintf(text->out, "%12s", human_count(total_of(counts)).text);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " %6s  ",
            human_percent(total_of(counts), totals->described + totals->inferred).text);
}

static void write_majors(const struct text *text, const struct report_fault_counts *counts)
{
    if (counts->major == 0)
        return;
    text_style(text, TEXT_BAD);
    fprintf(text->out, ", %s major", human_count(counts->major).text);
    text_style(text, TEXT_NORMAL);
}

static void write_code(struct text *text, const struct report_fault_code *code, size_t columns)
{
    if (code->stack && code->stack->count > 0)
        text_place(text, code->stack, columns);
    else
        fputs(code->stack ? "(the recorder)" : "(a system call)", text->out);
}

/* Pairs that differ in nothing that a row shows. */
struct pair_row {
    const struct report_fault *first;
    struct report_fault_counts counts;
    size_t stacks; /* of threads; 0: it is about something else */
};

static void write_row(struct text *text, const struct pair_row *row)
{
    write_counts(text, &row->counts);
    write_code(text, row->first->code, text->columns - 22);
    fprintf(text->out, "\n%21stouches ", "");
    if (row->stacks > 1)
        fprintf(text->out, "stacks of %s threads", human_count(row->stacks).text);
    else
        write_target(text, row->first->target, text->columns - 29);
    fprintf(text->out, "\n%21s", "");
    text_style(text, TEXT_DIM);
    write_kinds(text, &row->counts);
    text_style(text, TEXT_NORMAL);
    write_majors(text, &row->counts);
    if (row->counts.inferred)
        fprintf(text->out, "; %s inferred", human_count(row->counts.inferred).text);
    fputc('\n', text->out);
}

static void write_pairs_head(const struct text *text)
{
    text_style(text, TEXT_DIM);
    fprintf(text->out, "%12s %6s  %s\n", "faults", "share", "who touched what, and why it faulted");
    text_style(text, TEXT_NORMAL);
}

static void write_more_pairs(const struct text *text, size_t count, uint64_t faults)
{
    char rest[64];
    snprintf(rest, sizeof(rest), " with %s fault%s", human_count(faults).text,
             human_plural(faults));
    text_more(text, count, "pair", rest);
}

static void write_pairs(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->fault_count);
    uint64_t hidden = 0;
    write_pairs_head(text);
    for (size_t i = 0; i < rows; i++)
        write_row(text, &(struct pair_row){&report->faults[i], report->faults[i].counts, 0});
    for (size_t i = rows; i < report->fault_count; i++)
        hidden += total_of(&report->faults[i].counts);
    write_more_pairs(text, report->fault_count - rows, hidden);
}

static bool is_recorder(const struct report_fault *fault)
{
    return strcmp(fault->target->kind, "tracer") == 0 ||
           (fault->code->stack && fault->code->stack->count == 0 && !fault->code->stack->lost);
}

static bool is_stack(const struct report_fault *fault)
{
    return strcmp(fault->target->kind, "stack") == 0;
}

/* What the row says of the target, but for the thread whose stack it is; NULL: out of memory. */
static char *target_words(const struct report_fault *fault)
{
    const struct report_fault_target *target = fault->target;
    const struct report_frame *own = target->site ? own_frame(target->site->stack) : NULL;
    char *words = NULL;
    const char *name = target->name && !is_stack(fault) ? target->name : "";
    if (asprintf(&words, "%d %s %s %s %s %s %d %#llx", fault->code->stack != NULL, target->kind,
                 name, target->module ? target->module : "",
                 own && own->function ? own->function : "", own && own->file ? own->file : "",
                 own ? own->line : 0,
                 own && own->line == 0 ? (unsigned long long)own->offset : 0) < 0)
        return NULL;
    return words;
}

static void counts_add(struct report_fault_counts *sum, const struct report_fault_counts *counts)
{
    sum->minor += counts->minor;
    sum->major += counts->major;
    sum->inferred += counts->inferred;
    for (size_t i = 0; i < REPORT_FAULT_KINDS; i++)
        sum->kinds[i] += counts->kinds[i];
}

static struct pair_row pair_row(const struct report *report, const size_t *members, size_t count)
{
    struct pair_row row = {.first = &report->faults[members[0]]};
    for (size_t i = 0; i < count; i++) {
        const struct report_fault *fault = &report->faults[members[i]];
        size_t j = 0;
        counts_add(&row.counts, &fault->counts);
        while (j < i && report->faults[members[j]].target != fault->target)
            j++;
        row.stacks += is_stack(fault) && j == i;
    }
    return row;
}

static void write_groups(struct text *text, const struct text_groups *groups, uint64_t own)
{
    const struct report_fault_totals *totals = &text->report->fault_totals;
    uint64_t least = (totals->described + totals->inferred) / PAIRS_SHARE, hidden = 0;
    size_t rows = text_rows(text, groups->count), i = 0;
    write_pairs_head(text);
    for (; i < rows && i < PAIRS_SHOWN && groups->groups[i].total >= least; i++) {
        const struct text_group *group = &groups->groups[i];
        struct pair_row row = pair_row(text->report, &groups->order[group->first], group->count);
        write_row(text, &row);
    }
    if (own >= least && own) {
        struct report_fault_counts counts = {.minor = own};
        write_counts(text, &counts);
        fputs("the recorder itself, or in its memory\n", text->out);
    }
    for (size_t j = i; j < groups->count; j++)
        hidden += groups->groups[j].total;
    write_more_pairs(text, groups->count - i, hidden);
}

/* The larger ones, each place of the program once. */
static void write_main_pairs(struct text *text)
{
    const struct report *report = text->report;
    struct text_group_item *items = calloc(report->fault_count, sizeof(*items));
    struct text_groups groups = {0};
    uint64_t own = 0;
    bool good = items != NULL;
    for (size_t i = 0; good && i < report->fault_count; i++) {
        const struct report_fault *fault = &report->faults[i];
        bool recorder = is_recorder(fault);
        items[i] = (struct text_group_item){.stack = fault->code->stack,
                                            .pool = target_words(fault),
                                            .rank = recorder,
                                            .value = total_of(&fault->counts)};
        own += recorder ? items[i].value : 0;
        good = items[i].pool != NULL;
    }
    if (good && text_groups_init(&groups, items, report->fault_count, false)) {
        while (groups.count > 0 && groups.groups[groups.count - 1].rank)
            groups.count--; /* the recorder's own come last */
        write_groups(text, &groups, own);
    } else {
        text->failed = true;
    }
    for (size_t i = 0; items && i < report->fault_count; i++)
        free((char *)items[i].pool);
    free(items);
    text_groups_release(&groups);
}

static void write_codes(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->fault_code_count);
    fputs("\n  By what touched:\n", text->out);
    for (size_t i = 0; i < rows; i++) {
        const struct report_fault_code *code = report->fault_codes[i];
        write_counts(text, &code->counts);
        write_kinds(text, &code->counts);
        write_majors(text, &code->counts);
        fputc('\n', text->out);
        if (code->stack && code->stack->count > 0)
            text_stack(text, code->stack);
        else
            fprintf(text->out, "        %s\n", code->stack ? "(the recorder)" : "(a system call)");
    }
    text_more(text, report->fault_code_count - rows, "place", "");
}

static void write_targets(struct text *text)
{
    const struct report *report = text->report;
    size_t rows = text_rows(text, report->fault_target_count);
    fputs("\n  By whose memory it was:\n", text->out);
    for (size_t i = 0; i < rows; i++) {
        const struct report_fault_target *target = report->fault_targets[i];
        write_counts(text, &target->counts);
        write_target(text, target, text->columns - 22);
        write_majors(text, &target->counts);
        fputc('\n', text->out);
        if (target->site)
            text_stack(text, target->site->stack);
        if (target->first_offset != REPORT_UNKNOWN)
            fprintf(text->out, "%21sbetween %s and %s of the file\n", "",
                    human_bytes(target->first_offset).text, human_bytes(target->last_offset).text);
        if (target->giver) {
            fprintf(text->out, "%21sgiven back to the kernel by ", "");
            text_place(text, target->giver, text->columns - 50);
            fputc('\n', text->out);
        }
    }
    text_more(text, report->fault_target_count - rows, "owner", "");
}

void text_fault_pairs(struct text *text)
{
    const struct report_fault_totals *totals = &text->report->fault_totals;
    bool whole = text->options->sections == 0 && text->options->top != 0;
    text_fault_totals(text);
    if (whole && totals->described + totals->inferred < PAIRS_FROM)
        return;
    text_fault_cost(text);
    text_fault_hints(text);
    if (whole)
        write_main_pairs(text);
    else
        write_pairs(text);
    if (text->options->sections == 0)
        return;
    write_codes(text);
    write_targets(text);
}
