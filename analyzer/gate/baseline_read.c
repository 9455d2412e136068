/* SPDX-License-Identifier: Apache-2.0 */
/* Baselines as people, their editors and git leave them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/baseline.h"
#include "gate/finding_rules.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* Windows' editors put it first */

/* Far beyond what anybody reviews: a device or a pipe without an end must not fill the memory. */
enum { LONGEST_LINE = 1 << 20, LARGEST_FILE = 1 << 28 };

/* Lines of comments; none: all zero. */
struct note {
    char *text; /* malloc's */
    size_t length;
};

/* A file as it is read: the entry that is being collected. */
struct reading {
    struct baseline *baseline;
    const char *path;
    struct error *error;
    size_t line, size; /* of what was read: lines, bytes */
    char *key;         /* of the entry, open_memstream's */
    size_t key_size;
    FILE *out; /* into it; NULL: no entry has begun */
    uint64_t blocks, bytes;
    struct note entry_note; /* of the entry */
    struct note note;       /* comments whose entry is not known yet */
    bool ended;             /* a blank line closed the entry to comments */
};

static enum vmt_error wrong(struct reading *reading, const char *what)
{
    return error_set(reading->error, VMT_ERROR_FORMAT, "%s:%zu: %s", reading->path, reading->line,
                     what);
}

static enum vmt_error no_memory(struct reading *reading)
{
    return error_set(reading->error, VMT_ERROR_MEMORY, "%s: out of memory", reading->path);
}

static void clear(struct note *note)
{
    free(note->text);
    *note = (struct note){0};
}

/* False when out of memory. */
static bool extend(struct note *note, const char *text, const char *end)
{
    size_t more = strlen(text);
    char *longer = realloc(note->text, note->length + more + strlen(end) + 1);
    if (!longer)
        return false;
    strcpy(stpcpy(longer + note->length, text), end);
    note->text = longer;
    note->length += more + strlen(end);
    return true;
}

static enum vmt_error add_comment(struct reading *reading, const char *line)
{
    return extend(&reading->note, line, "\n") ? VMT_OK : no_memory(reading);
}

/* Comments within or right below an entry are its own; others are the file's, and not kept. */
static enum vmt_error settle_note(struct reading *reading)
{
    bool own = reading->note.text && reading->out && !reading->ended;
    bool good = !own || extend(&reading->entry_note, reading->note.text, "");
    clear(&reading->note);
    return good ? VMT_OK : no_memory(reading);
}

static enum vmt_error finish_entry(struct reading *reading)
{
    if (!reading->out)
        return VMT_OK;
    bool good = fclose(reading->out) == 0;
    struct baseline_entry entry = {.key = reading->key,
                                   .note = reading->entry_note.text,
                                   .blocks = reading->blocks,
                                   .bytes = reading->bytes};
    good = good && baseline_put(reading->baseline, &entry);
    reading->out = NULL;
    free(reading->key);
    reading->key = NULL;
    clear(&reading->entry_note);
    return good ? VMT_OK : no_memory(reading);
}

static bool read_figure(const char **at, const char *name, uint64_t *value)
{
    size_t length = strlen(name);
    char *end;
    if (strncmp(*at, name, length) != 0 || (*at)[length] < '0' || (*at)[length] > '9')
        return false;
    errno = 0;
    *value = strtoull(*at + length, &end, 10);
    *at = end;
    return errno == 0;
}

static bool is_rule(const char *name, size_t length)
{
    size_t position = 0;
    const struct finding_rule *rule;
    while ((rule = finding_rule_next(&position)) != NULL)
        if (strlen(rule->id) == length && memcmp(rule->id, name, length) == 0)
            return true;
    return false;
}

/* "definite-leak blocks=3 bytes=120" or "double-free times=1" */
static enum vmt_error begin_entry(struct reading *reading, const char *line)
{
    enum vmt_error code = finish_entry(reading);
    const char *at = line + strcspn(line, " ");
    size_t length = (size_t)(at - line);
    if (code != VMT_OK)
        return code;
    reading->bytes = 0;
    bool good = read_figure(&at, " times=", &reading->blocks) ||
                (read_figure(&at, " blocks=", &reading->blocks) &&
                 read_figure(&at, " bytes=", &reading->bytes));
    if (!good || *at || length == 0)
        return wrong(reading, "expected a finding such as \"definite-leak blocks=3 bytes=120\" or "
                              "\"double-free times=1\", followed by its indented frames");
    if (!is_rule(line, length))
        return wrong(reading, "no kind of finding has this name");
    reading->out = open_memstream(&reading->key, &reading->key_size);
    if (!reading->out)
        return no_memory(reading);
    fprintf(reading->out, "%.*s\n", (int)length, line);
    reading->entry_note = reading->note; /* right above it */
    reading->note = (struct note){0};
    reading->ended = false;
    return VMT_OK;
}

