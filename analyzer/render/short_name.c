/* SPDX-License-Identifier: Apache-2.0 */
#include "render/short_name.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Brackets are looked for from each bracket, so time goes with the square of the length. */
#define SHORT_NAME_MAX ((size_t)8192)

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* operator<, operator->, operator() and the like hold brackets that enclose nothing: the length
 * of such a name at `at`, else 0. */
static size_t operator_length(const char *at)
{
    if (!starts_with(at, "operator"))
        return 0;
    size_t length = strlen("operator");
    if (starts_with(at + length, "()"))
        return length + 2;
    return length + strspn(at + length, "<>=-");
}

/* The closing bracket of the opening one at `at`; NULL when there is none. */
static const char *closing(const char *at)
{
    size_t depth = 0;
    while (*at) {
        size_t skip = operator_length(at);
        if (skip) {
            at += skip;
            continue;
        }
        if (*at == '<' || *at == '(')
            depth++;
        else if ((*at == '>' || *at == ')') && --depth == 0)
            return at;
        at++;
    }
    return NULL;
}

/* Length of the default template argument ", std::allocator<...>" at `at`, else 0. */
static size_t allocator_length(const char *at)
{
    static const char start[] = ", std::allocator<";
    if (!starts_with(at, start))
        return 0;
    const char *end = closing(at + sizeof(start) - 2);
    size_t length = end ? (size_t)(end - at) + 1 : 0;
    /* The last argument only: others are not the default. */
    return length && at[length + strspn(at + length, " ")] == '>' ? length : 0;
}

static void drop_defaults(char *name)
{
    static const struct {
        const char *from, *to;
    } words[] = {
        {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
         "std::string"},
        {"std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string"},
        {"std::__cxx11::", "std::"},
        {"std::__1::", "std::"},
        {"> >", ">>"},
    };
    char *out = name;
    for (const char *at = name; *at;) {
        size_t skip = allocator_length(at), i = 0;
        while (!skip && i < sizeof(words) / sizeof(words[0]) && !starts_with(at, words[i].from))
            i++;
        if (skip) {
            at += skip + strspn(at + skip, " ");
        } else if (i == sizeof(words) / sizeof(words[0])) {
            *out++ = *at++;
        } else if (words[i].from[0] == '>') { /* the second bracket may begin another pair */
            *out++ = '>';
            at += 2;
        } else {
            memmove(out, words[i].to, strlen(words[i].to));
            out += strlen(words[i].to);
            at += strlen(words[i].from);
        }
    }
    *out = '\0';
}

/* Puts the ellipsis between the outermost pairs of `open` and its closing bracket. */
static void fold(char *name, char open, const char *ellipsis)
{
    size_t width = strlen(ellipsis);
    char *out = name;
    for (const char *at = name; *at;) {
        size_t skip = operator_length(at);
        const char *end = !skip && *at == open ? closing(at) : NULL;
        /* In Rust <Type as Trait>::function the bracket is all there is before the function. */
        bool folds = end && (size_t)(end - at) - 1 > width && !(at == name && open == '<') &&
                     !starts_with(at, "(anonymous namespace)");
        size_t length = skip ? skip : end && !folds ? (size_t)(end - at) + 1 : 1;
        if (folds) {
            *out++ = open;
            memmove(out, ellipsis, width);
            out += width;
            at = end;
            length = 1;
        }
        memmove(out, at, length);
        out += length;
        at += length;
    }
    *out = '\0';
}

char *short_name(const char *name, size_t columns, const char *ellipsis)
{
    char *copy = strdup(name);
    if (copy == NULL || strlen(copy) > SHORT_NAME_MAX)
        return copy;
    drop_defaults(copy);
    if (strlen(copy) > columns)
        fold(copy, '(', ellipsis);
    if (strlen(copy) > columns)
        fold(copy, '<', ellipsis);
    return copy;
}
