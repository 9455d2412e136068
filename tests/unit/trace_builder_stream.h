/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the trace builder: a stream while it is being written. */
#ifndef VMTRACE_TESTS_TRACE_BUILDER_STREAM_H
#define VMTRACE_TESTS_TRACE_BUILDER_STREAM_H

#include "trace_builder.h"

struct builder_slot {
    uint64_t address, size;
    uint32_t node;
};

struct builder_fault_slot {
    uint64_t code, address;
};

struct builder_stream {
    struct trace_builder *builder;
    uint32_t number, tid, sequence;
    size_t chunk; /* index in the file */
    size_t used;  /* bytes of the chunk */
    uint64_t ticks, last_address, previous_pc;
    uint32_t next_node, node_epoch;
    struct builder_slot slots[VMT_SLOTS];
    struct builder_fault_slot fault_slots[VMT_FAULT_SLOTS];
    uint32_t fault_next;
    uint64_t fault_code, fault_address; /* the last new code, the last fault's address */
    bool stamped, faulted;
    uint64_t stamp, minor, major;
};

/* What a decoder knows at the start of a chunk, besides the clock and nodes. */
void builder_begin(struct builder_stream *stream);

/* Begins a chunk unless `size` bytes are left in this one. */
void builder_reserve(struct builder_stream *stream, size_t size);

#endif
