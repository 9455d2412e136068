/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "suppress/suppression.h"

#define GLOB_QUESTION 1u   /* ? stands for a character */
#define GLOB_OPEN_START 2u /* as if * stood before */
#define GLOB_OPEN_END 4u   /* as if * stood behind */

/* Matches pattern[0 .. length).  On a mismatch the last * takes one character more, which is
 * enough, since what stands before it may match as early as it can. */
static bool glob_matches(const char *pattern, size_t length, const char *text, unsigned flags)
{
    const char *at = pattern, *end = pattern + length, *star = NULL, *retry = NULL;
    if (flags & GLOB_OPEN_START) {
        star = pattern;
        retry = text;
    }
    for (;;) {
        if (at == end && ((flags & GLOB_OPEN_END) || *text == '\0'))
            return true;
        if (at < end && *at == '*') {
            star = ++at;
            retry = text;
            continue;
        }
        if (*text && at < end && (*at == *text || ((flags & GLOB_QUESTION) && *at == '?'))) {
            at++;
            text++;
            continue;
        }
        if (!star || *retry == '\0')
            return false;
        at = star;
        text = ++retry;
    }
}

bool suppression_glob(const char *pattern, const char *text)
{
    if (*pattern != *text && *pattern != '*' && *pattern != '?')
        return false;
    return glob_matches(pattern, strlen(pattern), text, GLOB_QUESTION);
}

bool suppression_template(const char *pattern, const char *text)
{
    unsigned flags = *pattern == '^' ? 0 : GLOB_OPEN_START;
    pattern += *pattern == '^';
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '$')
        length--;
    else
        flags |= GLOB_OPEN_END;
    return glob_matches(pattern, length, text, flags);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool template_matches_place(const char *pattern, const struct suppression_place *place)
{
    for (size_t i = 0; i < SUPPRESSION_NAMES && place->names[i]; i++)
        if (suppression_template(pattern, place->names[i]))
            return true;
    return (place->file && suppression_template(pattern, place->file)) ||
           (place->module && suppression_template(pattern, place->module));
}

static bool template_matches(const char *pattern, const struct suppression_query *query)
{
    for (size_t i = 0; i < query->count; i++)
        if (template_matches_place(pattern, &query->places[i]))
            return true;
    return false;
}

static bool function_matches(const char *pattern, const struct suppression_place *place)
{
    if (!place->names[0])
        return suppression_glob(pattern, "???"); /* as valgrind calls it */
    for (size_t i = 0; i < SUPPRESSION_NAMES && place->names[i]; i++)
        if (suppression_glob(pattern, place->names[i]))
            return true;
    return false;
}

static bool frame_matches(const struct suppression_frame *frame,
                          const struct suppression_place *place)
{
    const char *file = place->file ? place->file : "???";
    switch (frame->kind) {
    case FRAME_FUNCTION:
        return function_matches(frame->pattern, place);
    case FRAME_OBJECT:
        return suppression_glob(frame->pattern, place->module ? place->module : "???");
    case FRAME_SOURCE:
        return (frame->line == 0 || frame->line == place->line) &&
               (suppression_glob(frame->pattern, file) ||
                suppression_glob(frame->pattern, last_part(file)));
    case FRAME_ANY:
        break;
    }
    return false;
}

/* The index of the next frame of the stack, without inlined ones if `physical`. */
static size_t next_place(const struct suppression_query *query, size_t i, bool physical)
{
    while (physical && i < query->count && query->places[i].inlined)
        i++;
    return i;
}

/* As a glob with an open end: frames are characters, "..." is a star. */
static bool frames_match(const struct suppression *suppression,
                         const struct suppression_query *query, bool physical)
{
    size_t at = 0, star = SIZE_MAX, retry = 0, place = next_place(query, 0, physical);
    while (at < suppression->frame_count) {
        const struct suppression_frame *frame = &suppression->frames[at];
        if (frame->kind == FRAME_ANY) {
            star = ++at;
            retry = place;
            continue;
        }
        if (place < query->count && frame_matches(frame, &query->places[place])) {
            at++;
            place = next_place(query, place + 1, physical);
            continue;
        }
        if (star == SIZE_MAX || retry >= query->count)
            return false;
        at = star;
        place = retry = next_place(query, retry + 1, physical);
    }
    return true;
}

static bool any_inlined(const struct suppression_query *query)
{
    for (size_t i = 0; i < query->count; i++)
        if (query->places[i].inlined)
            return true;
    return false;
}

static bool suppression_matches(const struct suppression *suppression,
                                const struct suppression_query *query)
{
    if (suppression->type != query->type)
        return false;
    if (query->type == SUPPRESSION_LEAK && !(suppression->kinds & query->kind))
        return false;
    if (suppression->pattern)
        return template_matches(suppression->pattern, query);
    return frames_match(suppression, query, false) ||
           (any_inlined(query) && frames_match(suppression, query, true));
}

struct suppression *suppression_list_match(const struct suppression_list *list,
                                           const struct suppression_query *query)
{
    for (size_t i = 0; i < list->count; i++)
        if (suppression_matches(&list->items[i], query))
            return &list->items[i];
    return NULL;
}
