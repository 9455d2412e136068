/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file for the samples that map one: made in the current directory, because
 * /tmp is often memory, which can have no major faults.
 */
#ifndef VMTRACE_SAMPLE_FILE_H
#define VMTRACE_SAMPLE_FILE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A descriptor of a new file of `size` bytes (a multiple of 4096), which is on the disk
 * already and has the name `name`; the caller unlinks it.  -1 on failure. */
static inline int sample_file_make(const char *name, size_t size)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    char page[4096];
    memset(page, 'x', sizeof(page));
    for (size_t done = 0; done < size; done += sizeof(page)) {
        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page)) {
            close(fd);
            unlink(name);
            return -1;
        }
    }
    fsync(fd);
    return fd;
}

#endif
