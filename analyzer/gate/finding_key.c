/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a finding is called in baselines.
 *
 * Only the program's own functions count, each once: frames of system libraries come and go with
 * versions and inlining, recursion with the input.  Where there are none of the program's own,
 * others must do.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/finding.h"
#include "gate/function_name.h"

/* How much a frame says about whose the finding is. */
enum frame_rank {
    RANK_START,  /* calls main, or a thread's function */
    RANK_SYSTEM, /* of a system library, or put into the program from its headers */
    RANK_ALLOCATOR,
    RANK_OWN,
};

struct key_frame {
    char *line; /* "parse_row @ table", "? @ table" without symbols */
    enum frame_rank rank;
    bool named;
};

/* Rust's build system names test programs so: parser-0123456789abcdef. */
#define BUILD_HASH 16

const char *finding_module(const char *module, size_t *length)
{
    const char *slash = strrchr(module, '/'), *name = slash && slash[1] ? slash + 1 : module;
    const char *version = strstr(name, ".so."), *dash = strrchr(name, '-');
    *length = version ? (size_t)(version - name) + 3 : strlen(name);
    if (dash && dash > name && strlen(dash + 1) == BUILD_HASH &&
        strspn(dash + 1, "0123456789abcdef") == BUILD_HASH)
        *length = (size_t)(dash - name);
    return name;
}

static enum frame_rank rank(const struct report_frame *frame, const char *name)
{
    if (function_name_starts_program(name) && (!frame->application || name[0] == '_'))
        return RANK_START;
    if (!frame->application || function_name_of_library(name))
        return RANK_SYSTEM;
    return frame->allocator ? RANK_ALLOCATOR : RANK_OWN;
}

/* So that it reads back as it is: one line, no blanks at its ends, and no comment. */
static void make_readable(char *line)
{
    size_t blanks, length;
    for (char *at = line; *at; at++)
        *at = iscntrl((unsigned char)*at) ? ' ' : *at;
    blanks = strspn(line, " ");
    length = strlen(line + blanks);
    memmove(line, line + blanks, length + 1);
    while (length > 0 && line[length - 1] == ' ')
        line[--length] = '\0';
    if (*line == '#')
        *line = '?';
}

static bool make_frame(const struct report_frame *frame, struct key_frame *result)
{
    size_t length = 1;
    const char *module = frame->module ? finding_module(frame->module, &length) : "?";
    const char *function = frame->function ? frame->function : "?", *shown;
    char *name = malloc(FUNCTION_NAME_ROOM(strlen(function)));
    if (!name)
        return false;
    if (frame->module)
        function_name_plain(function, name);
    else /* a JIT compiler's: any text */
        strcpy(name, function);
    result->rank = rank(frame, name);
    result->named = frame->function != NULL;
    /* libc's __strdup and strdup are one function */
    shown = result->rank == RANK_SYSTEM && strncmp(name, "__", 2) == 0 ? name + 2 : name;
    if (asprintf(&result->line, "%s @ %.*s", shown, (int)length, module) < 0)
        result->line = NULL;
    free(name);
    if (result->line)
        make_readable(result->line);
    return result->line != NULL;
}

static bool is_repeated(const struct key_frame *frames, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (frames[i].rank == frames[index].rank && frames[i].named &&
            strcmp(frames[i].line, frames[index].line) == 0)
            return true;
    return false;
}

static void write_frames(FILE *out, const struct key_frame *frames, size_t count)
{
    enum frame_rank best = RANK_START;
    bool named = false;
    for (size_t i = 0; i < count; i++)
        best = frames[i].rank > best ? frames[i].rank : best;
    for (size_t i = 0; i < count; i++)
        named |= frames[i].rank == best && frames[i].named;
    for (size_t i = 0; i < count; i++) {
        /* a system library's symbols depend on whether its debug information is installed */
        bool skipped = best == RANK_SYSTEM && named && !frames[i].named;
        if (frames[i].rank == best && !skipped && !is_repeated(frames, i))
            fprintf(out, "%s\n", frames[i].line);
    }
}

static bool write_stack(FILE *out, const struct finding_stack *stack)
{
    struct key_frame *frames = calloc(stack->count + 1, sizeof(*frames));
    bool good = frames != NULL;
    size_t count = 0;
    while (good && count < stack->count)
        good = make_frame(&stack->frames[count], &frames[count]) && ++count;
    if (good)
        write_frames(out, frames, count);
    for (size_t i = 0; i < count; i++)
        free(frames[i].line);
    free(frames);
    return good;
}

char *finding_key(struct arena *arena, const struct finding *finding)
{
    char *text = NULL, *result = NULL;
    size_t size = 0;
    const struct finding_stack *stack =
        finding->stack.count ? &finding->stack : &finding->allocated;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out, "%s\n", finding->rule);
    bool good = write_stack(out, stack);
    if (fclose(out) == 0 && good)
        result = arena_string(arena, text, size);
    free(text);
    return result;
}
