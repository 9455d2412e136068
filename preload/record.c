/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "handover.h"
#include "record_release.h"
#include "record_stack.h"
#include "thread_state.h"

uint64_t record_suspects = RECORD_MISALIGNED;

/* The stack could not be written.  A loss of the tree leaves numbers that were never defined: begin
 * anew.  Always false. */
static __attribute__((noinline, cold)) bool leave_lost(struct stream *stream)
{
    stream->epoch--;
    stream->node_count = 0;
    stream_lose(stream);
    thread_leave(stream);
    return false;
}

/* ---- hot records ---- */

/* The time of an event on `address`, or 0 when the stream's own order is order enough. */
static uint64_t stamp(struct stream *stream, uint64_t address)
{
    uint32_t marks = __atomic_load_n(&clock_marks, __ATOMIC_ACQUIRE);
    if (marks == stream->marks &&
        (handover_is_own(address, stream->id + 1) || handover_is_first(address, stream->id + 1)))
        return 0;
    stream->marks = recording == RECORDING_ON ? marks : marks - 1;
    return handover_take(address, stream->id + 1);
}

/* Writes the optional T field of an event on `address`: the first thing that is written of a
 * record, and after whatever else may advance the stream's clock (a new chunk, a
 * NODES_RESET), as handover.h demands. */
static __attribute__((noinline)) struct open_record
begin_dated(struct stream *stream, enum vmt_kind kind, uint64_t address)
{
    struct open_record record = begin_plain(stream, kind);
    uint64_t now = stamp(stream, address);
    if (now) {
        uint64_t delta = now > stream->clock ? now - stream->clock : 0;
        stream->clock += delta;
        record.out = vmt_put_varint(record.out, delta);
        record.opcode |= VMT_HOT_TIME;
    }
    return record;
}

static inline struct open_record begin_record(struct stream *stream, enum vmt_kind kind,
                                              uint64_t address)
{
    if (RECORD_LIKELY(stream->marks == __atomic_load_n(&clock_marks, __ATOMIC_RELAXED) &&
                      is_plain(stream, address)))
        return begin_plain(stream, kind);
    return begin_dated(stream, kind, address);
}

/* ALLOC_FAILED, which names the `call`, or REALLOC_FAILED, which does not; then leaves. */
static __attribute__((noinline, cold)) void write_failed(struct stream *stream, enum vmt_kind kind,
                                                         unsigned call, uint64_t address,
                                                         size_t size,
                                                         const struct callstack_start *start)
{
    uint32_t node = record_stack(stream, start);
    if (!node) {
        leave_lost(stream);
        return;
    }
    struct open_record record = begin_record(stream, kind, address);
    if (kind == VMT_ALLOC_FAILED)
        *record.out++ = (uint8_t)call;
    record.out = vmt_put_varint(record.out, size);
    record.out = stream_put_stack(stream, record.out, node);
    end_record(stream, record);
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
        write_failed(stream, VMT_ALLOC_FAILED, call, stream->last_address, size, start);
}

/* Addresses of one site are near to each other; the first one of a slot is near to whatever
 * the thread touched last. */
static inline uint64_t block_base(const struct stream *stream, const struct stream_slot *slot)
{
    return slot->address ? slot->address : stream->last_address;
}

/* Where the slot of the stack does not say it all. */
static inline void put_block(struct stream *stream, struct open_record *record, uint32_t node,
                             size_t size, uint64_t address)
{
    struct stream_slot *slot = &stream->slots[VMT_SLOT_OF(node)];
    uint8_t *out = vmt_put_varint(record->out, size);
    out = stream_put_stack(stream, out, node);
    record->out = vmt_put_varint(out, vmt_address_delta(address, block_base(stream, slot)));
    slot->size = size;
    slot->address = stream->last_address = address;
}

static inline bool record_block(enum vmt_kind kind, enum recording least, const void *block,
                                size_t size, const struct callstack_start *start)
{
    struct stream *stream = thread_enter(start->pc, size, least);
    if (RECORD_UNLIKELY(!stream))
        return false;
    uint32_t node = record_stack(stream, start);
    if (RECORD_UNLIKELY(!node))
        return leave_lost(stream);
    uint64_t address = (uint64_t)block;
    struct open_record record = begin_record(stream, kind, address);
    struct stream_slot *slot = &stream->slots[VMT_SLOT_OF(node)];
    if (RECORD_LIKELY(slot->node == node && slot->size == size)) {
        record.opcode |= VMT_HOT_STACK;
        *record.out++ = (uint8_t)VMT_SLOT_OF(node);
        uint64_t delta = vmt_address_delta(address, block_base(stream, slot));
        record.out = vmt_put_varint(record.out, delta);
        slot->address = stream->last_address = address;
    } else {
        put_block(stream, &record, node, size, address);
    }
    end_record(stream, record);
    return true;
}

