/* SPDX-License-Identifier: Apache-2.0 */
/* Formats: LeakSanitizer's, one TYPE:PATTERN a line (clang.llvm.org, "Suppressions"); valgrind's,
 * { NAME, TOOL[,TOOL]:KIND, frames } (manual-core, "Suppressing errors").  # begins a comment. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "suppress/suppression.h"

#define MOST_FRAMES 4096 /* of one suppression */

struct parser {
    struct suppression_list *list;
    const char *file;                 /* the arena's */
    const char *at, *end;             /* what is left of the text */
    char *text;                       /* the present line, without blanks around it: the arena's */
    unsigned line;                    /* its number */
    struct suppression_frame *frames; /* of the block so far; malloc'd */
    size_t frame_count, frame_capacity;
    struct error *error;
};

#define PARSE_ERROR(parser, where, ...) parse_error(parser, where, arena_printf(__VA_ARGS__))

/* `message` is the arena's, or NULL when out of memory. */
static enum vmt_error parse_error(struct parser *parser, unsigned line, const char *message)
{
    if (!message)
        return error_no_memory(parser->error);
    return error_set(parser->error, VMT_ERROR_FORMAT, "%s:%u: %s", parser->file, line, message);
}

/* The next line that says something is in parser->text, NULL at the end. */
static enum vmt_error next_line(struct parser *parser)
{
    parser->text = NULL;
    while (parser->at < parser->end) {
        const char *start = parser->at;
        const char *stop = memchr(start, '\n', (size_t)(parser->end - start));
        stop = stop ? stop : parser->end;
        parser->at = stop < parser->end ? stop + 1 : stop;
        parser->line++;
        while (start < stop && isspace((unsigned char)*start))
            start++;
        while (stop > start && isspace((unsigned char)stop[-1]))
            stop--;
        if (start == stop || *start == '#')
            continue;
        parser->text = arena_string(parser->list->arena, start, (size_t)(stop - start));
        return parser->text ? VMT_OK : error_no_memory(parser->error);
    }
    return VMT_OK;
}

static enum vmt_error skip(struct parser *parser, const char *what, unsigned line)
{
    struct suppression_list *list = parser->list;
    struct suppression_skip *last = list->skip_count ? &list->skips[list->skip_count - 1] : NULL;
    if (last && last->file == parser->file) {
        last->count++;
        return VMT_OK;
    }
    if (list->skip_count == list->skip_capacity &&
        !vector_grow(&list->skips, &list->skip_capacity, sizeof(*list->skips)))
        return error_no_memory(parser->error);
    list->skips[list->skip_count++] = (struct suppression_skip){parser->file, what, line, 1};
    return VMT_OK;
}

static enum vmt_error add(struct parser *parser, const struct suppression *suppression)
{
    struct suppression_list *list = parser->list;
    if (list->count == list->capacity &&
        !vector_grow(&list->items, &list->capacity, sizeof(*list->items)))
        return error_no_memory(parser->error);
    list->items[list->count++] = *suppression;
    return VMT_OK;
}

/* A line of LeakSanitizer's format. */
static enum vmt_error parse_template(struct parser *parser)
{
    char *colon = strchr(parser->text, ':');
    struct suppression_list *list = parser->list;
    for (const char *at = parser->text; at < colon; at++)
        if (!islower((unsigned char)*at) && *at != '_' && *at != '-')
            colon = NULL;
    if (!colon || colon == parser->text)
        return PARSE_ERROR(parser, parser->line, list->arena,
                           "\"%.80s\": neither leak:PATTERN nor the { of a valgrind suppression",
                           parser->text);
    if (strncmp(parser->text, "leak:", 5) != 0)
        return skip(parser, parser->text, parser->line);
    const char *pattern = colon + 1;
    if (*pattern == '\0')
        return PARSE_ERROR(parser, parser->line, list->arena, "leak: without a pattern");
    return add(parser, &(struct suppression){.type = SUPPRESSION_LEAK,
                                             .name = pattern,
                                             .file = parser->file,
                                             .line = parser->line,
                                             .kinds = SUPPRESSION_ALL & ~SUPPRESSION_REACHABLE,
                                             .pattern = pattern});
}

