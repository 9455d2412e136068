/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict on a pipeline's processes: what trips the gate with its call stacks, the rest in a
 * line each, and who could not be judged.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/text_report.h"

enum { PROCESSES_SHOWN = 3, COMMAND_COLUMNS = 60 };

/* Which test it was stands at the end: where not all fits the program's folder goes first. */
static void write_command(const struct text *text, const struct finding_process *process)
{
    const char *name = finding_process_name(process);
    const char *command = process->command && *process->command ? process->command : name;
    size_t columns = COMMAND_COLUMNS;
    if (name != command && strlen(command) > columns && !text->options->full_stacks) {
        fprintf(text->out, "%s/", text_ellipsis(text));
        columns -= strlen(".../");
        command = name;
    }
    text_name(text, command, columns);
}

static void write_process(const struct text *text, const struct finding_process *process)
{
    if (process->pid == 0 || process->unread) { /* several, or its name has the pid */
        text_name(text, process->command, 0);
        return;
    }
    fprintf(text->out, "process %" PRIu32, process->pid);
    if (process->command && process->command[0]) {
        fputs(" (", text->out);
        write_command(text, process);
        fputc(')', text->out);
    }
}

static void write_processes(const struct text *text, const struct finding_set *set,
                            const struct finding *finding)
{
    size_t count = finding->process_count, shown = count;
    if (set->process_count == 1)
        return;
    if (shown > PROCESSES_SHOWN && !text->options->full_stacks)
        shown = PROCESSES_SHOWN;
    fputs("      in ", text->out);
    if (count > 1)
        fprintf(text->out, "%zu processes: ", count);
    for (size_t i = 0; i < shown; i++) {
        fputs(i ? ", " : "", text->out);
        write_process(text, &set->processes[finding->processes[i]]);
    }
    fprintf(text->out, "%s%s\n", shown < count ? ", " : "",
            shown < count ? text_ellipsis(text) : "");
}

static void write_stack(struct text *text, const char *title, const struct finding_stack *stack)
{
    struct report_stack shown = {.frames = stack->frames, .count = stack->count, .cut = stack->cut};
    if (stack->count == 0)
        return;
    if (title)
        fprintf(text->out, "      %s\n", title);
    text_stack(text, &shown);
}

static const char *state_words(enum finding_state state)
{
    return state == FINDING_NEW     ? "new: "
           : state == FINDING_GROWN ? "more than in the baseline: "
                                    : "";
}

static bool write_finding(struct text *text, const struct finding_set *set,
                          const struct finding *finding)
{
    char *message = finding_message(set->arena, finding);
    if (!message)
        return false;
    fputs("  ", text->out);
    text_style(text, TEXT_BAD);
    fputs(state_words(finding->state), text->out);
    text_name(text, message, 0);
    text_style(text, TEXT_NORMAL);
    if (finding->count > 1)
        fprintf(text->out, " (%" PRIu64 " times)", finding->count);
    fputc('\n', text->out);
    write_stack(text, NULL, &finding->stack);
    write_stack(text, "the block was allocated by", &finding->allocated);
    write_stack(text, "it had been freed by", &finding->freed);
    if (finding->hint)
        fprintf(text->out, "      %s\n", finding->hint);
    write_processes(text, set, finding);
    return true;
}

static bool write_fatal(struct text *text, const struct finding_set *set, size_t fatal)
{
    size_t rows = text_rows(text, fatal), written = 0;
    for (size_t i = 0; i < set->count && written < rows; i++) {
        if (!set->findings[i].fatal)
            continue;
        written++;
        if (!write_finding(text, set, &set->findings[i]))
            return false;
    }
    text_more(text, fatal - rows, "finding", "");
    return true;
}

static bool is_other(const struct finding *finding, const struct render_options *options)
{
    return !finding->fatal && finding_is_told(finding, options);
}

/* `stacks` findings that the same can be said of. */
static void write_other(const struct text *text, const char *message, bool known, size_t stacks)
{
    fprintf(text->out, "  - %s", known ? "known: " : "");
    text_name(text, message, text->columns);
    if (stacks > 1)
        fprintf(text->out, " (%zu times)", stacks);
    fputc('\n', text->out);
}

/* What does not trip the gate, one line each. */
static bool write_others(struct text *text, const struct finding_set *set, size_t others)
{
    size_t rows = text_rows(text, others), written = 0, told = 0, stacks = 0;
    const char *last = NULL;
    bool last_known = false;
    if (others)
        fputs("\n  These do not fail the check:\n", text->out);
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        bool known = finding->state == FINDING_KNOWN;
        if (!is_other(finding, text->options))
            continue;
        const char *message = finding_message(set->arena, finding);
        if (!message)
            return false;
        if (!last || strcmp(last, message) != 0 || known != last_known) {
            if (last)
                write_other(text, last, last_known, stacks);
            last = NULL;
            if (written++ == rows)
                break;
            stacks = 0;
        }
        last = message;
        last_known = known;
        stacks++;
        told++;
    }
    if (last)
        write_other(text, last, last_known, stacks);
    text_more(text, others - told, "finding", "");
    return true;
}