static enum vmt_error check_first_line(struct reading *reading, const char *line)
{
    size_t mark = strlen(BYTE_ORDER_MARK);
    if (strncmp(line, BYTE_ORDER_MARK, mark) == 0)
        line += mark;
    return strcmp(line, BASELINE_FIRST_LINE) == 0
               ? VMT_OK
               : wrong(reading, "not a baseline of this version: the first line should be "
                                "\"" BASELINE_FIRST_LINE "\"");
}

/* What git leaves where two branches changed the same entry. */
static bool is_conflict(const char *line)
{
    return strncmp(line, "<<<<<<<", 7) == 0 || strncmp(line, "=======", 7) == 0 ||
           strncmp(line, ">>>>>>>", 7) == 0 || strncmp(line, "|||||||", 7) == 0;
}

static enum vmt_error take_line(struct reading *reading, char *line, size_t length)
{
    size_t indent = strspn(line, " \t");
    reading->line++;
    if (strlen(line) != length)
        return wrong(reading, "a byte 0: not a baseline");
    if (length == LONGEST_LINE)
        return wrong(reading, "a line of 1 MiB or more: not a baseline");
    while (length > 0 && strchr(" \t\r\n", line[length - 1]))
        line[--length] = '\0';
    if (reading->line == 1)
        return check_first_line(reading, line);
    if (line[indent] == '#')
        return add_comment(reading, line + indent);
    if (is_conflict(line))
        return wrong(reading, "a merge conflict that is not resolved (keep the entries of both "
                              "sides: of two for one finding the larger figures count)");
    if (length > 0 && indent == 0)
        return begin_entry(reading, line);
    enum vmt_error code = settle_note(reading);
    reading->ended |= length == 0;
    if (code != VMT_OK || length == 0)
        return code;
    if (!reading->out)
        return wrong(reading, "a frame that belongs to no finding");
    fprintf(reading->out, "%s\n", line + indent);
    return VMT_OK;
}

static void reading_release(struct reading *reading)
{
    if (reading->out)
        fclose(reading->out);
    free(reading->key);
    clear(&reading->note);
    clear(&reading->entry_note);
}

/* Up to LONGEST_LINE bytes of a line, with its end; 0 at the file's. */
static size_t read_line(FILE *file, char *line)
{
    size_t length = 0;
    int byte = 0;
    while (length < LONGEST_LINE && byte != '\n' && (byte = getc_unlocked(file)) != EOF)
        line[length++] = (char)byte;
    line[length] = '\0';
    return length;
}

static enum vmt_error read_lines(struct reading *reading, FILE *file)
{
    enum vmt_error code = VMT_OK;
    size_t length;
    char *line = malloc(LONGEST_LINE + 1);
    if (!line)
        return no_memory(reading);
    while (code == VMT_OK && (length = read_line(file, line)) > 0) {
        code = take_line(reading, line, length);
        reading->size += length;
        if (code == VMT_OK && reading->size > LARGEST_FILE)
            code = wrong(reading, "more than 256 MiB: not a baseline");
    }
    free(line);
    if (code == VMT_OK && ferror(file))
        code = error_set(reading->error, VMT_ERROR_READ, "%s: %s", reading->path, strerror(errno));
    else if (code == VMT_OK && reading->line == 0)
        code =
            error_set(reading->error, VMT_ERROR_FORMAT, "%s: empty, not a baseline", reading->path);
    return code;
}

enum vmt_error baseline_load(struct baseline *baseline, const char *path, struct error *error)
{
    struct reading reading = {.baseline = baseline, .path = path, .error = error};
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(error, VMT_ERROR_OPEN, "%s: %s", path, strerror(errno));
    enum vmt_error code = read_lines(&reading, file);
    if (code == VMT_OK)
        code = settle_note(&reading);
    if (code == VMT_OK)
        code = finish_entry(&reading);
    reading_release(&reading);
    fclose(file);
    baseline_tidy(baseline);
    return code;
}
