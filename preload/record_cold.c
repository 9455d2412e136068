/* SPDX-License-Identifier: Apache-2.0 */
/* The cold records: mappings, pools, phases, crashes.  Layouts: trace_format.h. */
#include "record.h"

#include "record_stack.h"
#include "thread_state.h"

#include <string.h>

enum { MOST_NUMBERS = 6 };

/* What a cold record holds after its time: numbers, then a stack, then a text. */
struct shape {
    uint64_t numbers[MOST_NUMBERS];
    unsigned count;
    const struct callstack_start *start; /* NULL: no stack */
    const char *text;                    /* NULL: no text */
};

static void write_shape(enum vmt_op op, uint64_t caller, enum recording least,
                        const struct shape *shape)
{
    struct stream *stream = thread_enter(caller, 0, least);
    if (!stream)
        return;
    uint32_t node = shape->start ? record_stack(stream, shape->start) : 0;
    size_t length = shape->text ? strnlen(shape->text, VMT_MAX_STRING) : 0;
    struct stream_record record;
    if (stream_record_begin(&record, stream, (uint8_t)op,
                            (MOST_NUMBERS + 2) * VMT_VARINT_MAX + length)) {
        for (unsigned i = 0; i < shape->count; i++)
            stream_record_number(&record, shape->numbers[i]);
        if (shape->start)
            stream_record_stack(&record, node);
        if (shape->text)
            stream_record_string(&record, shape->text, length);
        stream_record_end(&record);
    }
    thread_leave(stream);
}

void record_map(unsigned source, const void *address, size_t length, int protection, int flags,
                uint64_t offset, const char *name, const struct callstack_start *start)
{
    thread_expect_faults(length);
    write_shape(VMT_OP_MAP, start->pc, RECORDING_ON,
                &(struct shape){{source, (uint64_t)address, length, (uint64_t)(unsigned)protection,
                                 (uint64_t)(unsigned)flags, offset},
                                6,
                                start,
                                name});
}

void record_unmap(unsigned source, const void *address, size_t length,
                  const struct callstack_start *start)
{
    write_shape(VMT_OP_UNMAP, start->pc, RECORDING_PAUSED,
                &(struct shape){{source, (uint64_t)address, length}, 3, start, NULL});
}

void record_unmap_failed(uint64_t caller)
{
    write_shape(VMT_OP_UNMAP_FAILED, caller, RECORDING_PAUSED, &(struct shape){.count = 0});
}

void record_remap_begin(const void *address, size_t length, uint64_t caller)
{
    write_shape(VMT_OP_REMAP_BEGIN, caller, RECORDING_PAUSED,
                &(struct shape){{(uint64_t)address, length}, 2, NULL, NULL});
}

void record_remap_end(const void *address, size_t length, const struct callstack_start *start)
{
    thread_expect_faults(length);
    write_shape(VMT_OP_REMAP_END, start->pc, RECORDING_PAUSED,
                &(struct shape){{(uint64_t)address, length}, 2, start, NULL});
}

void record_break(const void *before, const void *after, const struct callstack_start *start)
{
    thread_expect_faults(after > before ? (size_t)((const char *)after - (const char *)before) : 0);
    write_shape(VMT_OP_BREAK, start->pc, RECORDING_ON,
                &(struct shape){{(uint64_t)before, (uint64_t)after}, 2, start, NULL});
}

void record_advise(const void *address, size_t length, int advice,
                   const struct callstack_start *start)
{
    write_shape(
        VMT_OP_ADVISE, start->pc, RECORDING_ON,
        &(struct shape){{(uint64_t)address, length, (uint64_t)(unsigned)advice}, 3, start, NULL});
}

void record_pool_alloc(unsigned pool, const void *address, size_t size,
                       const struct callstack_start *start)
{
    write_shape(VMT_OP_POOL_ALLOC, start->pc, RECORDING_ON,
                &(struct shape){{pool, (uint64_t)address, size}, 3, start, NULL});
}

void record_pool_resize(unsigned pool, const void *before, const void *after, size_t size,
                        const struct callstack_start *start)
{
    write_shape(VMT_OP_POOL_RESIZE, start->pc, RECORDING_PAUSED,
                &(struct shape){{pool, (uint64_t)before, (uint64_t)after, size}, 4, start, NULL});
}

void record_pool_free(unsigned pool, const void *address, const struct callstack_start *start)
{
    write_shape(VMT_OP_POOL_FREE, start->pc, RECORDING_PAUSED,
                &(struct shape){{pool, (uint64_t)address}, 2, start, NULL});
}

void record_pool_clear(unsigned pool, const struct callstack_start *start)
{
    write_shape(VMT_OP_POOL_CLEAR, start->pc, RECORDING_PAUSED,
                &(struct shape){{pool}, 1, start, NULL});
}

void record_crash(const struct crash_facts *facts)
{
    struct stream *stream = thread_enter(facts->start.pc, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    uint32_t node = record_stack(stream, &facts->start);
    struct stream_record record;
    if (stream_record_begin(&record, stream, VMT_OP_CRASH,
                            (CRASH_REGISTERS + 6) * VMT_VARINT_MAX)) {
        stream_record_number(&record, (uint64_t)(unsigned)facts->signal);
        stream_record_number(&record, vmt_zigzag(facts->code));
        stream_record_number(&record, facts->address);
        stream_record_stack(&record, node);
        stream_record_number(&record, facts->flags);
        for (unsigned i = 0; i < facts->register_count; i++)
            stream_record_number(&record, facts->registers[i]);
        stream_record_end(&record);
    }
    thread_leave(stream);
}

void record_text(enum vmt_op op, const char *text)
{
    write_shape(op, 0, RECORDING_PAUSED, &(struct shape){.text = text});
    clock_set_mark();
}

void record_number(enum vmt_op op, uint64_t number)
{
    write_shape(op, 0, RECORDING_PAUSED, &(struct shape){{number}, 1, NULL, NULL});
    clock_set_mark();
}

void record_named(enum vmt_op op, uint64_t number, const char *text)
{
    write_shape(op, 0, RECORDING_PAUSED, &(struct shape){{number}, 1, NULL, text});
}

void record_unfollowed(uint32_t pid, enum vmt_unfollowed why, const char *path)
{
    write_shape(VMT_OP_UNFOLLOWED, 0, RECORDING_PAUSED, &(struct shape){{pid, why}, 2, NULL, path});
}

void record_range(enum vmt_op op, const void *address, size_t size)
{
    write_shape(op, 0, RECORDING_PAUSED, &(struct shape){{(uint64_t)address, size}, 2, NULL, NULL});
    clock_set_mark();
}
