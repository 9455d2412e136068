/* SPDX-License-Identifier: Apache-2.0 */
/* Traces compacted and expanded in memory.  Running out of memory aborts. */
#ifndef VMTRACE_TESTS_COMPACT_FIXTURE_H
#define VMTRACE_TESTS_COMPACT_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact/compact_expand.h"
#include "compact/compact_writer.h"

struct fixture_bytes {
    uint8_t *bytes; /* to be freed */
    size_t size;
};

static inline struct source *fixture_source(const void *bytes, size_t size)
{
    struct source *source;
    if (source_from_memory(bytes, size, &source, NULL) != VMT_OK)
        abort();
    return source;
}

/* The compact form of a trace; without bytes, and *code says why, if it has none. */
static inline struct fixture_bytes fixture_compact(const uint8_t *bytes, size_t size,
                                                   enum vmt_error *code)
{
    struct fixture_bytes result = {0};
    char *written = NULL;
    FILE *out = open_memstream(&written, &result.size);
    struct source *source = fixture_source(bytes, size);
    if (!out)
        abort();
    *code = compact_write(source, out, NULL);
    source_free(source);
    fclose(out);
    result.bytes = (uint8_t *)written;
    if (*code != VMT_OK) {
        free(written);
        result = (struct fixture_bytes){0};
    }
    return result;
}

/* What a compact trace says is in the raw one; `bytes` has room for `size`. */
static inline bool fixture_sink(void *context, uint64_t offset, const uint8_t *bytes, size_t size)
{
    struct fixture_bytes *raw = context;
    if (offset > raw->size || size > raw->size - offset)
        return false;
    memcpy(raw->bytes + offset, bytes, size);
    return true;
}

/* Whether a trace, compacted and expanded, is what it was; true, too, if it is no trace. */
static inline bool fixture_round_trip(const uint8_t *bytes, size_t size)
{
    enum vmt_error code;
    struct fixture_bytes compact = fixture_compact(bytes, size, &code);
    if (code != VMT_OK)
        return code != VMT_ERROR_MEMORY;
    struct source *raw = fixture_source(bytes, size);
    code = compact_verify(fixture_source(compact.bytes, compact.size), raw, NULL);
    source_free(raw);
    struct fixture_bytes again = {calloc(1, size + 1), size};
    uint64_t raw_size = 0;
    if (code == VMT_OK)
        code = compact_expand(fixture_source(compact.bytes, compact.size), fixture_sink, &again,
                              &raw_size, NULL);
    bool same = code == VMT_OK && raw_size == size && memcmp(again.bytes, bytes, size) == 0;
    free(again.bytes);
    free(compact.bytes);
    return same;
}

#endif
