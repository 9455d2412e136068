/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict on a pipeline's processes: what trips the gate with its call stacks, the rest in a
 * line each, and who could not be judged.
 */
#include <inttypes.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/text_report.h"

enum { PROCESSES_SHOWN = 3 };

static void write_process(const struct text *text, const struct finding_process *process)
{
    if (process->unread) { /* its name has the pid */
        text_name(text, process->command, 0);
        return;
    }
    fprintf(text->out, "process %" PRIu32, process->pid);
    if (process->command && process->command[0]) {
        fputs(" (", text->out);
        text_name(text, process->command, 60);
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
    fputs(shown < count ? ", ...\n" : "\n", text->out);
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

/* What does not trip the gate, one line each. */
static bool write_others(struct text *text, const struct finding_set *set, size_t others)
{
    size_t rows = text_rows(text, others), written = 0;
    if (others)
        fputs("\n  These do not fail the check:\n", text->out);
    for (size_t i = 0; i < set->count && written < rows; i++) {
        const struct finding *finding = &set->findings[i];
        if (finding->fatal || !finding_is_listed(finding, text->options))
            continue;
        char *message = finding_message(set->arena, finding);
        if (!message)
            return false;
        written++;
        fprintf(text->out, "  - %s", finding->state == FINDING_KNOWN ? "known: " : "");
        text_name(text, message, text->columns);
        fputc('\n', text->out);
    }
    text_more(text, others - rows, "finding", "");
    return true;
}

static void write_unchecked(const struct text *text, const struct finding_set *set)
{
    bool first = true;
    for (size_t i = 0; i < set->process_count; i++) {
        const struct finding_process *process = &set->processes[i];
        if (!process->unchecked)
            continue;
        fputs(first ? "\n  Not checked for leaks:\n" : "", text->out);
        first = false;
        fputs("  - ", text->out);
        write_process(text, process);
        fputs(": ", text->out);
        text_name(text, process->unchecked, 0);
        fputc('\n', text->out);
    }
}

static void write_verdict(const struct text *text, const struct finding_set *set, size_t fatal,
                          size_t unchecked)
{
    size_t checked = set->process_count - unchecked;
    text_style(text, TEXT_BOLD);
    fputs("vmtrace: ", text->out);
    text_style(text, fatal ? TEXT_BAD : checked == 0 ? TEXT_WARN : TEXT_GOOD);
    if (fatal)
        fprintf(text->out, "failed, %zu finding%s", fatal, human_plural(fatal));
    else
        fputs(checked == 0 ? "nothing could be checked" : "passed", text->out);
    text_style(text, TEXT_NORMAL);
    fprintf(text->out, "; %zu process%s checked", checked, checked == 1 ? "" : "es");
    if (unchecked)
        fprintf(text->out, ", %zu could not be", unchecked);
    fputc('\n', text->out);
}

bool check_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t fatal = 0, others = 0, unchecked = 0;
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
        others += !set->findings[i].fatal && finding_is_listed(&set->findings[i], options);
    }
    for (size_t i = 0; i < set->process_count; i++)
        unchecked += set->processes[i].unchecked != NULL;
    if (!options->quiet || fatal || unchecked)
        write_verdict(&text, set, fatal, unchecked);
    bool good = write_fatal(&text, set, fatal);
    if (!options->quiet)
        good = good && write_others(&text, set, others);
    write_unchecked(&text, set);
    source_lines_free(text.sources);
    return good && !text.failed;
}
