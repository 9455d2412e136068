/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_compact.h"

#include <stdlib.h>
#include <string.h>

#include "compact/columns.h"
#include "compact_fixture.h"
#include "fuzz_seeds.h"

struct parts {
    uint8_t *out;
    size_t used, room;
};

static void put_part(struct parts *parts, const struct column *column)
{
    size_t size = (size_t)(column->end - column->cursor);
    if (size > 0xffff || size + 2 > parts->room - parts->used)
        abort();
    parts->out[parts->used++] = (uint8_t)size;
    parts->out[parts->used++] = (uint8_t)(size >> 8);
    if (size)
        memcpy(parts->out + parts->used, column->cursor, size);
    parts->used += size;
}

/* A seed trace has one block of each sort. */
static void put_block(struct parts *parts, struct columns *columns,
                      const struct compact_block *block, const uint8_t *payload)
{
    if (block->tag == COMPACT_CHUNKS) {
        if (columns_unpack_bytes(columns, payload, block->size, &columns->list[0]) != COLUMNS_READY)
            abort();
        put_part(parts, &columns->list[0]);
    } else if (block->tag == COMPACT_RECORDS) {
        if (columns_unpack(columns, payload, block->size) != COLUMNS_READY)
            abort();
        for (unsigned i = 0; i < COMPACT_COLUMNS; i++)
            put_part(parts, &columns->list[i]);
    }
}

size_t fuzz_compact_seed(unsigned number, uint8_t *out, size_t room)
{
    struct parts parts = {out, 0, room};
    struct trace_builder *builder = fuzz_seed_new(number);
    struct columns columns;
    enum vmt_error code;
    size_t size;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    struct fixture_bytes compact = fixture_compact(bytes, size, &code);
    trace_builder_free(builder);
    if (code != VMT_OK || !columns_init(&columns, false))
        abort();
    for (size_t at = sizeof(struct compact_header); at < compact.size;) {
        struct compact_block block;
        memcpy(&block, compact.bytes + at, sizeof(block));
        put_block(&parts, &columns, &block, compact.bytes + at + sizeof(block));
        at += sizeof(block) + block.size;
    }
    columns_release(&columns);
    free(compact.bytes);
    return parts.used;
}
