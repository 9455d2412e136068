/* SPDX-License-Identifier: Apache-2.0 */
/* Why what is not lost is alive, and what keeps most of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/path_name.h"
#include "query/own_frame.h"
#include "render/short_name.h"
#include "render/text_report.h"

enum {
    BRIEF_ROWS = 3,
    BRIEF_GROWING = 5,   /* rows of what grows */
    BRIEF_LEAST = 16384, /* bytes; what is less and does not grow is nobody's concern */
    NAME_COLUMNS = 40,
    INDENT = 6,
};

static void write_thread(const struct text *text, const struct report_root *root, const char *of)
{
    fputs(of, text->out);
    if (root->main_thread)
        fputs(" of the main thread", text->out);
    else if (root->tid)
        fprintf(text->out, " of thread %" PRIu32, root->tid);
    if (root->tid && !root->main_thread && root->name) {
        fputs(" (", text->out);
        text_name(text, root->name, NAME_COLUMNS);
        fputc(')', text->out);
    }
}

static void write_variable(const struct text *text, const struct report_root *root, bool exact)
{
    const char *module = root->module ? path_name(root->module) : NULL;
    if (root->name) {
        text_name(text, root->name, NAME_COLUMNS);
        if (exact && root->variable_offset)
            fprintf(text->out, "+%" PRIu64, root->variable_offset);
        fputs(" (variable", text->out);
        if (module) {
            fputs(" of ", text->out);
            text_name(text, module, NAME_COLUMNS);
        }
        fputc(')', text->out);
        return;
    }
    fputs("data at ", text->out);
    if (module)
        text_name(text, module, NAME_COLUMNS);
    fprintf(text->out, module ? "+0x%" PRIx64 : "0x%" PRIx64, root->offset);
}

/* `exact`: of this very pointer, not of all in the same variable. */
static void write_root(struct text *text, const struct report_root *root, bool exact)
{
    switch (root->kind) {
    case REPORT_ROOT_VARIABLE:
        write_variable(text, root, exact);
        break;
    case REPORT_ROOT_STACK:
        write_thread(text, root, "stack");
        if (exact && root->stack_offset != REPORT_UNKNOWN && !text_is_brief(text))
            fprintf(text->out, ", 0x%" PRIx64 " from its stack pointer", root->stack_offset);
        break;
    case REPORT_ROOT_REGISTER:
        write_thread(text, root, "a register");
        break;
    case REPORT_ROOT_TLS:
        write_thread(text, root, "thread-local storage");
        break;
    case REPORT_ROOT_MAPPING:
        fputs("memory mapped", text->out);
        if (root->site) {
            fputs(" by ", text->out);
            text_origin(text, root->site->stack, NAME_COLUMNS);
        }
        break;
    case REPORT_ROOT_LOADER:
        fputs("memory of the dynamic loader", text->out);
        break;
    default:
        fputs("memory without a known owner", text->out);
        break;
    }
}

/* The pointer's place in the block is told where there is room for details. */
static void write_step(struct text *text, const struct report_step *step)
{
    const struct report_frame *own = own_frame(step->site->stack);
    if (step->blocks > 1)
        fputc('[', text->out);
    char *brief = own && own->function && !text->options->full_stacks
                      ? short_name(own->function, NAME_COLUMNS, text_ellipsis(text))
                      : NULL;
    if (own && own->function)
        text_name(text, brief ? brief : own->function, NAME_COLUMNS);
    else if (own)
        text_function(text, own, NAME_COLUMNS);
    else
        fputs("an unknown place", text->out);
    free(brief);
    if (step->offset != REPORT_UNKNOWN && !text_is_brief(text))
        fprintf(text->out, " (+%" PRIu64 ")", step->offset);
    if (step->blocks > 1)
        fprintf(text->out, " x %s]", human_count(step->blocks).text);
}

/* The parts of a way, put into lines that break between them. */
struct way_line {
    struct text *text;
    size_t column;
};

static size_t width_of(const char *words)
{
    size_t width = 0;
    for (; *words; words++)
        width += ((unsigned char)*words & 0xc0) != 0x80;
    return width;
}

/* Takes what was written to `part`, which is closed. */
static void add_part(struct way_line *line, FILE *part, char **words)
{
    const struct text *text = line->text;
    if (!part || fclose(part) != 0) {
        free(*words);
        line->text->failed = true;
        return;
    }
    const char *arrow = text->options->utf8 ? " \xe2\x86\x92 " : " -> ";
    size_t width = width_of(*words), before = line->column ? width_of(arrow) : INDENT;
    if (line->column && line->column + before + width > text->columns) {
        fprintf(text->out, "\n%*s%s", INDENT, "", arrow);
        line->column = INDENT + width_of(arrow);
    } else {
        fprintf(text->out, line->column ? "%s" : "%6s", line->column ? arrow : "");
        line->column += before;
    }
    fputs(*words, text->out);
    line->column += width;
    free(*words);
}

/* The same report, but written to memory. */
static FILE *begin_part(const struct text *text, struct text *part, char **words, size_t *size)
{
    *words = NULL;
    *part = *text;
    part->out = open_memstream(words, size);
    return part->out;
}

