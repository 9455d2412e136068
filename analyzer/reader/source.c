/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vector.h"

#define SOURCE_PIPE_STEP ((size_t)1 << 20)
#define SOURCE_WHOLE                                                                               \
    ((size_t)64 << 10) /* a file up to this is read at once: most of a test suite */

struct source {
    int fd;               /* -1: no file */
    const uint8_t *bytes; /* if in memory */
    void *owned;          /* what to free */
    source_maker *maker;  /* if there is one: neither of the two */
    void *context;
    uint64_t size;
};

static enum vmt_error source_slurp(struct source *source, int fd, struct error *error)
{
    uint8_t *bytes = NULL;
    size_t capacity = 0, size = 0;
    for (;;) {
        if (capacity - size < SOURCE_PIPE_STEP &&
            !vector_reserve(&bytes, &capacity, capacity * 2 + SOURCE_PIPE_STEP, 1)) {
            free(bytes);
            return error_no_memory(error);
        }
        ssize_t got = read(fd, bytes + size, capacity - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int reason = errno;
            free(bytes);
            return error_set(error, VMT_ERROR_READ, "cannot be read: %s", strerror(reason));
        }
        if (got == 0)
            break;
        size += (size_t)got;
    }
    source->bytes = source->owned = bytes;
    source->size = size;
    return VMT_OK;
}

/* Up to `size` bytes at `offset`; less at the end of the file, or when it cannot be read there. */
static size_t source_read(int fd, void *bytes, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* False: it stays a file. */
static bool source_read_whole(struct source *source, int fd)
{
    void *bytes = source->size && source->size <= SOURCE_WHOLE ? malloc(source->size) : NULL;
    if (!bytes || source_read(fd, bytes, source->size, 0) < source->size) {
        free(bytes);
        return false;
    }
    source->bytes = source->owned = bytes;
    return true;
}

static enum vmt_error source_attach(struct source *source, int fd, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return error_set(error, VMT_ERROR_READ, "cannot be read: %s", strerror(errno));
    if (S_ISDIR(status.st_mode))
        return error_set(error, VMT_ERROR_OPEN, "is a directory");
    if (!S_ISREG(status.st_mode))
        return source_slurp(source, fd, error);
    source->size = (uint64_t)status.st_size;
    if (!source_read_whole(source, fd))
        source->fd = fd;
    return VMT_OK;
}

enum vmt_error source_open(const char *path, struct source **result, struct error *error)
{
    *result = NULL;
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return error_no_memory(error);
    source->fd = -1;
    int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                    : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        free(source);
        return error_set(error, VMT_ERROR_OPEN, "cannot be opened: %s", strerror(errno));
    }
    enum vmt_error code = source_attach(source, fd, error);
    if (source->fd < 0)
        close(fd);
    if (code != VMT_OK) {
        source_free(source);
        return code;
    }
    *result = source;
    return VMT_OK;
}

enum vmt_error source_from_memory(const void *bytes, size_t size, struct source **result,
                                  struct error *error)
{
    struct source *source = calloc(1, sizeof(*source));
    *result = source;
    if (!source)
        return error_no_memory(error);
    source->fd = -1;
    source->bytes = bytes;
    source->size = size;
    return VMT_OK;
}

enum vmt_error source_from_maker(source_maker *maker, void *context, uint64_t size,
                                 struct source **result, struct error *error)
{
    enum vmt_error code = source_from_memory(NULL, 0, result, error);
    if (code == VMT_OK) {
        (*result)->maker = maker;
        (*result)->context = context;
        (*result)->size = size;
    }
    return code;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    if (source->fd >= 0)
        close(source->fd);
    free(source->owned);
    free(source);
}

uint64_t source_size(const struct source *source)
{
    return source->size;
}

const uint8_t *source_view(const struct source *source, uint64_t offset, size_t size, void *scratch,
                           size_t *available)
{
    *available = 0;
    if (offset >= source->size)
        return scratch;
    if (size > source->size - offset)
        size = (size_t)(source->size - offset);
    if (source->maker) {
        *available = source->maker(source->context, offset, size, scratch);
        return scratch;
    }
    if (source->fd < 0) {
        *available = size;
        return source->bytes + offset;
    }
    *available = source_read(source->fd, scratch, size, offset);
    return scratch;
}
