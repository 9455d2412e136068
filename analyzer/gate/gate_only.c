/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_only.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gate/function_name.h"
#include "gate/real_paths.h"

struct only_name {
    const char *text; /* without "./" */
    size_t length;
    bool path;  /* has a slash, or is a folder's or a source file's */
    char *real; /* what is there, without symbolic links, or NULL */
};

struct gate_only {
    struct real_paths real; /* of frames */
    size_t count;
    bool paths; /* any is one */
    struct only_name names[];
};

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_source(const char *name)
{
    static const char *const kinds[] = {"c",   "cc",  "cpp", "cxx", "C",  "h", "hh",
                                        "hpp", "hxx", "inl", "rs",  "go", "d"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(dot + 1, kinds[i]) == 0)
            return true;
    return false;
}

static void name_init(struct only_name *name, const char *text)
{
    name->path = strchr(text, '/') != NULL || is_source(text) || is_folder(text);
    name->real = name->path ? realpath(text, NULL) : NULL;
    while (strncmp(text, "./", 2) == 0)
        text += 2 + strspn(text + 2, "/");
    const char *version = strstr(text, ".so.");
    name->text = text;
    name->length = version && !name->path ? (size_t)(version - text) + 3 : strlen(text);
    while (name->path && name->length > 1 && text[name->length - 1] == '/')
        name->length--;
}

struct gate_only *gate_only_new(const char *const *names, size_t count)
{
    struct gate_only *only = calloc(1, sizeof(*only) + count * sizeof(only->names[0]));
    if (!only)
        return NULL;
    only->count = count;
    for (size_t i = 0; i < count; i++) {
        name_init(&only->names[i], names[i]);
        only->paths |= only->names[i].path;
    }
    return only;
}

void gate_only_free(struct gate_only *only)
{
    if (!only)
        return;
    for (size_t i = 0; i < only->count; i++)
        free(only->names[i].real);
    real_paths_release(&only->real);
    free(only);
}

/* Where a name may end in a path: libfoo.so is libfoo.so.1, too. */
static bool is_end(const struct only_name *name, char next)
{
    bool library = name->length > 3 && memcmp(name->text + name->length - 3, ".so", 3) == 0;
    return next == '\0' || next == '/' || (library && next == '.');
}

static bool has_part(const char *path, const struct only_name *name)
{
    for (const char *at = path; name->length && (at = strstr(at, name->text)) != NULL; at++)
        if ((at == path || at[-1] == '/' || *name->text == '/') && is_end(name, at[name->length]))
            return true;
    return false;
}

static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0' || strcmp(folder, "/") == 0);
}

/* However the compiler was told of it. */
static bool is_really_below(struct gate_only *only, const char *path, const struct only_name *name)
{
    if (!name->real || *path != '/')
        return false;
    if (is_below(path, name->real))
        return true;
    const char *real = real_paths_find(&only->real, path);
    return real && is_below(real, name->real);
}

static bool ends_library(const char *rest)
{
    size_t length = strlen(rest);
    return strncmp(rest, ".so", 3) == 0 ||
           (rest[0] == '.' && strcmp(rest + length - (length < 3 ? length : 3), ".so") == 0);
}

/* "app", "libfoo.so" or "libfoo" of /usr/lib/libfoo.so.1, "parse.c", and "module" of Python's
 * module.cpython-311-x86_64-linux-gnu.so. */
static bool is_called(const char *path, const struct only_name *name)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    return strncmp(base, name->text, name->length) == 0 &&
           (is_end(name, base[name->length]) || ends_library(base + name->length));
}

/* Where systems and their package managers put binaries, most of them without debug information;
 * containers' programs are built in /usr/src. */
static bool is_systems(const char *module)
{
    static const char *const folders[] = {"/usr",   "/bin",  "/sbin",      "/lib",
                                          "/lib64", "/snap", "/nix/store", "/opt/hostedtoolcache"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (is_below(module, folders[i]))
            return !is_below(module, "/usr/src");
    return false;
}

/* By a path only the program's own functions are, and a system's folders are no part of it: most
 * libraries are somewhere below lib/. */
static bool names(struct gate_only *only, const struct only_name *name,
                  const struct report_frame *frame)
{
    const char *const paths[] = {frame->file, frame->module};
    bool bare = !memchr(name->text, '/', name->length) && name->length;
    for (size_t i = 0; i < 2; i++) {
        const char *path = paths[i];
        if (path && bare && is_called(path, name))
            return true;
        if (!path || !name->path || !frame->application)
            continue;
        bool part = i == 0 || *name->text == '/' || !is_systems(path);
        if ((part && has_part(path, name)) || is_really_below(only, path, name))
            return true;
    }
    return false;
}

/* Any function of it may be from any file, but for those that start each program. */
static bool is_unknown(const struct report_frame *frame)
{
    return frame->application && !frame->file && frame->module && !is_systems(frame->module) &&
           !(frame->function && function_name_starts_program(frame->function));
}

bool gate_only_is_systems(const struct finding_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        if (!stack->frames[i].module || !is_systems(stack->frames[i].module))
            return false;
    return stack->count > 0 && !stack->cut;
}

enum finding_whose gate_only_judge(struct gate_only *only, const struct finding_stack *stack)
{
    bool unknown = false;
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        for (size_t j = 0; j < only->count; j++)
            if (names(only, &only->names[j], frame))
                return FINDING_MINE;
        unknown |= is_unknown(frame);
    }
    return unknown && only->paths ? FINDING_UNKNOWN : FINDING_OTHERS;
}