/* The kind in "Memcheck,Helgrind:Leak" if Memcheck is among the tools; "" if not, NULL if it is no
 * such line. */
static const char *memcheck_kind(const char *text)
{
    const char *colon = strchr(text, ':');
    bool memcheck = false;
    if (!colon || colon == text || colon[1] == '\0' || strncmp(text, "fun:", 4) == 0 ||
        strncmp(text, "obj:", 4) == 0 || strncmp(text, "src:", 4) == 0)
        return NULL;
    for (const char *tool = text; tool < colon;) {
        size_t length = strcspn(tool, ",:");
        memcheck = memcheck || (length == 8 && memcmp(tool, "Memcheck", 8) == 0);
        tool += length + 1;
    }
    return memcheck ? colon + 1 : "";
}

static unsigned leak_kind(const char *name, size_t length)
{
    static const struct {
        const char *name;
        unsigned bits;
    } kinds[] = {
        {"definite", SUPPRESSION_DEFINITE | SUPPRESSION_UNSCANNED},
        {"indirect", SUPPRESSION_INDIRECT},
        {"possible", SUPPRESSION_POSSIBLE},
        {"reachable", SUPPRESSION_REACHABLE},
        {"all", SUPPRESSION_ALL},
        {"none", 0},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0)
            return kinds[i].bits;
    return UINT32_MAX;
}

static enum vmt_error parse_kinds(struct parser *parser, const char *names, unsigned *kinds)
{
    *kinds = 0;
    for (const char *at = names;; at++) {
        at += strspn(at, " \t");
        size_t length = strcspn(at, ", \t");
        unsigned bits = leak_kind(at, length);
        if (bits == UINT32_MAX)
            return PARSE_ERROR(parser, parser->line, parser->list->arena,
                               "match-leak-kinds: \"%.*s\" is no kind; there are definite, "
                               "indirect, possible, reachable, all and none",
                               (int)(length < 80 ? length : 80), at);
        *kinds |= bits;
        at += length;
        at += strspn(at, " \t");
        if (*at == '\0')
            return VMT_OK;
    }
}

/* "src:file.c:12": the line is cut off and returned. */
static int source_line(char *pattern)
{
    char *colon = strrchr(pattern, ':');
    if (!colon || !isdigit((unsigned char)colon[1]) || strlen(colon) > 9)
        return 0;
    for (const char *at = colon + 1; *at; at++)
        if (!isdigit((unsigned char)*at))
            return 0;
    *colon = '\0';
    return atoi(colon + 1);
}

/* False: the line is no frame. */
static bool read_frame(char *text, struct suppression_frame *frame)
{
    static const struct {
        const char *word;
        int kind;
    } words[] = {{"fun:", FRAME_FUNCTION}, {"obj:", FRAME_OBJECT}, {"src:", FRAME_SOURCE}};
    *frame = (struct suppression_frame){.kind = FRAME_ANY};
    if (strcmp(text, "...") == 0)
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(text, words[i].word, 4) != 0)
            continue;
        frame->kind = words[i].kind;
        frame->pattern = text + 4 + strspn(text + 4, " \t");
        if (frame->kind == FRAME_SOURCE)
            frame->line = source_line(text + 4);
        return *frame->pattern != '\0';
    }
    return false;
}

static enum vmt_error parse_frame(struct parser *parser)
{
    struct suppression_frame frame;
    if (!read_frame(parser->text, &frame))
        return PARSE_ERROR(parser, parser->line, parser->list->arena,
                           "\"%.80s\": in a valgrind suppression a frame is fun:, obj: or src: "
                           "with a pattern, or \"...\"",
                           parser->text);
    if (parser->frame_count == MOST_FRAMES)
        return PARSE_ERROR(parser, parser->line, parser->list->arena, "more than %d frames",
                           MOST_FRAMES);
    if (parser->frame_count == parser->frame_capacity &&
        !vector_grow(&parser->frames, &parser->frame_capacity, sizeof(*parser->frames)))
        return error_no_memory(parser->error);
    parser->frames[parser->frame_count++] = frame;
    return VMT_OK;
}

