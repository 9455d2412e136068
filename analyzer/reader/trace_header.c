/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/trace_header.h"

#include <stdbool.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "traces are little-endian and their headers are read as they are"
#endif

/* Transfers that treat a binary file as text keep the letters of the magic. */
static bool trace_header_mangled(const uint8_t *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes + 1, "VMT", 3) == 0;
}

static enum vmt_error trace_header_check_magic(const uint8_t *bytes, size_t size,
                                               struct error *error)
{
    size_t known = size < VMT_MAGIC_SIZE ? size : VMT_MAGIC_SIZE;
    if (size == 0)
        return error_set(error, VMT_ERROR_EMPTY, "is empty");
    if (memcmp(bytes, VMT_MAGIC, known) != 0) {
        if (trace_header_mangled(bytes, size))
            return error_set(error, VMT_ERROR_MANGLED,
                             "is a vmtrace trace damaged in transfer (copied as text?)");
        return error_set(error, VMT_ERROR_NOT_TRACE, "is not a vmtrace trace");
    }
    if (size < sizeof(struct vmt_file_header))
        return error_set(error, VMT_ERROR_HEADER_CUT,
                         "is cut off: %zu bytes, less than a file header", size);
    return VMT_OK;
}

static enum vmt_error trace_header_check_values(const struct vmt_file_header *header,
                                                struct error *error)
{
    if (header->version != VMT_VERSION)
        return error_set(error, VMT_ERROR_VERSION,
                         "has trace format version %u; this program reads version %d",
                         header->version, VMT_VERSION);
    if (header->header_size != VMT_HEADER_SIZE)
        return error_set(error, VMT_ERROR_HEADER, "has an impossible header size, %u",
                         header->header_size);
    if (header->chunk_size != VMT_CHUNK_SIZE)
        return error_set(error, VMT_ERROR_HEADER, "has an impossible chunk size, %u",
                         header->chunk_size);
    if (header->page_size < 1024 || header->page_size > 1u << 30 ||
        (header->page_size & (header->page_size - 1)) != 0)
        return error_set(error, VMT_ERROR_HEADER, "has an impossible page size, %u",
                         header->page_size);
    if (header->clock != VMT_CLOCK_TICKS && header->clock != VMT_CLOCK_COUNTER)
        return error_set(error, VMT_ERROR_HEADER, "has an unknown clock, %u", header->clock);
    if (header->sample_interval > VMT_MAX_SAMPLE_INTERVAL)
        return error_set(error, VMT_ERROR_HEADER, "has an impossible sampling interval, %llu",
                         (unsigned long long)header->sample_interval);
    return VMT_OK;
}

enum vmt_error trace_header_read(const struct source *source, struct vmt_file_header *header,
                                 struct error *error)
{
    struct vmt_file_header scratch;
    size_t size;
    const uint8_t *bytes = source_view(source, 0, sizeof(scratch), &scratch, &size);
    if (size == 0 && source_size(source) > 0)
        return error_set(error, VMT_ERROR_READ, "cannot be read");
    enum vmt_error code = trace_header_check_magic(bytes, size, error);
    if (code != VMT_OK)
        return code;
    memmove(header, bytes, sizeof(*header));
    return trace_header_check_values(header, error);
}
