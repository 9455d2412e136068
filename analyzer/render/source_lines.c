/* SPDX-License-Identifier: Apache-2.0 */
#include "render/source_lines.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEPT = 256, /* direct-mapped by hash */
    LINE_MAX_BYTES = 400,
    FILE_MAX_BYTES = 64 << 20, /* generated sources are large, but not that large */
};

struct kept_line {
    char *file; /* NULL: unused */
    int line;
    char text[LINE_MAX_BYTES + 1]; /* empty: nothing to show */
};

struct source_lines {
    struct kept_line kept[KEPT];
};

struct source_lines *source_lines_new(void)
{
    return calloc(1, sizeof(struct source_lines));
}

void source_lines_free(struct source_lines *lines)
{
    if (lines == NULL)
        return;
    for (size_t i = 0; i < KEPT; i++)
        free(lines->kept[i].file);
    free(lines);
}

static FILE *open_regular(const char *file)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO of that name must not hang the report. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    FILE *in = NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_MAX_BYTES)
        in = fdopen(fd, "r");
    if (in == NULL)
        close(fd);
    return in;
}

static void read_line(const char *file, int wanted, char *text)
{
    FILE *in = open_regular(file);
    size_t used = 0;
    int line = 1, c;
    if (in == NULL)
        return;
    while (line <= wanted && (c = getc_unlocked(in)) != EOF) {
        if (c == '\n')
            line++;
        else if (line == wanted && used < LINE_MAX_BYTES && c != '\0' && (used || !isspace(c)))
            text[used++] = c == '\t' ? ' ' : (char)c;
    }
    fclose(in);
    while (used > 0 && isspace((unsigned char)text[used - 1]))
        used--;
    text[used] = '\0';
}

const char *source_lines_get(struct source_lines *lines, const char *file, int line)
{
    uint32_t hash = (uint32_t)line * 2654435761u;
    if (file == NULL || file[0] != '/' || line <= 0)
        return NULL;
    for (const char *c = file; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u; /* FNV-1a */
    struct kept_line *kept = &lines->kept[hash % KEPT];
    if (kept->file == NULL || kept->line != line || strcmp(kept->file, file) != 0) {
        free(kept->file);
        kept->file = strdup(file);
        kept->line = line;
        kept->text[0] = '\0';
        if (kept->file == NULL)
            return NULL;
        read_line(file, line, kept->text);
    }
    return kept->text[0] ? kept->text : NULL;
}