static enum vmt_error unfinished(struct parser *parser, unsigned begin)
{
    return PARSE_ERROR(parser, begin, parser->list->arena,
                       "the suppression that begins here has no closing }");
}

/* Goes to the closing line. */
static enum vmt_error leave_block(struct parser *parser, unsigned begin)
{
    enum vmt_error code = VMT_OK;
    while (code == VMT_OK && parser->text && strcmp(parser->text, "}") != 0)
        code = next_line(parser);
    return code != VMT_OK || parser->text ? code : unfinished(parser, begin);
}

/* The frames, from parser->text on, and the end. */
static enum vmt_error parse_frames(struct parser *parser, struct suppression *suppression)
{
    enum vmt_error code = VMT_OK;
    bool any = false;
    for (parser->frame_count = 0; parser->text && strcmp(parser->text, "}") != 0;) {
        code = parse_frame(parser);
        if (code == VMT_OK)
            code = next_line(parser);
        if (code != VMT_OK)
            return code;
        any = any || parser->frames[parser->frame_count - 1].kind != FRAME_ANY;
    }
    if (!parser->text)
        return unfinished(parser, suppression->line);
    if (!any)
        return PARSE_ERROR(parser, suppression->line, parser->list->arena,
                           "this suppression names no frame, so it would hide everything");
    struct suppression_frame *frames =
        arena_array(parser->list->arena, parser->frame_count, sizeof(*frames));
    if (!frames)
        return error_no_memory(parser->error);
    memcpy(frames, parser->frames, parser->frame_count * sizeof(*frames));
    suppression->frames = frames;
    suppression->frame_count = parser->frame_count;
    return add(parser, suppression);
}

/* Behind a {. */
static enum vmt_error parse_block(struct parser *parser)
{
    struct suppression suppression = {
        .file = parser->file, .line = parser->line, .kinds = SUPPRESSION_ALL};
    unsigned begin = parser->line;
    enum vmt_error code = next_line(parser);
    suppression.name = parser->text;
    if (code == VMT_OK && parser->text && strcmp(parser->text, "}") != 0)
        code = next_line(parser);
    if (code != VMT_OK)
        return code;
    if (!parser->text)
        return unfinished(parser, begin);
    const char *what = parser->text, *kind = memcheck_kind(what);
    if (!kind)
        return PARSE_ERROR(parser, parser->line, parser->list->arena,
                           "\"%.80s\": the line behind a suppression's name is TOOL:KIND, "
                           "Memcheck:Leak for one",
                           what);
    bool leak = strcmp(kind, "Leak") == 0;
    if (!leak && strcmp(kind, "Free") != 0) {
        code = leave_block(parser, begin);
        return code == VMT_OK ? skip(parser, what, begin) : code;
    }
    suppression.type = leak ? SUPPRESSION_LEAK : SUPPRESSION_FREE;
    code = next_line(parser);
    if (code == VMT_OK && leak && parser->text &&
        strncmp(parser->text, "match-leak-kinds:", 17) == 0) {
        code = parse_kinds(parser, parser->text + 17, &suppression.kinds);
        if (code == VMT_OK)
            code = next_line(parser);
    }
    return code == VMT_OK ? parse_frames(parser, &suppression) : code;
}

enum vmt_error suppression_list_parse(struct suppression_list *list, const char *file,
                                      const char *text, size_t size, struct error *error)
{
    struct parser parser = {.list = list, .at = text, .end = text + size, .error = error};
    enum vmt_error code = VMT_OK;
    parser.file = arena_string(list->arena, file, strlen(file));
    if (!parser.file)
        return error_no_memory(error);
    while (code == VMT_OK) {
        code = next_line(&parser);
        if (code != VMT_OK || !parser.text)
            break;
        code = strcmp(parser.text, "{") == 0 ? parse_block(&parser) : parse_template(&parser);
    }
    free(parser.frames);
    return code;
}
