/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks of one stream, turned into events.
 *
 * A record that cannot be understood ends its chunk: that is counted in the reader's damage,
 * and decoding goes on with the next chunk, which carries all state that it needs.
 *
 * The chunk's bytes (64 KiB) are held only between the first event and the last.
 */
#ifndef VMTRACE_DECODE_STREAM_DECODER_H
#define VMTRACE_DECODE_STREAM_DECODER_H

#include "decode/event.h"
#include "decode/record_tap.h"
#include "reader/trace_reader.h"

enum decode_result { DECODE_EVENT, DECODE_END, DECODE_NO_MEMORY };

struct decoder_slot {
    uint64_t address, size;
    uint32_t node;
};

/* What a stream needs while it is being read. */
struct decoder_work {
    struct decoder_slot slots[VMT_SLOTS];
    struct fault_decoder faults;
    uint8_t chunk[VMT_CHUNK_SIZE]; /* not used when the source is memory */
};

struct stream_decoder {
    struct trace_reader *reader;
    size_t stream; /* index in reader->streams */
    const struct trace_chunk *next_chunk, *end_chunk;
    const struct trace_chunk *chunk; /* the one being read, or NULL */
    struct decoder_work *work;
    const uint8_t *bytes, *cursor, *end; /* of the chunk: its header, here, its end */
    uint64_t ticks;
    uint64_t last_address; /* of the chunk's last hot record; 0 at its start */
    uint64_t previous_pc;
    uint32_t next_node;
    bool no_memory;
    bool gap; /* the rest of the previous chunk was given up */
};

/* `stream` is an index into reader->streams.  The reader is borrowed; its damage is added to. */
void stream_decoder_init(struct stream_decoder *decoder, struct trace_reader *reader,
                         size_t stream);
void stream_decoder_release(struct stream_decoder *decoder);

/* The next event of the stream, or of EVENT_NONE for a record that is not known. */
enum decode_result stream_decoder_step(struct stream_decoder *decoder, struct event *event);

/* The next event that is one. */
enum decode_result stream_decoder_next(struct stream_decoder *decoder, struct event *event);

#endif
