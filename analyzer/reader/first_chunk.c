/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/first_chunk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmtrace/trace_format.h>

#include "base/path_name.h"

char *first_chunk_path(const char *path)
{
    const char *name = path_name(path);
    char *first = NULL;
    int length = asprintf(&first, "%.*s" VMT_CHECK_FIRST "/%s", (int)(name - path), path, name);
    return length < 0 ? NULL : first;
}

int first_chunk_open(const char *path)
{
    char *first = first_chunk_path(path);
    int fd = first ? open(first, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) : -1;
    free(first);
    return fd;
}

bool first_chunk_is_missing(const void *bytes, size_t size)
{
    static const char none[VMT_MAGIC_SIZE];
    return size < sizeof(none) || memcmp(bytes, none, sizeof(none)) == 0;
}

bool first_chunk_is_here(const char *path)
{
    char start[VMT_MAGIC_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : pread(fd, start, sizeof(start), 0);
    if (fd >= 0)
        close(fd);
    return got > 0 && !first_chunk_is_missing(start, (size_t)got);
}
