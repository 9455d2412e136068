/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/text_report.h"
#include "render/utf8.h"

void text_style(const struct text *text, enum text_style style)
{
    static const char *const codes[] = {
        [TEXT_NORMAL] = "\033[0m",   [TEXT_BOLD] = "\033[1m",  [TEXT_DIM] = "\033[2m",
        [TEXT_GOOD] = "\033[32m",    [TEXT_WARN] = "\033[33m", [TEXT_BAD] = "\033[1;31m",
        [TEXT_TITLE] = "\033[1;36m",
    };
    if (text->options->color)
        fputs(codes[style], text->out);
}

void text_heading(const struct text *text, const char *title, const char *remark)
{
    size_t used = strlen(title) + (remark ? strlen(remark) + 3 : 0);
    fputc('\n', text->out);
    text_style(text, TEXT_TITLE);
    fputs(title, text->out);
    text_style(text, TEXT_NORMAL);
    if (remark)
        fprintf(text->out, " (%s)", remark);
    fputc(' ', text->out);
    text_style(text, TEXT_DIM);
    for (size_t i = used + 1; i < text->columns; i++)
        fputs(text->options->utf8 ? "\xe2\x94\x80" : "-", text->out);
    text_style(text, TEXT_NORMAL);
    fputc('\n', text->out);
}

void text_more(const struct text *text, size_t hidden, const char *what, const char *rest)
{
    if (hidden == 0)
        return;
    text_style(text, TEXT_DIM);
    fprintf(text->out, "  %s and %s more %s%s%s (--top=0 shows all)\n", text_ellipsis(text),
            human_count(hidden).text, what, human_plural(hidden), rest);
    text_style(text, TEXT_NORMAL);
}

size_t text_rows(const struct text *text, size_t count)
{
    size_t top = text->options->top;
    return top == 0 || top > count ? count : top;
}

/* Of a character in UTF-8. */
static bool is_first_byte(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t text_name(const struct text *text, const char *name, size_t columns)
{
    if (text->options->full_stacks)
        columns = 0;
    return utf8_write_escaped(text->out, name, columns, text->options->utf8);
}

size_t text_path(const struct text *text, const char *path, size_t columns)
{
    size_t characters = 0, end_columns = columns - columns / 4;
    for (const char *at = path; *at; at++)
        characters += is_first_byte(*at);
    if (text->options->full_stacks || characters <= columns)
        return text_name(text, path, columns);
    const char *end = path;
    for (size_t left = characters - end_columns; left > 0 || !is_first_byte(*end); end++)
        left -= left && is_first_byte(*end);
    size_t used = text_name(text, path, columns - end_columns);
    return used + text_name(text, end, 0);
}

size_t text_word(const struct text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    if (*word != '\0' && strspn(word, plain) == strlen(word))
        return text_path(text, word, 200);
    size_t used = 2;
    fputc('\'', text->out);
    for (const char *quote; (quote = strchr(word, '\'')) != NULL; word = quote + 1) {
        char part[256];
        size_t length = (size_t)(quote - word);
        if (length >= sizeof(part))
            break; /* too long to be pasted anywhere */
        memcpy(part, word, length);
        part[length] = '\0';
        used += text_name(text, part, 0) + 4;
        fputs("'\\''", text->out);
    }
    used += text_path(text, word, 200);
    fputc('\'', text->out);
    return used;
}

const char *text_ellipsis(const struct text *text)
{
    return text->options->utf8 ? "\xe2\x80\xa6" : "...";
}

const char *text_at_end(const struct report *report)
{
    switch (report->end) {
    case REPORT_END_EXIT:
        return "at exit";
    case REPORT_END_SIGNAL:
        return "when the signal came";
    case REPORT_END_EXEC:
        return "at exec";
    case REPORT_END_KILLED:
        return "when it was killed";
    case REPORT_END_RUNNING:
        break;
    }
    return "so far";
}
