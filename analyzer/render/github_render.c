/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's workflow commands (::error file=,line=::) and the Markdown of a job's summary.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
#include <inttypes.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/human.h"
#include "render/utf8.h"

/* GitHub shows ten annotations of a kind and step. */
enum { ANNOTATIONS = 10, MARKDOWN_MOST = 400 };

/* The next character of text of unknown origin, which `text` moves past: what is no UTF-8, and what
 * could steer a terminal, is U+FFFD. */
static uint32_t next_character(const char **text, const char *end)
{
    uint32_t character = 0;
    size_t length = utf8_decode(*text, (size_t)(end - *text), &character);
    *text += length ? length : 1;
    bool control = character < 0x20 && character != '\n' && character != '\r';
    return length == 0 || control || character == 0x7f ? 0xfffd : character;
}

static bool is_one_of(uint32_t character, const char *characters)
{
    return character > 0 && character < 0x80 && strchr(characters, (int)character);
}

static void write_character(FILE *out, const char *from, const char *to, uint32_t character)
{
    if (character == 0xfffd)
        fputs("\xef\xbf\xbd", out);
    else
        fwrite(from, 1, (size_t)(to - from), out);
}

/* As actions/toolkit's command.ts escapes: % \r \n everywhere, : and , in properties. */
static void write_data(FILE *out, const char *text, bool property)
{
    const char *end = text + strlen(text);
    for (const char *at = text; text < end; at = text) {
        uint32_t character = next_character(&text, end);
        if (is_one_of(character, property ? "%\r\n:," : "%\r\n"))
            fprintf(out, "%%%02X", (unsigned)character);
        else
            write_character(out, at, text, character);
    }
}

static bool write_annotation(const struct finding_set *set, const struct finding *finding,
                             FILE *out)
{
    const struct report_frame *place = finding_place(&finding->stack);
    char *message = finding_message(set->arena, finding);
    char *stack = finding_stack_text(set->arena, &finding->stack, "  ");
    if (!message || !stack)
        return false;
    fprintf(out, "::%s ", finding->fatal ? "error" : "notice");
    if (place && place->file && place->line > 0) {
        fputs("file=", out);
        write_data(out, finding_relative_path(place->file), true);
        fprintf(out, ",line=%d,", place->line);
    }
    fputs("title=", out);
    write_data(out, finding->rule, true);
    fputs("::", out);
    write_data(out, message, false);
    fputs("%0A", out);
    write_data(out, stack, false);
    fputc('\n', out);
    return true;
}

bool github_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t shown[2] = {0}, hidden[2] = {0};
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (!finding_is_listed(finding, options))
            continue;
        if (shown[finding->fatal] == ANNOTATIONS - 1) {
            hidden[finding->fatal]++;
            continue;
        }
        shown[finding->fatal]++;
        if (!write_annotation(set, finding, out))
            return false;
    }
    for (size_t i = 0; i < set->process_count; i++) {
        const struct finding_process *process = &set->processes[i];
        if (!process->unchecked)
            continue;
        fprintf(out, "::warning title=not checked::process %" PRIu32 " (", process->pid);
        write_data(out, process->command ? process->command : "", false);
        fputs(") could not be checked: ", out);
        write_data(out, process->unchecked, false);
        fputc('\n', out);
    }
    for (unsigned fatal = 2; fatal-- > 0;)
        if (hidden[fatal])
            fprintf(out, "::%s title=vmtrace::%zu more findings are in the log\n",
                    fatal ? "error" : "notice", hidden[fatal]);
    return true;
}

/* Within a table or a line: no markup, no cell ends, not too long. */
static void write_markdown(FILE *out, const char *text)
{
    const char *end = text + strlen(text);
    size_t left = MARKDOWN_MOST;
    for (const char *at = text; text < end && left > 0; at = text, left--) {
        uint32_t character = next_character(&text, end);
        if (is_one_of(character, "\\`*_{}[]<>|#&~"))
            fputc('\\', out);
        if (is_one_of(character, "\r\n"))
            fputc(' ', out);
        else
            write_character(out, at, text, character);
    }
    fputs(text < end ? "..." : "", out);
}

static bool write_row(const struct finding_set *set, const struct finding *finding, FILE *out)
{
    static const char *const states[] = {[FINDING_UNCOMPARED] = "",
                                         [FINDING_NEW] = "new",
                                         [FINDING_GROWN] = "grown",
                                         [FINDING_KNOWN] = "known"};
    const struct report_frame *place = finding_place(&finding->stack);
    char *message = finding_message(set->arena, finding);
    if (!message)
        return false;
    fprintf(out, "| %s | %s | ", finding->fatal ? "**fails**" : "", states[finding->state]);
    write_markdown(out, message);
    fputs(" | ", out);
    if (place && place->file && place->line > 0) {
        write_markdown(out, finding_relative_path(place->file));
        fprintf(out, ":%d", place->line);
    }
    fprintf(out, " | %zu |\n", finding->process_count);
    return true;
}

bool markdown_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t listed = 0, fatal = 0, rows = 0, unchecked = 0;
    for (size_t i = 0; i < set->count; i++) {
        listed += finding_is_listed(&set->findings[i], options);
        fatal += set->findings[i].fatal;
    }
    for (size_t i = 0; i < set->process_count; i++)
        unchecked += set->processes[i].unchecked != NULL;
    fprintf(out, "### vmtrace: %zu finding%s, %zu of them fail%s\n\n", listed, human_plural(listed),
            fatal, fatal == 1 ? "s" : "");
    fprintf(out, "%zu process%s checked", set->process_count - unchecked,
            set->process_count - unchecked == 1 ? "" : "es");
    if (unchecked)
        fprintf(out, ", **%zu could not be checked**", unchecked);
    fputs(".\n\n", out);
    if (listed)
        fputs("| | baseline | finding | where | processes |\n| --- | --- | --- | --- | --- |\n",
              out);
    for (size_t i = 0; i < set->count; i++) {
        if (!finding_is_listed(&set->findings[i], options))
            continue;
        if (options->top && rows == options->top)
            break;
        rows++;
        if (!write_row(set, &set->findings[i], out))
            return false;
    }
    if (rows < listed)
        fprintf(out, "\n%zu more findings are in the log.\n", listed - rows);
    for (size_t i = 0; i < set->process_count; i++) {
        const struct finding_process *process = &set->processes[i];
        if (!process->unchecked)
            continue;
        fprintf(out, "\n- not checked: process %" PRIu32 " (", process->pid);
        write_markdown(out, process->command ? process->command : "");
        fputs("): ", out);
        write_markdown(out, process->unchecked);
        fputc('\n', out);
    }
    return true;
}
