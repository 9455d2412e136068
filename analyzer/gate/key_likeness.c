/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/key_likeness.h"

#include <string.h>

#include "base/fnv.h"

struct line {
    const char *text, *module; /* "main @ app\n", "app\n" */
    size_t length;
};

static struct line line_at(const char *text)
{
    size_t length = strcspn(text, "\n") + 1;
    const char *at = memrchr(text, '@', length);
    return (struct line){text, at ? at + 1 : text, length};
}

static bool is_unnamed(const struct line *line)
{
    return strncmp(line->text, "? @", 3) == 0;
}

static int mildness(const char *key)
{
    static const struct {
        const char *rule;
        int mildness;
    } table[] = {{"definite-leak\n", 0},
                 {"indirect-leak\n", 0},
                 {"possible-leak\n", 1},
                 {"reachable-block\n", 2}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strncmp(key, table[i].rule, strlen(table[i].rule)) == 0)
            return table[i].mildness;
    return -1;
}

struct key_sketch key_sketch(const char *key)
{
    struct key_sketch sketch = {.frames = "", .mildness = mildness(key)};
    struct line line;
    if (sketch.mildness < 0)
        return sketch;
    sketch.frames = strchr(key, '\n') + 1;
    for (const char *text = sketch.frames; *text; text += line.length) {
        line = line_at(text);
        sketch.count++;
        if (is_unnamed(&line))
            sketch.unnamed = true;
        else
            sketch.functions |= UINT64_C(1) << (fnv_add(FNV_BASIS, text, line.length) >> 58);
    }
    return sketch;
}

/* A function whose symbol is not at hand may be any of its module. */
static bool same_line(const struct line *a, const struct line *b)
{
    bool unnamed = is_unnamed(a) || is_unnamed(b);
    const char *one = unnamed ? a->module : a->text, *other = unnamed ? b->module : b->text;
    size_t length = (size_t)(a->text + a->length - one);
    return length == (size_t)(b->text + b->length - other) && memcmp(one, other, length) == 0;
}

static bool has_line(const char *text, const struct line *wanted)
{
    for (struct line line; *text; text += line.length) {
        line = line_at(text);
        if (same_line(&line, wanted))
            return true;
    }
    return false;
}

/* In any order: which function of a recursion is the last one differs with inlining.  Unnamed
 * functions alone say nothing. */
static bool is_part(const struct key_sketch *part, const struct key_sketch *whole)
{
    bool named = false;
    if (part->count * 2 < whole->count ||
        (!whole->unnamed && (part->functions & ~whole->functions)))
        return false;
    struct line line;
    for (const char *text = part->frames; *text; text += line.length) {
        line = line_at(text);
        if (!has_line(whole->frames, &line))
            return false;
        named |= *line.text != '?';
    }
    return named;
}

bool key_sketch_alike(const struct key_sketch *a, const struct key_sketch *b)
{
    return a->count > b->count ? is_part(b, a) : is_part(a, b);
}
