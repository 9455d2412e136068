/* SPDX-License-Identifier: Apache-2.0 */
#include "executable.h"

#include "name_store.h"
#include "sys.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

enum {
    MOST_LINKS = 40, /* as the kernel: MAXSYMLINKS */
    /* Bytes; what is longer is left to /proc.  The program headers nearly always lie right behind
     * the ELF header. */
    MOST_PATH = 1024,
    FILE_START = 1024,
};

static const char *executable = "";

const char *executable_path(void)
{
    return executable;
}

size_t executable_data_bytes(void)
{
    const ElfW(Phdr) *segment = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t most = 0;
    for (size_t left = segment ? getauxval(AT_PHNUM) : 0; left; left--, segment++) {
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) && segment->p_memsz > most)
            most = segment->p_memsz;
    }
    return most;
}

/* Has the file the program headers of what runs here?  A script has not: its interpreter runs. */
static bool is_running(const char *path)
{
    union {
        ElfW(Ehdr) header;
        char bytes[FILE_START];
    } file;
    int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return false;
    long size = sys_read(fd, &file, sizeof(file));
    sys_close(fd);
    size_t table = getauxval(AT_PHNUM) * getauxval(AT_PHENT);
    return size >= (long)sizeof(file.header) && memcmp(file.header.e_ident, ELFMAG, SELFMAG) == 0 &&
           file.header.e_phnum == getauxval(AT_PHNUM) && file.header.e_phoff <= (size_t)size &&
           table <= (size_t)size - file.header.e_phoff &&
           memcmp(file.bytes + file.header.e_phoff, (const void *)getauxval(AT_PHDR), table) == 0;
}

static void remove_last(struct text *path)
{
    while (path->length && path->buffer[--path->length] != '/')
        ;
    path->buffer[path->length] = '\0';
}

/* Adds the component of `length` bytes at `*rest`, or, if that is a symbolic link, puts what it
 * stands for in front of the rest. */
static bool add_component(struct text *resolved, char rest[MOST_PATH], const char **at,
                          size_t length)
{
    char target[MOST_PATH];
    text_add(resolved, "/");
    text_add_bytes(resolved, *at, length);
    *at += length;
    long size = sys_read_link(resolved->buffer, target, sizeof(target));
    if (size == -EINVAL)
        return true;
    size_t left = strlen(*at);
    if (size <= 0 || (size_t)size + left >= sizeof(target))
        return false;
    remove_last(resolved);
    if (target[0] == '/')
        resolved->length = 0;
    memmove(rest + size, *at, left + 1);
    memcpy(rest, target, (size_t)size);
    *at = rest;
    return true;
}

/* `rest` is an absolute path, and is used up. */
static bool resolve(struct text *resolved, char rest[MOST_PATH])
{
    const char *at = rest;
    for (unsigned links = 0; links < MOST_LINKS;) {
        while (*at == '/')
            at++;
        size_t length = 0;
        while (at[length] && at[length] != '/')
            length++;
        if (length == 0)
            return resolved->length + 1 < resolved->size;
        if (length == 1 && at[0] == '.') {
            at += 1;
        } else if (length == 2 && at[0] == '.' && at[1] == '.') {
            remove_last(resolved);
            at += 2;
        } else {
            if (!add_component(resolved, rest, &at, length))
                return false;
            links += at == rest;
        }
    }
    return false;
}

static bool find(char space[NAME_STORE_LONGEST])
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    char path[MOST_PATH];
    struct text text, resolved;
    if (!name || !is_running(name))
        return false;
    text_init(&text, path, sizeof(path));
    if (name[0] != '/') {
        long size = sys_call(SYS_getcwd, (long)path, sizeof(path), 0, 0, 0, 0);
        if (size <= 0 || path[0] != '/')
            return false;
        text.length = (size_t)size - 1;
        text_add(&text, "/");
    }
    text_add(&text, name);
    text_init(&resolved, space, NAME_STORE_LONGEST);
    return text.length + 1 < text.size && resolve(&resolved, path);
}

void executable_setup(void)
{
    char *space = name_store_space();
    if (find(space) || sys_read_link("/proc/self/exe", space, NAME_STORE_LONGEST) > 0)
        executable = name_store_keep(space);
}