/* What to do about make's own leaks, say. */
static void write_systems(const struct text *text, const struct finding_set *set, size_t fatal)
{
    size_t systems = 0;
    for (size_t i = 0; i < set->count; i++)
        systems += set->findings[i].fatal && set->findings[i].whose == FINDING_SYSTEMS;
    if (systems)
        fprintf(text->out,
                "\n  %zu of %zu finding%s %s of the system; with --only=. only code of this folder "
                "counts\n",
                systems, fatal, human_plural(fatal),
                systems == 1 ? "is in a program" : "are in programs");
}

static const char *text_or_none(const char *text)
{
    return text ? text : "";
}

/* By reason, then by command: alike ones are told together. */
static int compare_unchecked(const void *left, const void *right)
{
    const struct finding_process *a = *(const struct finding_process *const *)left;
    const struct finding_process *b = *(const struct finding_process *const *)right;
    int order = strcmp(a->unchecked, b->unchecked);
    if (order == 0)
        order = strcmp(text_or_none(a->command), text_or_none(b->command));
    return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

static bool is_alike(const struct finding_process *a, const struct finding_process *b)
{
    return strcmp(a->unchecked, b->unchecked) == 0 &&
           strcmp(text_or_none(a->command), text_or_none(b->command)) == 0;
}

static void write_unchecked_row(const struct text *text, const struct finding_process *process,
                                size_t count)
{
    fputs("  - ", text->out);
    if (count > 1) {
        fprintf(text->out, "%zu processes (", count);
        write_command(text, process);
        fputc(')', text->out);
    } else {
        write_process(text, process);
    }
    fputs(": ", text->out);
    text_name(text, process->unchecked, 0);
    fputc('\n', text->out);
}

/* False when out of memory. */
static bool write_unchecked(const struct text *text, const struct finding_set *set)
{
    const struct finding_process **list = calloc(set->process_count + 1, sizeof(*list));
    size_t count = 0, groups = 0, written = 0;
    if (!list)
        return false;
    for (size_t i = 0; i < set->process_count; i++)
        if (set->processes[i].unchecked)
            list[count++] = &set->processes[i];
    qsort(list, count, sizeof(*list), compare_unchecked);
    for (size_t i = 0; i < count; i++)
        groups += i == 0 || !is_alike(list[i], list[i - 1]);
    size_t rows = text_rows(text, groups);
    if (count)
        fputs("\n  Not checked for leaks:\n", text->out);
    for (size_t i = 0, end; i < count && written < rows; i = end, written++) {
        for (end = i + 1; end < count && is_alike(list[i], list[end]); end++)
            ;
        write_unchecked_row(text, list[i], end - i);
    }
    text_more(text, groups - rows, "group", " of processes");
    free(list);
    return true;
}

static void write_verdict(const struct text *text, const struct finding_set *set, size_t fatal)
{
    uint64_t unchecked = finding_set_unchecked(set);
    size_t checked = finding_set_checked(set);
    text_style(text, TEXT_BOLD);
    fputs("vmtrace: ", text->out);
    text_style(text, fatal ? TEXT_BAD : checked == 0 || set->unjudged ? TEXT_WARN : TEXT_GOOD);
    if (fatal)
        fprintf(text->out, "failed, %zu finding%s", fatal, human_plural(fatal));
    else
        fputs(checked == 0    ? "nothing could be checked"
              : set->unjudged ? "not everything could be checked"
                              : "passed",
              text->out);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, "; %zu process%s checked", checked, checked == 1 ? "" : "es");
    if (unchecked)
        fprintf(text->out, ", %" PRIu64 " could not be", unchecked);
    fputc('\n', text->out);
}

bool check_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t fatal = 0, others = 0;
    struct text text = {
        .out = out,
        .options = options,
        .sources = source_lines_new(),
        .columns = options->columns ? options->columns : TEXT_COLUMNS,
    };
    if (!text.sources)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        fatal += set->findings[i].fatal;
        others += is_other(&set->findings[i], options);
    }
    if (!options->quiet || fatal || finding_set_unchecked(set))
        write_verdict(&text, set, fatal);
    bool good = write_fatal(&text, set, fatal);
    write_systems(&text, set, fatal);
    if (!options->quiet)
        good = good && write_others(&text, set, others);
    good = good && write_unchecked(&text, set);
    source_lines_free(text.sources);
    return good && !text.failed;
}
