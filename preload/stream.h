/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream: what one thread at a time appends to, in chunks of the trace file.
 *
 * A record is written payload first and opcode last (stream_commit), so a process that is
 * killed between two instructions leaves a whole number of records behind.
 *
 * The struct lives in memory that the kernel wipes in a forked child (MADV_WIPEONFORK): there
 * `cursor`, `pause_at` and `limit` are NULL, the first record finds no room, and the cold path
 * notices the fork, however it was made, at no cost to the hot one.
 */
#ifndef VMTRACE_STREAM_H
#define VMTRACE_STREAM_H

#include "callstack.h"
#include "clock.h"
#include "fault_codes.h"
#include "faultcount.h"
#include "stack_nodes.h"
#include "trace_file.h"
#include "vmtrace/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STREAM_MAGIC = 0x7654534d,
    /* Room that every hot record finds: a NODES record of STREAM_NODES_MAX nodes and the event. */
    STREAM_MARGIN = 512,
    STREAM_NODES_MAX = 32,
    /* Kept free at the end of each chunk for a LOST record. */
    STREAM_TAIL = 64,
    /* Bytes written between two looks at the clock and the like, some 250 events, and at the rusage
     * counters, twice as many after each look that found no fault, FAULTCOUNT_QUIET times. */
    STREAM_HOUSEKEEPING = 1024,
    STREAM_HOUSEKEEPING_RUSAGE = 256,
};

struct stream_slot {
    uint64_t address, size;
    uint32_t node;
};

struct stream {
    uint8_t *cursor;   /* next byte to write, at most `limit` */
    uint8_t *pause_at; /* below it, an event has STREAM_MARGIN bytes and needs no housekeeping */
    uint8_t *limit;    /* end of the chunk, less STREAM_TAIL */
    uint64_t clock;    /* ticks of the last stamp written */
    uint64_t last_address, last_pc;
    uint32_t id;    /* in the trace, and index in the registry */
    uint32_t marks; /* clock_marks at its last stamp; differs unless recording is on */
    uint32_t epoch; /* modules_epoch that `nodes` belongs to */
    struct faultcount faults;
    struct stack_nodes nodes;
    uint32_t nodes_written; /* nodes.next as far as NODES records are part of the trace */
    struct callstack callstack;
    uint32_t *node_of;   /* node_of[i] is the node of callstack.pc[0 .. i] */
    uint32_t node_count; /* entries of node_of that are valid */
    bool node_cut;       /* they hang below VMT_NODE_CUT */
    bool by_loader;      /* the last changed stack was one of the loader's */
    struct stream_slot slots[VMT_SLOTS];

    /* cold */
    uint32_t magic;
    uint32_t sequence;         /* of the next chunk */
    uint32_t node_epoch;       /* NODES_RESET records so far */
    uint32_t tid;              /* thread that the trace says is writing */
    char name[16];             /* its name, as recorded; empty: look again */
    struct stack_bounds stack; /* its stack */
    struct fault_codes fault_codes;
    struct trace_region region;
    size_t next_region; /* chunks to ask for */
    uint64_t lost;      /* events lost since the last chunk */
    uint64_t retry_at;  /* value of `lost` at which to ask for space again */
    bool stopped;       /* for good: VMTRACE_MAX_SIZE */
    uint64_t moment;    /* not 0: the time of all records and chunks, meanwhile */
};

/* Ends the chunk and begins another.  False: there is no space; the event is to be
 * counted as lost with stream_lose. */
bool stream_refill(struct stream *stream);
void stream_lose(struct stream *stream);

/* Sets `pause_at`: the housekeeping is done. */
void stream_set_pause(struct stream *stream);

/* Thread `tid`, whose stack lies at `stack` (empty: not known), writes the stream from here on. */
void stream_begin_thread(struct stream *stream, uint32_t tid, const struct stack_bounds *stack);

/* Cuts the file behind what was written, if that frees more than a few pages; the next record then
 * begins a new chunk. */
void stream_trim(struct stream *stream, bool alone);

static inline bool stream_room(struct stream *stream, size_t bytes)
{
    while (__builtin_expect(stream->limit - stream->cursor < (ptrdiff_t)bytes, 0)) {
        if (!stream_refill(stream)) /* it may give a part of a chunk only */
            return false;
    }
    return true;
}

/* Makes the record whose opcode byte lies at `cursor` and which ends at `end` part of the trace. */
static inline void stream_commit(struct stream *stream, uint8_t opcode, uint8_t *end)
{
    __atomic_signal_fence(__ATOMIC_RELEASE);
    *(volatile uint8_t *)stream->cursor = opcode;
    __atomic_signal_fence(__ATOMIC_RELEASE);
    stream->cursor = end;
}

/* ---- cold records ---- */

struct stream_record {
    struct stream *stream;
    uint8_t *at;    /* next payload byte */
    uint8_t *start; /* payload; two bytes before it are its length, one more the opcode */
    uint8_t opcode;
};

/* Begins a cold record with room for `bytes` of payload (at most VMT_MAX_COLD_PAYLOAD).  False: no
 * space; the loss was counted. */
bool stream_record_begin(struct stream_record *record, struct stream *stream, uint8_t opcode,
                         size_t bytes);
void stream_record_number(struct stream_record *record, uint64_t number);
/* Cut at VMT_MAX_STRING bytes. */
void stream_record_string(struct stream_record *record, const char *string, size_t length);
void stream_record_stack(struct stream_record *record, uint32_t node);
void stream_record_end(struct stream_record *record);

/* Appends a stack reference that does not set a slot's size and address. */
static inline uint8_t *stream_put_stack(struct stream *stream, uint8_t *out, uint32_t node)
{
    struct stream_slot *slot = &stream->slots[VMT_SLOT_OF(node)];
    if (slot->node == node && node)
        return vmt_put_varint(out, (uint64_t)VMT_SLOT_OF(node) << 1 | 1);
    *slot = (struct stream_slot){.node = node};
    return vmt_put_varint(out, (uint64_t)node << 1);
}

#endif
