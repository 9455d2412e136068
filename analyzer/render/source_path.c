/* SPDX-License-Identifier: Apache-2.0 */
#include "render/source_path.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_last_slashes(char *path)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        path[--length] = '\0';
}

/* Cuts `path` down to the nearest folder with a .git (a file, in work trees). */
static bool find_repository(char *path)
{
    char probe[PATH_MAX + sizeof("/.git")];
    for (char *slash = path + strlen(path); slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        strcpy(stpcpy(probe, path), "/.git");
        if (access(probe, F_OK) == 0)
            return true;
    }
    return false;
}

static void find_root(char root[PATH_MAX])
{
    static const char *const variables[] = {"GITHUB_WORKSPACE", "CI_PROJECT_DIR"};
    char here[PATH_MAX];
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i]);
        if (value && value[0] == '/' && strlen(value) < PATH_MAX) {
            strcpy(root, value);
            remove_last_slashes(root);
            return;
        }
    }
    if (!getcwd(here, sizeof(here)) || here[0] != '/')
        return;
    strcpy(root, here);
    if (!find_repository(root))
        strcpy(root, here);
}

const char *source_root(void)
{
    static char root[PATH_MAX];
    static bool known;
    if (!known)
        find_root(root);
    known = true;
    return root;
}

/* The same without links: compilers note what getcwd() says. */
static const char *real_root(void)
{
    static char root[PATH_MAX];
    static bool known;
    if (!known && !realpath(source_root(), root))
        root[0] = '\0';
    known = true;
    return root;
}

/* Where the last of the components in [base, end) begins; each has a slash behind it. */
static char *last_component(char *base, char *end)
{
    char *start = end > base ? end - 1 : base;
    while (start > base && start[-1] != '/')
        start--;
    return start;
}

/* In place.  Links in between are not followed: the sources may be elsewhere. */
static void clean(char *path)
{
    bool absolute = path[0] == '/';
    char *base = path + absolute, *end = base;
    for (const char *at = base, *next; *at; at = next) {
        size_t length = strcspn(at, "/");
        bool up = length == 2 && memcmp(at, "..", 2) == 0;
        char *last = last_component(base, end);
        next = at + length + strspn(at + length, "/");
        if (length == 0 || (length == 1 && *at == '.'))
            continue;
        if (up && (absolute || (last < end && strncmp(last, "../", 3) != 0))) {
            end = last;
            continue;
        }
        memmove(end, at, length);
        end += length;
        if (*next)
            *end++ = '/';
    }
    *end = '\0';
}

static const char *below(const char *file, const char *folder)
{
    size_t length = strlen(folder);
    if (length == 0 || strncmp(file, folder, length) != 0 || file[length] != '/')
        return NULL;
    return file[length + 1] ? file + length + 1 : NULL;
}

static bool is_clean(const char *path)
{
    return path[0] != '.' && !strstr(path, "/.") && !strstr(path, "//");
}

const char *source_path(struct arena *arena, const char *file)
{
    const char *path = file;
    if (!is_clean(file)) {
        char *copy = arena_string(arena, file, strlen(file));
        if (!copy)
            return file;
        clean(copy);
        path = copy;
    }
    const char *relative = below(path, source_root());
    if (!relative)
        relative = below(path, real_root());
    return relative ? relative : path;
}
