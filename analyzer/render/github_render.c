/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's workflow commands (::error file=,line=::) and the Markdown of a job's summary.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/human.h"
#include "render/utf8.h"

enum {
    ANNOTATIONS = 10,    /* GitHub shows ten of a kind and step */
    DATA_MOST = 4000,    /* characters of one */
    MARKDOWN_MOST = 400, /* bytes of a name */
    UTF8_MOST = 4,       /* bytes of a character */
    ROWS_MOST = 500,     /* GitHub takes a summary of 1 MiB at most, or none */
};

/* The next character of text of unknown origin, which `text` moves past: what is no UTF-8, and what
 * could steer a terminal, is U+FFFD. */
static uint32_t next_character(const char **text, const char *end)
{
    uint32_t character = 0;
    size_t length = utf8_decode(*text, (size_t)(end - *text), &character);
    *text += length ? length : 1;
    bool control = (character < 0x20 && character != '\n' && character != '\r') ||
                   (character >= 0x7f && character < 0xa0);
    return length == 0 || control ? 0xfffd : character;
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
    size_t left = DATA_MOST;
    for (const char *at = text; text < end && left > 0; at = text, left--) {
        uint32_t character = next_character(&text, end);
        if (is_one_of(character, property ? "%\r\n:," : "%\r\n"))
            fprintf(out, "%%%02X", (unsigned)character);
        else
            write_character(out, at, text, character);
    }
    fputs(text < end ? "..." : "", out);
}

static bool write_annotation(const struct finding_set *set, const struct finding *finding,
                             FILE *out)
{
    struct finding_location place = finding_locate(set, finding);
    char *message = finding_message(set->arena, finding);
    char *stacks = finding_stacks_text(set->arena, finding, "  ");
    if (!message || !stacks) {
        free(stacks);
        return false;
    }
    fprintf(out, "::%s ", finding->fatal ? "error" : "notice");
    if (place.line > 0) {
        fputs("file=", out);
        write_data(out, place.path, true);
        fprintf(out, ",line=%d,", place.line);
    }
    fputs("title=", out);
    write_data(out, finding->rule, true);
    fputs("::", out);
    write_data(out, message, false);
    fputs("%0A", out);
    write_data(out, stacks, false);
    fputc('\n', out);
    free(stacks);
    return true;
}

/* "process 12 (./tool): why" */
static void write_unchecked(const struct finding_process *process, FILE *out,
                            void write(FILE *out, const char *text))
{
    if (process->pid)
        fprintf(out, "process %" PRIu32 " (", process->pid);
    write(out, process->command ? process->command : "");
    fputs(process->pid ? "): " : ": ", out);
    write(out, process->unchecked);
    fputc('\n', out);
}

static void write_message(FILE *out, const char *text)
{
    write_data(out, text, false);
}

static void annotate_unchecked(const struct finding_set *set, FILE *out)
{
    size_t shown = 0, hidden = 0;
    for (size_t i = 0; i < set->process_count; i++) {
        if (!set->processes[i].unchecked)
            continue;
        if (shown == ANNOTATIONS - 1) {
            hidden++;
            continue;
        }
        shown++;
        fputs("::warning title=not checked::", out);
        write_unchecked(&set->processes[i], out, write_message);
    }
    if (hidden)
        fprintf(out, "::warning title=not checked::%zu more process%s could not be checked\n",
                hidden, hidden == 1 ? "" : "es");
}

bool github_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t shown[2] = {0}, hidden[2] = {0};
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (!finding_is_told(finding, options))
            continue;
        if (shown[finding->fatal] == ANNOTATIONS - 1) {
            hidden[finding->fatal]++;
            continue;
        }
        shown[finding->fatal]++;
        if (!write_annotation(set, finding, out))
            return false;
    }
    annotate_unchecked(set, out);
    for (unsigned fatal = 2; fatal-- > 0;)
        if (hidden[fatal])
            fprintf(out, "::%s title=vmtrace::%zu more finding%s in the log\n",
                    fatal ? "error" : "notice", hidden[fatal],
                    hidden[fatal] == 1 ? " is" : "s are");
    return true;
}

/* Within a table or a line: no markup, no cell ends, not too long. */
static void write_markdown(FILE *out, const char *text)
{
    const char *end = text + strlen(text);
    size_t left = MARKDOWN_MOST;
    for (const char *at = text; text < end && left >= UTF8_MOST; at = text) {
        uint32_t character = next_character(&text, end);
        bool escaped = is_one_of(character, "\\`*_{}[]<>|#&~");
        if (escaped)
            fputc('\\', out);
        if (is_one_of(character, "\r\n"))
            fputc(' ', out);
        else
            write_character(out, at, text, character);
        left -= escaped ? 2 : character < 0x80 ? 1 : UTF8_MOST;
    }
    fputs(text < end ? "..." : "", out);
}

static bool write_row(const struct finding_set *set, const struct finding *finding, FILE *out)
{
    static const char *const states[] = {[FINDING_UNCOMPARED] = "",
                                         [FINDING_NEW] = "new",
                                         [FINDING_GROWN] = "grown",
                                         [FINDING_KNOWN] = "known"};
    struct finding_location place = finding_locate(set, finding);
    char *message = finding_message(set->arena, finding);
    if (!message)
        return false;
    fprintf(out, "| %s | %s | ", finding->fatal ? "**fails**" : "", states[finding->state]);
    write_markdown(out, message);
    fputs(" | ", out);
    if (place.path)
        write_markdown(out, place.path);
    if (place.line > 0)
        fprintf(out, ":%d", place.line);
    fprintf(out, " | %zu |\n", finding->process_count);
    return true;
}

static size_t rows_of(const struct render_options *options)
{
    return options->top && options->top < ROWS_MOST ? options->top : ROWS_MOST;
}

static bool write_table(const struct finding_set *set, const struct render_options *options,
                        size_t listed, FILE *out)
{
    size_t rows = 0, most = rows_of(options);
    if (listed)
        fputs("| | baseline | finding | where | processes |\n| --- | --- | --- | --- | --- |\n",
              out);
    for (unsigned fatal = 2; fatal-- > 0;) {
        for (size_t i = 0; i < set->count && rows < most; i++) {
            if (set->findings[i].fatal != fatal || !finding_is_told(&set->findings[i], options))
                continue;
            rows++;
            if (!write_row(set, &set->findings[i], out))
                return false;
        }
    }
    if (rows < listed)
        fprintf(out, "\n%zu more finding%s in the log.\n", listed - rows,
                listed - rows == 1 ? " is" : "s are");
    return true;
}

static void list_unchecked(const struct finding_set *set, const struct render_options *options,
                           size_t unchecked, FILE *out)
{
    size_t rows = 0, most = rows_of(options);
    for (size_t i = 0; i < set->process_count && rows < most; i++) {
        if (!set->processes[i].unchecked)
            continue;
        fputs(rows++ ? "" : "\n", out);
        fputs("- not checked: ", out);
        write_unchecked(&set->processes[i], out, write_markdown);
    }
    if (rows < unchecked)
        fprintf(out, "- and %zu more\n", unchecked - rows);
}

bool markdown_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t listed = 0, fatal = 0, unchecked = 0;
    for (size_t i = 0; i < set->count; i++) {
        listed += finding_is_told(&set->findings[i], options);
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
    if (!write_table(set, options, listed, out))
        return false;
    list_unchecked(set, options, unchecked, out);
    return true;
}
