/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The common release, inline in the wrapper of free: the plain one, whose stack nobody wants.
 */
#ifndef VMTRACE_RECORD_RELEASE_H
#define VMTRACE_RECORD_RELEASE_H

#include "handover.h"
#include "record.h"
#include "thread_state.h"

#define RECORD_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define RECORD_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* No allocator's blocks have one of these bits set: a release of such an address is wrong. */
#define RECORD_MISALIGNED UINT64_C(7)

/* Releases of addresses that have one of these bits set are recorded with their stack: those above,
 * or, with VMTRACE_FREE_STACKS=on, all. */
extern uint64_t record_suspects __attribute__((visibility("hidden")));

/* A record of which the part before the kind's own fields is written. */
struct open_record {
    uint8_t *out; /* where those go */
    unsigned opcode;
};

/* The common event: the stream's own order is order enough. */
static inline bool is_plain(const struct stream *stream, uint64_t address)
{
    return handover_is_own(address, stream->id + 1);
}

static inline struct open_record begin_plain(struct stream *stream, enum vmt_kind kind)
{
    return (struct open_record){stream->cursor + 1, VMT_HOT | (unsigned)kind << VMT_HOT_KIND_SHIFT};
}

static inline void end_record(struct stream *stream, struct open_record record)
{
    stream_commit(stream, (uint8_t)record.opcode, record.out);
    thread_leave(stream);
}

static inline void record_put_released(struct stream *stream, struct open_record *record,
                                       uint64_t address)
{
    record->out = vmt_put_varint(record->out, vmt_address_delta(address, stream->last_address));
    stream->last_address = address;
}

/* False: it was not recorded, and is to be by record_free_carefully, which wants to know the
 * caller. A block that is NULL is one of those. */
static inline bool record_free_at_once(enum vmt_kind kind, const void *block)
{
    uint64_t address = (uint64_t)block;
    if (RECORD_UNLIKELY(!address || address & record_suspects))
        return false;
    struct stream *stream = thread_enter_at_once();
    if (RECORD_UNLIKELY(!stream))
        return false;
    if (RECORD_UNLIKELY(!is_plain(stream, address))) {
        thread_leave(stream);
        return false;
    }
    struct open_record record = begin_plain(stream, kind);
    record_put_released(stream, &record, address);
    end_record(stream, record);
    return true;
}

void record_free_carefully(enum vmt_kind kind, const void *block,
                           const struct callstack_start *start);

#endif
