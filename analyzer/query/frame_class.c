/* SPDX-License-Identifier: Apache-2.0 */
#include "query/frame_class.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool file_is_library(const char *file)
{
    static const char *const roots[] = {"/usr/include/", "/usr/lib/gcc/", "/usr/lib/llvm",
                                        "/usr/local/include/c++/", "/rustc/"};
    for (size_t i = 0; i < COUNT(roots); i++)
        if (starts_with(file, roots[i]))
            return true;
    /* Compilers of one's own, and Rust's library in a tool chain's folder or as it was built. */
    return strstr(file, "/include/c++/") || strstr(file, "/rustlib/src/rust/library/") ||
           starts_with(file, "library/alloc/src/") || starts_with(file, "library/core/src/") ||
           starts_with(file, "library/std/src/");
}

/* Where a demangled function's own name begins: behind the return type that names of template
 * instances carry, which ends at the last blank before the parameters. */
static const char *qualified_name(const char *function)
{
    const char *name = function;
    int depth = 0;
    for (const char *at = function; *at && (depth > 0 || *at != '('); at++) {
        if (starts_with(at, "operator"))
            break;
        if (*at == '<')
            depth++;
        else if (*at == '>')
            depth--;
        else if (*at == ' ' && depth == 0)
            name = at + 1;
    }
    return name;
}

bool frame_class_library(const char *function, const char *file)
{
    static const char *const spaces[] = {"std::", "__gnu_cxx::", "core::", "alloc::"};
    if (file)
        return file_is_library(file);
    if (function == NULL)
        return false;
    /* Rust writes <alloc::vec::Vec<T> as Trait>::function. */
    const char *name = *function == '<' ? function + 1 : qualified_name(function);
    for (size_t i = 0; i < COUNT(spaces); i++)
        if (starts_with(name, spaces[i]))
            return true;
    return false;
}

/* Length of a C function's name without what compilers (.part.0, .constprop.1) and people
 * (_usable, 2) add to it. */
static size_t stem_length(const char *function)
{
    static const char *const endings[] = {"_usable", "_internal", "_default", "_zero", "_num",
                                          "_array",  "_n",        "_raw",     "Raw"};
    size_t length = strcspn(function, ".(<@ ");
    while (length > 0 &&
           (isdigit((unsigned char)function[length - 1]) || function[length - 1] == '_'))
        length--;
    for (size_t i = 0; i < COUNT(endings); i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && memcmp(function + length - ending, endings[i], ending) == 0)
            return length - ending;
    }
    return length;
}

bool frame_class_allocator(const char *function)
{
    static const char *const words[] = {"malloc", "calloc", "realloc", "zalloc",
                                        "strdup", "memdup", "strndup", "reallocarray"};
    if (function == NULL)
        return false;
    size_t length = stem_length(function);
    for (size_t i = 0; i < COUNT(words); i++) {
        size_t word = strlen(words[i]);
        if (length >= word && strncasecmp(function + length - word, words[i], word) == 0)
            return true;
    }
    return starts_with(function, "operator new") || starts_with(function, "__rust_alloc") ||
           starts_with(function, "__rdl_alloc") || starts_with(function, "__rdl_realloc");
}
