/* SPDX-License-Identifier: Apache-2.0 */
/* Why RSS grew, as a sentence: "RSS grew by 412 MiB: 80 % live blocks from parse_row
 * (table.c:88), 15 % free memory that glibc keeps." */
#include <stdlib.h>
#include <string.h>

#include "base/path_name.h"
#include "query/own_frame.h"
#include "render/short_name.h"
#include "render/text_group.h"
#include "render/text_report.h"

enum {
    CAUSES_SHOWN = 3,
    CAUSE_LEAST = 20, /* shown from one in so many bytes */
    CAUSE_NAME = 48,  /* columns of a function's name */
};

#define CAUSE_NOISE ((uint64_t)(256 * 1024)) /* bytes that need no reason */

struct clause {
    enum report_part part;
    uint64_t bytes;
    const struct report_stack *stack;
    const char *name;
};

static uint64_t amount(int64_t bytes)
{
    return bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
}

const char *text_allocator(const struct report *report)
{
    for (size_t i = 0; i < report->fact_count; i++) {
        if (strcmp(report->facts[i].key, "allocator") != 0)
            continue;
        const char *name = path_name(report->facts[i].value);
        if (strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2", 6) == 0)
            return "glibc";
        if (strncmp(name, "ld-musl", 7) == 0 || strncmp(name, "libc.musl", 9) == 0)
            return "musl";
        if (strstr(name, "jemalloc"))
            return "jemalloc";
        if (strstr(name, "tcmalloc"))
            return "tcmalloc";
        if (strstr(name, "mimalloc"))
            return "mimalloc";
    }
    return "the allocator";
}

void text_wrapped(const struct text *text, const char *words)
{
    size_t column = 0;
    for (const char *at = words; *at;) {
        size_t length = strcspn(at, " "), width = 0;
        for (size_t i = 0; i < length; i++)
            width += ((unsigned char)at[i] & 0xc0) != 0x80;
        if (column > 0 && column + 1 + width > text->columns) {
            fputs("\n ", text->out);
            column = 1;
        }
        fprintf(text->out, "%s%.*s", column ? " " : "  ", (int)length, at);
        column += width + (column ? 1 : 2);
        at += length;
        at += strspn(at, " ");
    }
    fputc('\n', text->out);
}

void text_origin(struct text *text, const struct report_stack *stack, size_t columns)
{
    const struct report_frame *own = own_frame(stack);
    if (own == NULL) {
        fputs("an unknown place", text->out);
        return;
    }
    char *brief = own->function ? short_name(own->function, columns, text_ellipsis(text)) : NULL;
    if (brief)
        text_name(text, brief, columns);
    else
        text_function(text, own, columns);
    free(brief);
    if (own->file && own->line > 0) {
        fputs(" (", text->out);
        text_name(text, path_name(own->file), 40);
        fprintf(text->out, ":%d)", own->line);
    }
}

static void write_clause(struct text *text, const struct clause *clause)
{
    switch (clause->part) {
    case REPORT_PART_LIVE:
        fputs(clause->stack ? "live blocks from " : "live blocks", text->out);
        if (clause->stack)
            text_origin(text, clause->stack, CAUSE_NAME);
        break;
    case REPORT_PART_FREE:
        if (text->report->forked && !text->report->inherited.taken)
            fputs("memory inherited from the parent, or free", text->out);
        else
            fprintf(text->out, "free memory that %s keeps", text_allocator(text->report));
        break;
    case REPORT_PART_MAPPINGS:
        fputs(clause->stack ? "mapped by " : "mappings", text->out);
        if (clause->stack)
            text_origin(text, clause->stack, CAUSE_NAME);
        break;
    case REPORT_PART_FILES:
        fputs(clause->name ? "file " : "files", text->out);
        if (clause->name)
            text_name(text, path_name(clause->name), 40);
        break;
    case REPORT_PART_STACKS:
        fputs("stacks", text->out);
        break;
    case REPORT_PART_TRACER:
        fputs("vmtrace itself", text->out);
        break;
    default:
        fputs("other memory", text->out);
        break;
    }
}

static int by_bytes(const void *left, const void *right)
{
    const struct clause *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->part < b->part ? -1 : a->part > b->part;
}

/* The causes that point one way; stacks with the same frame of the program's own are one. */
static size_t collect(struct text *text, const struct report_interval *interval, bool up,
                      struct clause *clauses)
{
    struct text_group_item *items = calloc(interval->cause_count + 1, sizeof(*items));
    struct text_groups groups;
    size_t count = 0, item_count = 0;
    for (size_t i = 0; items && i < interval->cause_count; i++) {
        const struct report_cause *cause = &interval->causes[i];
        if ((cause->bytes > 0) != up)
            continue;
        if (cause->site)
            items[item_count++] = (struct text_group_item){
                .stack = cause->site->stack, .rank = cause->part, .value = amount(cause->bytes)};
        else
            clauses[count++] =
                (struct clause){cause->part, amount(cause->bytes), NULL, cause->name};
    }
    if (!items || !text_groups_init(&groups, items, item_count, false)) {
        free(items);
        text->failed = true;
        return count;
    }
    for (size_t i = 0; i < groups.count; i++) {
        const struct text_group *group = &groups.groups[i];
        clauses[count++] = (struct clause){(enum report_part)group->rank, group->total,
                                           items[groups.order[group->first]].stack, NULL};
    }
    text_groups_release(&groups);
    free(items);
    qsort(clauses, count, sizeof(*clauses), by_bytes);
    return count;
}

static uint64_t sum_of(const struct clause *clauses, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += clauses[i].bytes;
    return sum;
}

/* Shares of the whole, or bytes where much went the other way so that shares would mislead. */
static void write_clauses(struct text *text, const struct clause *clauses, size_t count,
                          uint64_t whole, bool shares)
{
    for (size_t i = 0; i < count && i < CAUSES_SHOWN; i++) {
        if (i > 0 && clauses[i].bytes < whole / CAUSE_LEAST)
            break;
        fprintf(text->out, "%s%s ", i ? ", " : "",
                shares ? human_percent(clauses[i].bytes, whole).text
                       : human_bytes(clauses[i].bytes).text);
        write_clause(text, &clauses[i]);
    }
}

void text_moment(const struct text *text, const struct report_residency *at, bool highest)
{
    struct human time = human_time(at->t_ns);
    if (strcmp(at->reason, "exit") == 0) {
        fprintf(text->out, "the end (%s)", time.text);
    } else if (strcmp(at->reason, "peak") == 0) {
        fprintf(text->out,
                highest ? "the highest snapshot (%s)" : "the snapshot of a new height (%s)",
                time.text);
    } else if (at->name[0]) {
        fputs("snapshot \"", text->out);
        text_name(text, at->name, 40);
        fprintf(text->out, "\" (%s)", time.text);
    } else {
        fprintf(text->out, "the snapshot at %s", time.text);
    }
}

static void write_opening(struct text *text, const struct report_interval *interval)
{
    const struct report_memory *memory = text->report->memory;
    const struct report_residency *to = &memory->residencies[interval->to];
    if (interval->from == REPORT_START) {
        fputs("At ", text->out);
        text_moment(text, to, interval->to == memory->highest);
        fprintf(text->out, " RSS was %s", human_bytes(to->rss_bytes).text);
        return;
    }
    fputs("From ", text->out);
    text_moment(text, &memory->residencies[interval->from], interval->from == memory->highest);
    fputs(" to ", text->out);
    text_moment(text, to, interval->to == memory->highest);
    if (amount(interval->bytes) < CAUSE_NOISE)
        fputs(" RSS stayed the same", text->out);
    else
        fprintf(text->out, " RSS %s by %s", interval->bytes > 0 ? "grew" : "fell",
                human_bytes(amount(interval->bytes)).text);
}

static void write_sentence(struct text *text, const struct report_interval *interval,
                           struct clause *clauses)
{
    uint64_t whole = amount(interval->bytes);
    bool up = interval->bytes > 0;
    write_opening(text, interval);
    if (whole >= CAUSE_NOISE) {
        size_t count = collect(text, interval, up, clauses);
        uint64_t sum = sum_of(clauses, count);
        bool shares = sum - whole <= whole / 10;
        fputs(": ", text->out);
        write_clauses(text, clauses, count, shares ? sum : whole, shares);
        if (!shares) {
            count = collect(text, interval, !up, clauses);
            fputs(up ? "; but less: " : "; but more: ", text->out);
            write_clauses(text, clauses, count < 2 ? count : 2, whole, false);
        }
    }
    fputc('.', text->out);
}

void text_interval(struct text *text, const struct report_interval *interval)
{
    char *words = NULL;
    size_t length;
    struct clause *clauses = calloc(interval->cause_count + 1, sizeof(*clauses));
    struct text inner = *text;
    inner.out = open_memstream(&words, &length);
    if (!clauses || !inner.out) {
        text->failed = true;
    } else {
        write_sentence(&inner, interval, clauses);
        text->failed |= inner.failed;
    }
    if (inner.out && fclose(inner.out) == 0 && !text->failed)
        text_wrapped(text, words);
    free(words);
    free(clauses);
}