bool record_alloc(enum vmt_kind kind, const void *block, size_t size,
                  const struct callstack_start *start)
{
    if (RECORD_LIKELY(block != NULL))
        return record_block(kind, RECORDING_ON, block, size, start);
    record_failed(kind, size, start);
    return false;
}

/* Its first half was recorded, so the second one is, even if recording was paused meanwhile. */
bool record_realloc_moved(const void *block, size_t size, const struct callstack_start *start)
{
    thread_expect_faults(size);
    return record_block(VMT_REALLOC, RECORDING_PAUSED, block, size, start);
}

bool record_alloc_other(enum vmt_subkind subkind, size_t alignment, const void *block, size_t size,
                        const struct callstack_start *start)
{
    if (!block) {
        record_failed(VMT_ALLOC_OTHER, size, start);
        return false;
    }
    thread_expect_faults(size);
    /* The second half of a reallocarray is recorded even if recording was paused meanwhile. */
    enum recording least = subkind == VMT_SUB_REALLOCARRAY ? RECORDING_PAUSED : RECORDING_ON;
    struct stream *stream = thread_enter(start->pc, size, least);
    if (!stream)
        return false;
    uint32_t node = record_stack(stream, start);
    if (!node)
        return leave_lost(stream);
    uint64_t address = (uint64_t)block;
    struct open_record record = begin_record(stream, VMT_ALLOC_OTHER, address);
    *record.out++ = (uint8_t)subkind;
    *record.out++ = (uint8_t)(alignment ? __builtin_ctzll(alignment) : 0);
    put_block(stream, &record, node, size, address);
    end_record(stream, record);
    return true;
}

/* A release that is not plain, or whose stack is wanted: that of a suspect, and where no block of a
 * whole page has been seen yet. */
static __attribute__((noinline)) void release_slowly(enum vmt_kind kind, enum vmt_subkind subkind,
                                                     const void *block,
                                                     const struct callstack_start *start)
{
    uint64_t address = (uint64_t)block;
    struct stream *stream = thread_enter_slow(start ? start->pc : 0, address, RECORDING_PAUSED,
                                              __builtin_frame_address(0));
    if (!stream)
        return;
    uint32_t node = 0;
    if (start && (address & record_suspects || handover_is_nobodys(address))) {
        node = record_stack(stream, start);
        if (!node) {
            leave_lost(stream);
            return;
        }
    }
    struct open_record record = begin_record(stream, kind, address);
    if (kind == VMT_FREE_OTHER)
        *record.out++ = (uint8_t)subkind;
    record_put_released(stream, &record, address);
    if (node) {
        record.opcode |= VMT_HOT_STACK;
        record.out = stream_put_stack(stream, record.out, node);
    }
    end_record(stream, record);
}

void record_all_releases(bool with_stacks)
{
    record_suspects = with_stacks ? UINT64_MAX : RECORD_MISALIGNED;
}

void record_free_carefully(enum vmt_kind kind, const void *block,
                           const struct callstack_start *start)
{
    if (block)
        release_slowly(kind, VMT_SUB_NONE, block, start);
}

void record_free(enum vmt_kind kind, const void *block, const struct callstack_start *start)
{
    if (!record_free_at_once(kind, block))
        record_free_carefully(kind, block, start);
}

void record_free_other(enum vmt_subkind subkind, const void *block,
                       const struct callstack_start *start)
{
    if (block)
        release_slowly(VMT_FREE_OTHER, subkind, block, start);
}

void record_realloc_failed(const void *block, size_t size, const struct callstack_start *start)
{
    struct stream *stream = thread_enter(start->pc, 0, RECORDING_PAUSED);
    if (stream)
        write_failed(stream, VMT_REALLOC_FAILED, 0, (uint64_t)block, size, start);
}

void record_realloc_freed(uint64_t caller)
{
    struct stream *stream = thread_enter(caller, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    end_record(stream, begin_record(stream, VMT_REALLOC_FREED, stream->last_address));
}
