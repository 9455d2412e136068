/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmtrace/trace_format.h>

#include "base/vector.h"
#include "reader/first_chunk.h"

#define SOURCE_PIPE_STEP ((size_t)1 << 20)
#define SOURCE_WHOLE                                                                               \
    ((size_t)64 << 10) /* a file up to this is read at once: most of a test suite */

struct source {
    int fd;               /* -1: no file */
    uint8_t *first;       /* VMT_CHUNK_SIZE bytes that take the place of the file's, or NULL */
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

/* Where the first chunk is not in the file `fd` of this name (-1: there is none), but in another.
 * Returns what to read instead of `fd`, or `fd`. */
static int source_find_first(struct source *source, const char *path, int fd)
{
    uint8_t start[VMT_MAGIC_SIZE];
    struct stat status;
    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
                    !first_chunk_is_missing(start, source_read(fd, start, sizeof(start), 0))))
        return fd;
    int first = first_chunk_open(path);
    if (first < 0)
        return fd;
    if (fd < 0 || status.st_size <= VMT_CHUNK_SIZE) {
        if (fd >= 0)
            close(fd);
        return first;
    }
    source->first = calloc(1, VMT_CHUNK_SIZE); /* what it lacks is as in a file with a hole */
    if (source->first)
        source_read(first, source->first, VMT_CHUNK_SIZE, 0);
    close(first);
    return fd;
}

enum vmt_error source_open(const char *path, struct source **result, struct error *error)
{
    *result = NULL;
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return error_no_memory(error);
    source->fd = -1;
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    int reason = errno;
    if (!is_input && (fd >= 0 || errno == ENOENT))
        fd = source_find_first(source, path, fd);
    if (fd < 0) {
        free(source);
        return error_set(error, VMT_ERROR_OPEN, "cannot be opened: %s", strerror(reason));
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

bool source_is_file(const char *path, uint64_t *size)
{
    struct stat status;
    char *first = NULL;
    bool found = stat(path, &status) == 0;
    if (!found && (first = first_chunk_path(path)))
        found = stat(first, &status) == 0;
    free(first);
    *size = found ? (uint64_t)status.st_size : 0;
    return found && S_ISREG(status.st_mode);
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
    free(source->first);
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
    size_t first = 0;
    if (source->first && offset < VMT_CHUNK_SIZE) {
        first = VMT_CHUNK_SIZE - offset < size ? (size_t)(VMT_CHUNK_SIZE - offset) : size;
        memcpy(scratch, source->first + offset, first);
    }
    *available =
        first + source_read(source->fd, (char *)scratch + first, size - first, offset + first);
    return scratch;
}