static void write_way(struct text *text, const struct report_kept *kept)
{
    struct way_line line = {.text = text};
    struct text part;
    char *words;
    size_t size;
    if (begin_part(text, &part, &words, &size))
        write_root(&part, &kept->root, true);
    add_part(&line, part.out, &words);
    if (kept->left_out) {
        if (begin_part(text, &part, &words, &size))
            fprintf(part.out, "(%s more)", human_count(kept->left_out).text);
        add_part(&line, part.out, &words);
    }
    for (size_t i = 0; i < kept->step_count; i++) {
        if (begin_part(text, &part, &words, &size))
            write_step(&part, &kept->steps[i]);
        add_part(&line, part.out, &words);
    }
    if (kept->possible)
        fputs(", into the middle of a block", text->out);
    fputc('\n', text->out);
}

static uint64_t kept_bytes(const struct report_kept *kept)
{
    return kept->reachable_bytes + kept->possible_bytes;
}

static void write_kept(struct text *text, const struct report_kept *kept)
{
    uint64_t bytes = kept_bytes(kept), blocks = kept->reachable_blocks + kept->possible_blocks;
    fputs("  ", text->out);
    text_style(text, TEXT_BOLD);
    fputs(human_bytes(bytes).text, text->out);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, " in %s block%s", human_count(blocks).text, human_plural(blocks));
    if (kept->retained_bytes > bytes + bytes / 10)
        fprintf(text->out, ", %s with what hangs on them", human_bytes(kept->retained_bytes).text);
    if (kept->grows) {
        fputs(", ", text->out);
        text_style(text, TEXT_WARN);
        fputs("still growing", text->out);
        text_style(text, TEXT_NORMAL);
        uint64_t all = 0;
        for (size_t i = 0; i < REPORT_QUARTERS; i++)
            all += kept->quarters[i];
        fprintf(text->out, " (%s in the last quarter)",
                human_percent(kept->quarters[REPORT_QUARTERS - 1], all).text);
    }
    fputs("\n    ", text->out);
    text_place(text, kept->site->stack, text->columns - 4);
    fputc('\n', text->out);
    write_way(text, kept);
    if (kept->way_bytes < bytes - bytes / 10)
        fprintf(text->out, "%*s%s of it by other ways\n", INDENT, "",
                human_bytes(bytes - kept->way_bytes).text);
}

static void write_roots(struct text *text, const struct report_retention *retention, size_t count,
                        size_t left_out)
{
    size_t rows = text_rows(text, count);
    if (text_is_brief(text))
        rows = count = rows < BRIEF_ROWS ? rows : BRIEF_ROWS;
    text_style(text, TEXT_DIM);
    fputs("  nearest to     in blocks  only by it  largest roots: what keeps blocks alive from "
          "outside\n",
          text->out);
    text_style(text, TEXT_NORMAL);
    for (size_t i = 0; i < rows; i++) {
        const struct report_root *root = &retention->roots[i];
        fprintf(text->out, "  %10s %13s  %10s  ", human_bytes(root->nearest_bytes).text,
                human_count(root->nearest_blocks).text, human_bytes(root->alone_bytes).text);
        write_root(text, root, false);
        fputc('\n', text->out);
    }
    text_more(text, count - rows + (text_is_brief(text) ? 0 : left_out), "root", "");
    if (retention->shared_blocks)
        fprintf(text->out, "  %s in %s block%s would live on without any one of these roots.\n",
                human_bytes(retention->shared_bytes).text,
                human_count(retention->shared_blocks).text, human_plural(retention->shared_blocks));
}

static void write_why_not(const struct text *text)
{
    const struct report *report = text->report;
    if (text->options->sections == 0)
        return;
    text_heading(text, "Kept alive by", NULL);
    if (report->sample_interval)
        fputs("  Not known: of a sampled trace, most of what points to what is missing.\n",
              text->out);
    else
        fputs("  Not known: there is no complete scan of memory in this trace.\n", text->out);
}

/* How many of the first rows say something. */
static size_t worthy_rows(const struct text *text, const struct report_retention *retention)
{
    size_t rows = text_rows(text, retention->kept_count);
    if (!text_is_brief(text))
        return rows;
    size_t count = 0;
    while (count < rows && count < BRIEF_GROWING && retention->kept[count].grows)
        count++;
    while (count < rows && count < BRIEF_ROWS && kept_bytes(&retention->kept[count]) >= BRIEF_LEAST)
        count++;
    return count;
}

/* Roots that something is nearest to. */
static size_t worthy_roots(const struct text *text, const struct report_retention *retention)
{
    uint64_t least = text_is_brief(text) ? BRIEF_LEAST : 1;
    size_t count = retention->root_count;
    while (count > 0 && retention->roots[count - 1].nearest_bytes < least)
        count--;
    return count;
}

void text_retention(struct text *text)
{
    const struct report_retention *retention = text->report->retention;
    if (retention == NULL) {
        write_why_not(text);
        return;
    }
    size_t rows = worthy_rows(text, retention), roots = worthy_roots(text, retention);
    size_t left_out = roots == retention->root_count ? retention->roots_left_out : 0;
    if (rows == 0 && text_is_brief(text))
        return;
    char remark[80] = "";
    if (text->report->judge && strcmp(text->report->judge->reason, "exit") != 0)
        snprintf(remark, sizeof(remark), "at %s", human_time(retention->t_ns).text);
    text_heading(text, "Kept alive by", *remark ? remark : NULL);
    if (retention->kept_count == 0)
        fputs("  Nothing was reachable.\n", text->out);
    for (size_t i = 0; i < rows; i++)
        write_kept(text, &retention->kept[i]);
    text_more(text, text_is_brief(text) ? 0 : retention->kept_count - rows, "place", "");
    if (roots || retention->shared_blocks)
        write_roots(text, retention, roots, left_out);
}
