/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "sys.h"

#include <string.h>
#include <unistd.h>

enum {
    LENGTH_BYTES = 3,        /* a padded varint, so that it can be filled in afterwards */
    MOST_REGION_CHUNKS = 16, /* 1 MiB */
    RETRY_EVENTS = 4096,     /* lost events until space is asked for again */
    LEAST_TRIM = 16384,      /* bytes that are worth three system calls at the end */
};

void stream_set_pause(struct stream *stream)
{
    ptrdiff_t room = stream->limit - stream->cursor - STREAM_MARGIN;
    ptrdiff_t bytes = stream->faults.early ? 0
                      : stream->faults.source == VMT_FAULTS_RUSAGE
                          ? STREAM_HOUSEKEEPING_RUSAGE << stream->faults.quiet
                          : STREAM_HOUSEKEEPING;
    if (bytes > room)
        bytes = room > 0 ? room : 0;
    stream->pause_at = stream->cursor + bytes;
}

/* The end of the chunk, or of the part of it that has space. */
static void set_limit(struct stream *stream)
{
    const struct trace_region *region = &stream->region;
    size_t end = region->used < region->backed ? region->used : region->backed;
    stream->limit = region->base + end - STREAM_TAIL;
    stream_set_pause(stream);
}

static uint64_t time_of(const struct stream *stream)
{
    return stream->moment ? stream->moment : clock_now();
}

static void begin_chunk(struct stream *stream)
{
    struct trace_region *region = &stream->region;
    uint8_t *base = region->base + region->used;
    if (region->offset + region->used == 0)
        base += VMT_HEADER_SIZE;
    region->used += VMT_CHUNK_SIZE;
    uint64_t now = time_of(stream);
    if (now > stream->clock)
        stream->clock = now;
    struct vmt_chunk_header *header = (struct vmt_chunk_header *)base;
    header->stream = stream->id;
    header->sequence = stream->sequence++;
    header->tid = stream->tid;
    header->ticks = stream->clock;
    header->next_node = stream->nodes.next;
    header->node_epoch = stream->node_epoch;
    __atomic_signal_fence(__ATOMIC_RELEASE);
    *(volatile uint32_t *)&header->magic = VMT_CHUNK_MAGIC;
    memset(stream->slots, 0, sizeof(stream->slots));
    memset(&stream->fault_codes, 0, sizeof(stream->fault_codes));
    stream->last_address = 0;
    stream->last_pc = 0;
    stream->cursor = base + VMT_CHUNK_HEADER_SIZE;
    set_limit(stream);
}

/* In the tail of the old chunk, which is always free. */
static void write_lost(struct stream *stream, enum vmt_lost reason, int error)
{
    if (!stream->region.base)
        return;
    uint8_t *out = stream->cursor + 1;
    uint8_t payload[32];
    uint8_t *end = vmt_put_varint(payload, 0);
    end = vmt_put_varint(end, reason);
    end = vmt_put_varint(end, (uint64_t)error);
    out = vmt_put_varint(out, (uint64_t)(end - payload));
    memcpy(out, payload, (size_t)(end - payload));
    stream_commit(stream, VMT_OP_LOST, out + (end - payload));
    stream->limit = stream->pause_at = stream->cursor; /* nothing more fits */
}

/* Nothing more is written into the region. */
static void end_region(struct trace_region *region)
{
    region->used = region->backed = region->size;
}

/* More of the region that the stream has, in this chunk or the next one. */
static bool go_on(struct stream *stream)
{
    struct trace_region *region = &stream->region;
    if (region->backed == region->size && region->used == region->size)
        return false;
    if (region->backed <= region->used && !trace_file_extend(region)) {
        end_region(region);
        return false;
    }
    if (stream->limit + STREAM_TAIL < region->base + region->used)
        set_limit(stream);
    else
        begin_chunk(stream);
    return true;
}

