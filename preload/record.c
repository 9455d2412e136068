/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "record_stack.h"
#include "thread_state.h"

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* A loss of the tree leaves numbers that were never defined: begin anew. */
static __attribute__((noinline, cold)) void lose(struct stream *stream)
{
    stream->epoch--;
    stream->node_count = 0;
    stream_lose(stream);
}

/* ---- hot records ---- */

/* Writes the optional T and F fields and adds their bits to *opcode.  `now` was taken by the
 * caller at the moment that counts. */
static inline uint8_t *put_prefix(struct stream *stream, uint8_t *out, uint64_t now,
                                  uint8_t *opcode)
{
    if (now) {
        uint64_t delta = now > stream->clock ? now - stream->clock : 0;
        stream->clock += delta;
        out = vmt_put_varint(out, delta);
        *opcode |= VMT_HOT_TIME;
    }
    if (UNLIKELY(faultcount_changed(&stream->faults))) {
        uint64_t minor, major;
        faultcount_take(&stream->faults, &minor, &major);
        out = vmt_put_varint(vmt_put_varint(out, minor), major);
        *opcode |= VMT_HOT_FAULTS;
    }
    return out;
}

/* 0 when the stream's own order is order enough. */
static inline uint64_t stamp(struct stream *stream)
{
    bool single = thread_is_only_one();
    if (LIKELY(single && stream->ordered))
        return 0;
    stream->ordered = single;
    return clock_now();
}

/* ALLOC_FAILED, which names the `call`, or REALLOC_FAILED, which does not; then leaves. */
static __attribute__((noinline, cold)) void write_failed(struct stream *stream, enum vmt_kind kind,
                                                         unsigned call, size_t size,
                                                         const struct callstack_start *start)
{
    uint64_t now = stamp(stream);
    uint32_t node = record_stack(stream, start);
    if (node) {
        uint8_t opcode = (uint8_t)(VMT_HOT | kind << VMT_HOT_KIND_SHIFT);
        uint8_t *out = put_prefix(stream, stream->cursor + 1, now, &opcode);
        if (kind == VMT_ALLOC_FAILED)
            *out++ = (uint8_t)call;
        out = vmt_put_varint(out, size);
        out = stream_put_stack(stream, out, node);
        stream_commit(stream, opcode, out);
    } else {
        lose(stream);
    }
    thread_leave(stream);
}

/* A call that returned NULL.  Inside operator new, whose throwing forms never return to their
 * wrapper, it is told on that one's behalf. */
static __attribute__((noinline, cold)) void record_failed(unsigned call, size_t size,
                                                          const struct callstack_start *start)
{
    struct thread_state *self = &thread_state;
    unsigned runtime = self->flags & THREAD_RUNTIME;
    if (thread_in_runtime(start->pc, size) && self->runtime_start) {
        call = self->runtime_kind;
        start = self->runtime_start;
        self->runtime_failures++;
        self->flags &= ~(unsigned)THREAD_RUNTIME;
    }
    struct stream *stream = thread_enter(start->pc, size, RECORDING_ON);
    self->flags |= runtime;
    if (stream)
        write_failed(stream, VMT_ALLOC_FAILED, call, size, start);
}

/* Addresses of one site are near to each other; the first one of a slot is near to whatever
 * the thread touched last. */
static inline uint64_t block_base(const struct stream *stream, const struct stream_slot *slot)
{
    return slot->address ? slot->address : stream->last_address;
}

static inline uint8_t *put_block(struct stream *stream, uint8_t *out, uint32_t node, size_t size,
                                 uint64_t address)
{
    struct stream_slot *slot = &stream->slots[VMT_SLOT_OF(node)];
    out = vmt_put_varint(out, size);
    if (slot->node == node) {
        out = vmt_put_varint(out, (uint64_t)VMT_SLOT_OF(node) << 1 | 1);
    } else {
        out = vmt_put_varint(out, (uint64_t)node << 1);
        *slot = (struct stream_slot){.node = node};
    }
    return vmt_put_varint(out, vmt_address_delta(address, block_base(stream, slot)));
}

