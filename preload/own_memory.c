/* SPDX-License-Identifier: Apache-2.0 */
#include "own_memory.h"

#include "callstack.h"
#include "sample_table.h"
#include "settings.h"
#include "thread_state.h"

#include <unistd.h>

#define NAME "[vmtrace]"

enum { SIZES = 10 }; /* from rss to locked: what the kernel says of whole mappings */

static bool write_piece(struct stream *stream, const void *start, size_t bytes)
{
    struct stream_record record;
    uint64_t page = (uint64_t)getpagesize(), length = (bytes + page - 1) & ~(page - 1);
    if (!start || !bytes)
        return true;
    if (!stream_record_begin(&record, stream, VMT_OP_REGION,
                             (7 + SIZES) * VMT_VARINT_MAX + sizeof(NAME)))
        return false;
    stream_record_number(&record, (uintptr_t)start);
    stream_record_number(&record, length);
    stream_record_number(&record, VMT_REGION_READ | VMT_REGION_WRITE | VMT_REGION_NO_SIZES);
    for (int i = 0; i < 3 + SIZES; i++) /* offset, device, inode */
        stream_record_number(&record, 0);
    stream_record_string(&record, NAME, sizeof(NAME) - 1);
    stream_record_end(&record);
    return true;
}

static bool write_to_stream(void *stream, const void *start, size_t bytes)
{
    return write_piece(stream, start, bytes);
}

bool own_memory_visit(bool (*visit)(void *context, const void *start, size_t bytes), void *context)
{
    size_t bytes = sizeof(struct stream) + callstack_memory_size(settings.depth) +
                   settings.depth * sizeof(uint32_t);
    for (uint32_t i = 0; i < thread_stream_count(); i++) {
        const struct stream *other = thread_stream(i);
        if (!other)
            continue;
        const struct stack_nodes *nodes = &other->nodes;
        size_t places = nodes->hashed ? (size_t)nodes->mask + 1 : 0;
        if (!visit(context, other, bytes) ||
            !visit(context, nodes->node, nodes->room * sizeof(*nodes->node)) ||
            !visit(context, nodes->hashed, places * sizeof(*nodes->hashed)))
            return false;
    }
    return sample_table_visit(visit, context);
}

bool own_memory_write(struct stream *stream)
{
    return own_memory_visit(write_to_stream, stream);
}
