/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_name.h"

#include "settings.h"
#include "sys.h"
#include "text.h"
#include "vmtrace/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

enum {
    MOST_NAMES = 10000, /* NAME, NAME.1, ... before we give up */
    MOST_ADDED = 16,    /* bytes of ".9999" and of the folder's name */
};

/* The name that was executed (a symbolic link's own, a script's own), not the file behind it. */
static void add_executable_name(struct text *text)
{
    const char *path = (const char *)getauxval(AT_EXECFN);
    if (!path || !*path) {
        text_add(text, "unknown");
        return;
    }
    const char *slash = strrchr(path, '/');
    text_add(text, slash ? slash + 1 : path);
}

static void add_host_name(struct text *text)
{
    char name[256];
    if (sys_read_file("/proc/sys/kernel/hostname", name, sizeof(name)) <= 0)
        strcpy(name, "localhost");
    text_add(text, name);
}

/* Expands the pattern; `execs` stands for %n.  False if the result does not fit. */
static bool expand_pattern(struct text *text, unsigned execs)
{
    if (settings.output[0] != '/') {
        long size = sys_call(SYS_getcwd, (long)text->buffer, (long)text->size, 0, 0, 0, 0);
        if (size > 0) {
            text->length = (size_t)size - 1;
            text_add(text, "/");
        }
    }
    for (const char *at = settings.output; *at; at++) {
        if (*at != '%') {
            text_add_bytes(text, at, 1);
            continue;
        }
        switch (*++at) {
        case 'p':
            text_add_number(text, sys_pid());
            break;
        case 'e':
            add_executable_name(text);
            break;
        case 'h':
            add_host_name(text);
            break;
        case 't':
            text_add_number(text, sys_time_ns(CLOCK_REALTIME) / 1000000000u);
            break;
        case 'n':
            text_add_number(text, execs);
            break;
        default:
            text_add(text, "%");
        }
    }
    return text->length + MOST_ADDED < text->size;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0) == 0 &&
           S_ISDIR(status.st_mode);
}

void trace_name_put_below(char *path, bool below)
{
    static const char folder[] = VMT_CHECK_FIRST "/";
    const size_t length = sizeof(folder) - 1;
    char *name = strrchr(path, '/') + 1;
    if (below) {
        memmove(name + length, name, strlen(name) + 1);
        memcpy(name, folder, length);
    } else {
        memmove(name - length, name, strlen(name) + 1);
    }
}

/* In one of the two folders of a check, where the other has no such name. */
static int create(char *path, bool below)
{
    struct stat status;
    int fd = -EEXIST;
    if (!settings_is_of_check(path))
        return sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    trace_name_put_below(path, true);
    if (below)
        fd = sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    bool unused =
        !below && sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0) != 0;
    trace_name_put_below(path, false);
    return unused ? sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) : fd;
}

int trace_name_create(char path[TRACE_NAME_SIZE], bool below)
{
    bool numbered = strstr(settings.output, "%n") != NULL;
    for (unsigned attempt = 0; attempt < MOST_NAMES; attempt++) {
        struct text text;
        text_init(&text, path, TRACE_NAME_SIZE);
        if (!expand_pattern(&text, numbered ? attempt : 0))
            return -ENAMETOOLONG;
        if (attempt && !numbered) {
            text_add(&text, ".");
            text_add_number(&text, attempt);
        }
        int fd = create(path, below);
        if (fd != -EEXIST)
            return fd;
        if (is_directory(path))
            return -EISDIR;
    }
    return -EEXIST;
}
