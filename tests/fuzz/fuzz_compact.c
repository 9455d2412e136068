/* SPDX-License-Identifier: Apache-2.0 */
/* Target: any contents of a compact trace's blocks; see fuzz_compact.h. */
#include "fuzz_compact.h"

#include <stdlib.h>
#include <string.h>

#include "compact/columns.h"
#include "fuzz_read.h"
#include "fuzz_trace.h"
#include "trace_builder.h"

#define RAW_CHUNKS 16 /* that the file claims to stand for */

static struct columns columns;
static uint8_t *file;
static size_t used;

static void put(const void *bytes, size_t size)
{
    memcpy(file + used, bytes, size);
    used += size;
}

static void put_block(uint32_t tag, const uint8_t *content, size_t size)
{
    struct compact_block block = {tag, 0};
    if (size)
        block.size =
            (uint32_t)columns_pack_bytes(&columns, content, size, file + used + sizeof(block));
    put(&block, sizeof(block));
    used += block.size;
}

static void put_beginning(void)
{
    struct compact_header header = {.version = COMPACT_VERSION};
    struct trace_builder *builder = trace_builder_new();
    uint8_t head[sizeof(uint64_t) + VMT_HEADER_SIZE] = {0};
    uint64_t raw_size = RAW_CHUNKS * VMT_CHUNK_SIZE;
    size_t size;
    memcpy(header.magic, COMPACT_MAGIC, COMPACT_MAGIC_SIZE);
    memcpy(head, &raw_size, sizeof(raw_size));
    memcpy(head + sizeof(raw_size), trace_builder_bytes(builder, &size), VMT_HEADER_SIZE);
    trace_builder_free(builder);
    put(&header, sizeof(header));
    put_block(COMPACT_HEAD, head, sizeof(head));
}

/* The next part of the input. */
static const uint8_t *take(const uint8_t **input, size_t *left, size_t *size)
{
    *size = *left < 2 ? 0 : (size_t)((*input)[0] | (*input)[1] << 8);
    size_t skip = *left < 2 ? *left : 2;
    *input += skip;
    *left -= skip;
    *size = *size < *left ? *size : *left;
    const uint8_t *part = *input;
    *input += *size;
    *left -= *size;
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t length;
    if (!file && (!columns_init(&columns, true) || !(file = malloc(columns_bound()))))
        abort();
    used = 0;
    put_beginning();
    const uint8_t *part = take(&bytes, &size, &length);
    put_block(COMPACT_CHUNKS, part, length);
    for (unsigned i = 0; i < COMPACT_COLUMNS; i++) {
        part = take(&bytes, &size, &length);
        column_put_bytes(&columns.list[i], part, length);
    }
    struct compact_block records = {COMPACT_RECORDS, 0};
    records.size = (uint32_t)columns_pack(&columns, file + used + sizeof(records));
    put(&records, sizeof(records));
    used += records.size;
    put_block(COMPACT_END, NULL, 0);
    fuzz_read(file, used);
    return 0;
}