static inline void record_block(enum vmt_kind kind, enum recording least, const void *block,
                                size_t size, const struct callstack_start *start)
{
    struct stream *stream = thread_enter(start->pc, size, least);
    if (UNLIKELY(!stream))
        return;
    uint64_t now = stamp(stream), address = (uint64_t)block;
    uint32_t node = record_stack(stream, start);
    if (UNLIKELY(!node)) {
        lose(stream);
        thread_leave(stream);
        return;
    }
    uint8_t opcode = (uint8_t)(VMT_HOT | kind << VMT_HOT_KIND_SHIFT);
    uint8_t *out = put_prefix(stream, stream->cursor + 1, now, &opcode);
    struct stream_slot *slot = &stream->slots[VMT_SLOT_OF(node)];
    if (LIKELY(slot->node == node && slot->size == size)) {
        opcode |= VMT_HOT_STACK;
        *out++ = (uint8_t)VMT_SLOT_OF(node);
        out = vmt_put_varint(out, vmt_address_delta(address, block_base(stream, slot)));
    } else {
        out = put_block(stream, out, node, size, address);
    }
    slot->size = size;
    slot->address = stream->last_address = address;
    stream_commit(stream, opcode, out);
    thread_leave(stream);
}

void record_alloc(enum vmt_kind kind, const void *block, size_t size,
                  const struct callstack_start *start)
{
    if (LIKELY(block != NULL))
        record_block(kind, RECORDING_ON, block, size, start);
    else
        record_failed(kind, size, start);
}

/* Its first half was recorded, so the second one is, even if recording was paused meanwhile. */
void record_realloc_moved(const void *block, size_t size, const struct callstack_start *start)
{
    record_block(VMT_REALLOC, RECORDING_PAUSED, block, size, start);
}

void record_alloc_other(enum vmt_subkind subkind, size_t alignment, const void *block, size_t size,
                        const struct callstack_start *start)
{
    if (!block) {
        record_failed(VMT_ALLOC_OTHER, size, start);
        return;
    }
    /* The second half of a reallocarray is recorded even if recording was paused meanwhile. */
    enum recording least = subkind == VMT_SUB_REALLOCARRAY ? RECORDING_PAUSED : RECORDING_ON;
    struct stream *stream = thread_enter(start->pc, size, least);
    if (!stream)
        return;
    uint64_t now = stamp(stream), address = (uint64_t)block;
    uint32_t node = record_stack(stream, start);
    if (node) {
        uint8_t opcode = VMT_HOT | VMT_ALLOC_OTHER << VMT_HOT_KIND_SHIFT;
        uint8_t *out = put_prefix(stream, stream->cursor + 1, now, &opcode);
        struct stream_slot *slot = &stream->slots[VMT_SLOT_OF(node)];
        *out++ = (uint8_t)subkind;
        *out++ = (uint8_t)(alignment ? __builtin_ctzll(alignment) : 0);
        out = put_block(stream, out, node, size, address);
        slot->size = size;
        slot->address = stream->last_address = address;
        stream_commit(stream, opcode, out);
    } else {
        lose(stream);
    }
    thread_leave(stream);
}

void record_free(enum vmt_kind kind, const void *block, uint64_t caller)
{
    if (UNLIKELY(!block))
        return;
    struct stream *stream = thread_enter(caller, (uint64_t)block, RECORDING_PAUSED);
    if (UNLIKELY(!stream))
        return;
    uint64_t now = stamp(stream), address = (uint64_t)block;
    uint8_t opcode = (uint8_t)(VMT_HOT | kind << VMT_HOT_KIND_SHIFT);
    uint8_t *out = put_prefix(stream, stream->cursor + 1, now, &opcode);
    out = vmt_put_varint(out, vmt_address_delta(address, stream->last_address));
    stream->last_address = address;
    stream_commit(stream, opcode, out);
    thread_leave(stream);
}

void record_free_other(enum vmt_subkind subkind, const void *block, uint64_t caller)
{
    if (!block)
        return;
    struct stream *stream = thread_enter(caller, (uint64_t)block, RECORDING_PAUSED);
    if (!stream)
        return;
    uint64_t now = stamp(stream), address = (uint64_t)block;
    uint8_t opcode = VMT_HOT | VMT_FREE_OTHER << VMT_HOT_KIND_SHIFT;
    uint8_t *out = put_prefix(stream, stream->cursor + 1, now, &opcode);
    *out++ = (uint8_t)subkind;
    out = vmt_put_varint(out, vmt_address_delta(address, stream->last_address));
    stream->last_address = address;
    stream_commit(stream, opcode, out);
    thread_leave(stream);
}

void record_realloc_failed(size_t size, const struct callstack_start *start)
{
    struct stream *stream = thread_enter(start->pc, 0, RECORDING_PAUSED);
    if (stream)
        write_failed(stream, VMT_REALLOC_FAILED, 0, size, start);
}

void record_realloc_freed(uint64_t caller)
{
    struct stream *stream = thread_enter(caller, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    uint8_t opcode = VMT_HOT | VMT_REALLOC_FREED << VMT_HOT_KIND_SHIFT;
    uint8_t *out = put_prefix(stream, stream->cursor + 1, stamp(stream), &opcode);
    stream_commit(stream, opcode, out);
    thread_leave(stream);
}