static bool refill(struct stream *stream)
{
    if (go_on(stream))
        return true;
    struct trace_region fresh;
    int error;
    enum vmt_lost reason = trace_file_region(&fresh, stream->next_region, &error);
    if (reason) {
        if (!stream->retry_at)
            write_lost(stream, reason, error);
        stream->retry_at = stream->lost + RETRY_EVENTS;
        stream->stopped = reason == VMT_LOST_MAX_SIZE;
        return false;
    }
    trace_file_release(&stream->region);
    stream->region = fresh;
    stream->retry_at = stream->lost = 0;
    if (stream->next_region < MOST_REGION_CHUNKS)
        stream->next_region *= 2;
    begin_chunk(stream);
    return true;
}

/* A signal handler that forks must not meet a region half exchanged: see thread_state_before_fork.
 */
bool stream_refill(struct stream *stream)
{
    if (stream->magic != STREAM_MAGIC || stream->stopped ||
        (stream->retry_at && stream->lost < stream->retry_at))
        return false;
    uint64_t before;
    sys_block_signals(&before);
    bool filled = refill(stream);
    sys_restore_signals(&before);
    return filled;
}

void stream_lose(struct stream *stream)
{
    if (stream->magic != STREAM_MAGIC)
        return;
    stream->lost++;
    if (trace_header)
        __atomic_add_fetch(&trace_header->lost_events, 1, __ATOMIC_RELAXED);
}

void stream_trim(struct stream *stream, bool alone)
{
    if (!stream->region.base || stream->retry_at)
        return;
    size_t page = (size_t)getpagesize();
    size_t used = (size_t)(stream->cursor - stream->region.base) + STREAM_TAIL;
    size_t keep = (used + page - 1) & ~(page - 1);
    if (keep + LEAST_TRIM > stream->region.backed)
        return;
    stream->limit = stream->pause_at = stream->cursor;
    trace_file_trim(&stream->region, keep, alone);
    end_region(&stream->region);
}

bool stream_record_begin(struct stream_record *record, struct stream *stream, uint8_t opcode,
                         size_t bytes)
{
    if (!stream_room(stream, bytes + 1 + LENGTH_BYTES + VMT_VARINT_MAX)) {
        stream_lose(stream);
        return false;
    }
    uint64_t now = time_of(stream);
    uint64_t delta = now > stream->clock ? now - stream->clock : 0;
    stream->clock += delta;
    uint8_t *start = stream->cursor + 1 + LENGTH_BYTES;
    *record = (struct stream_record){stream, vmt_put_varint(start, delta), start, opcode};
    return true;
}

void stream_record_number(struct stream_record *record, uint64_t number)
{
    record->at = vmt_put_varint(record->at, number);
}

void stream_record_string(struct stream_record *record, const char *string, size_t length)
{
    if (length > VMT_MAX_STRING)
        length = VMT_MAX_STRING;
    record->at = vmt_put_varint(record->at, length);
    memcpy(record->at, string, length);
    record->at += length;
}

void stream_record_stack(struct stream_record *record, uint32_t node)
{
    record->at = stream_put_stack(record->stream, record->at, node);
}

void stream_record_end(struct stream_record *record)
{
    size_t length = (size_t)(record->at - record->start);
    uint8_t *field = record->stream->cursor + 1;
    field[0] = (uint8_t)(length | 0x80);
    field[1] = (uint8_t)(length >> 7 | 0x80);
    field[2] = (uint8_t)(length >> 14);
    stream_commit(record->stream, record->opcode, record->at);
}

void stream_begin_thread(struct stream *stream, uint32_t tid, const struct stack_bounds *stack)
{
    struct stream_record record;
    if (stream->tid != tid) {
        stream->tid = tid;
        if (stream_record_begin(&record, stream, VMT_OP_THREAD, VMT_VARINT_MAX)) {
            stream_record_number(&record, tid);
            stream_record_end(&record);
        }
    }
    if (stack->low == stack->high ||
        !stream_record_begin(&record, stream, VMT_OP_STACK, 2 * VMT_VARINT_MAX))
        return;
    stream_record_number(&record, stack->low);
    stream_record_number(&record, stack->high);
    stream_record_end(&record);
}
