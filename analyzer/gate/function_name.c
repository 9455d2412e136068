/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/function_name.h"

#include <ctype.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char anonymous[] = "(anonymous namespace)";

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool starts_with_any(const char *text, const char *const *starts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (starts_with(text, starts[i]))
            return true;
    return false;
}

struct naming {
    const char *at;
    char *out;
    size_t used;
    bool conversion; /* behind "operator ": blanks are part of the name */
};

static bool ends_with(const struct naming *naming, const char *end)
{
    size_t length = strlen(end);
    return naming->used >= length && memcmp(naming->out + naming->used - length, end, length) == 0;
}

static bool at_component(const struct naming *naming)
{
    return naming->used == 0 || ends_with(naming, "::");
}

static void take(struct naming *naming, size_t length)
{
    memmove(naming->out + naming->used, naming->at, length);
    naming->used += length;
    naming->at += length;
}

/* Behind the bracket that belongs to the one at `at`, or the end of the text. */
static const char *skip_group(const char *at)
{
    int depth = 0;
    char open = *at, close = open == '(' ? ')' : open == '<' ? '>' : open == '{' ? '}' : ']';
    for (; *at; at++) {
        if (*at == '(' && open == '<') { /* may hold comparisons */
            at = skip_group(at) - 1;
        } else if (*at == open) {
            depth++;
        } else if (*at == close && (close != '>' || at[-1] != '-') && --depth == 0) {
            return at + 1;
        }
    }
    return at;
}

/* Leaves out a component, with the colons behind it or else those before it. */
static void drop_component(struct naming *naming, const char *end)
{
    naming->at = end;
    if (starts_with(end, "::"))
        naming->at += 2;
    else if (ends_with(naming, "::"))
        naming->used -= 2;
}

/* "operator" and its sign: "operator<<", "operator()", "operator new[]". */
static void take_operator(struct naming *naming)
{
    static const char *const signs[] = {
        "<<=", ">>=", "<=>", "->*", "()", "[]", "<<", ">>", "->", "<=", ">=", "==", "!=",
        "&&",  "||",  "++",  "--",  "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<",
        ">",   "+",   "-",   "*",   "/",  "%",  "&",  "|",  "^",  "~",  "!",  "=",  ","};
    take(naming, strlen("operator"));
    for (size_t i = 0; i < COUNT(signs); i++)
        if (starts_with(naming->at, signs[i])) {
            take(naming, strlen(signs[i]));
            naming->at += starts_with(naming->at, " <"); /* operator< <int> */
            return;
        }
    naming->conversion = *naming->at == ' ';
}

static bool at_operator(const struct naming *naming)
{
    const char *at = naming->at, *end = at + strlen("operator");
    char before = naming->used ? naming->out[naming->used - 1] : ' ';
    return starts_with(at, "operator") && !isalnum((unsigned char)before) && before != '_' &&
           !isalnum((unsigned char)*end) && *end != '_';
}

/* Parameters, and what stands behind them; Go's (*T) are a part of the name. */
static void pass_parentheses(struct naming *naming)
{
    static const char *const qualifiers[] = {" const", " volatile", " &&", " &", " noexcept"};
    const char *end = skip_group(naming->at);
    if (starts_with(naming->at, anonymous)) {
        take(naming, strlen(anonymous));
        return;
    }
    if (naming->used && naming->out[naming->used - 1] == '.') {
        take(naming, (size_t)(end - naming->at));
        return;
    }
    naming->at = end;
    naming->conversion = false;
    for (size_t i = 0; i < COUNT(qualifiers); i++)
        if (starts_with(naming->at, qualifiers[i]))
            naming->at += strlen(qualifiers[i]);
}

/* What some compilers name and others do not: lambdas, inline namespaces of the library. */
static bool pass_component(struct naming *naming)
{
    const char *at = naming->at;
    if (starts_with(at, "{lambda(") || starts_with(at, "<lambda") || starts_with(at, "{default "))
        drop_component(naming, skip_group(at));
    else if (starts_with(at, "$_") && isdigit((unsigned char)at[2]))
        drop_component(naming, at + 2 + strspn(at + 2, "0123456789"));
    else if (starts_with(at, "__cxx11::") || starts_with(at, "__1::"))
        drop_component(naming, strchr(at, ':'));
    else if (*at == '<') /* Rust's <T as Trait>::function */
        take(naming, (size_t)(skip_group(at) - at));
    else
        return false;
    return true;
}

/* What compilers and linkers append to functions that they take apart or specialise. */
static bool at_suffix(const char *at)
{
    static const char *const marks[] = {".isra.",    ".constprop.",   ".part.",      ".cold",
                                        ".llvm.",    ".lto_priv.",    ".localalias", ".__uniq.",
                                        "._omp_fn.", ".omp_outlined", ".resolver",   "@"};
    return starts_with_any(at, marks, COUNT(marks));
}

static void step(struct naming *naming)
{
    const char *at = naming->at;
    if (at_component(naming) && pass_component(naming))
        return;
    if (at_operator(naming))
        take_operator(naming);
    else if (*at == '(')
        pass_parentheses(naming);
    else if (*at == '<')
        naming->at = skip_group(at);
    else if (starts_with(at, "[abi:"))
        naming->at = skip_group(at);
    else if (starts_with(at, " [clone "))
        naming->at += strlen(at);
    else if (naming->used && at_suffix(at))
        naming->at += strlen(at);
    else if (*at == ' ' && !naming->conversion) { /* that was the return type */
        naming->used = 0;
        naming->at++;
    } else
        take(naming, 1);
}

/* What gcc and clang make of the initial values of a file's variables. */
static bool is_initialization(const char *name)
{
    static const char *const starts[] = {"_GLOBAL__sub_I_", "_GLOBAL__I_", "__cxx_global_var_init",
                                         "__static_initialization_and_destruction"};
    return starts_with_any(name, starts, COUNT(starts));
}

void function_name_plain(const char *name, char *out)
{
    if (is_initialization(name)) {
        strcpy(out, "(static initialization)");
        return;
    }
    struct naming naming = {.at = name, .out = out};
    if (starts_with(name, "__GI_"))
        naming.at += strlen("__GI_");
    while (*naming.at)
        step(&naming);
    while (naming.used && out[naming.used - 1] == ' ')
        naming.used--;
    if (naming.used == 0)
        naming.used = (size_t)(stpcpy(out, *name ? name : "?") - out);
    out[naming.used] = '\0';
}

bool function_name_starts_program(const char *name)
{
    static const char *const names[] = {"_start",
                                        "__libc_start_main",
                                        "__libc_start_call_main",
                                        "start_thread",
                                        "clone",
                                        "clone3",
                                        "__clone",
                                        "__clone3",
                                        "_dl_start_user",
                                        "__libc_csu_init",
                                        "call_init",
                                        "_dl_init"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return starts_with(name, "__libc_start_main");
}

bool function_name_of_library(const char *name)
{
    static const char *const starts[] = {"std::", "__gnu_cxx::", "__cxxabiv1::", "__gthread_"};
    return starts_with_any(name, starts, COUNT(starts));
}
