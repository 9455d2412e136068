/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of a stream, decoded.
 *
 * Addresses are absolute and ticks are the stream's clock.  Stack nodes are still numbered as
 * the stream numbers them; the model knows what they stand for.  Strings and node lists point
 * into the chunk: they live until the stream's next event is asked for.
 */
#ifndef VMTRACE_DECODE_EVENT_H
#define VMTRACE_DECODE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmtrace/trace_format.h>
#include <vmtrace/wire.h>

#include "decode/fault_details.h"

enum event_type {
    EVENT_NONE,           /* not looked into yet, or a record that is not known */
    EVENT_CHUNK,          /* a chunk begins: .chunk */
    EVENT_ALLOC,          /* kind, subkind, alignment, node, address, size */
    EVENT_FREE,           /* kind, subkind, address, node if has_stack */
    EVENT_REALLOC_BEGIN,  /* address, node if has_stack */
    EVENT_ALLOC_FAILED,   /* kind (of the call), node, size */
    EVENT_REALLOC_FAILED, /* node, size */
    EVENT_REALLOC_FREED,
    EVENT_NODES, /* .nodes */
    EVENT_COLD,  /* op, .cold, node if has_stack */
};

/* Bytes in the chunk, not NUL-terminated. */
struct event_string {
    const char *bytes;
    size_t length; /* 0..VMT_MAX_STRING */
};

#define EVENT_VALUES 16
#define EVENT_STRINGS 2

struct event_cold {
    uint64_t values[EVENT_VALUES]; /* varint fields in the record's order */
    struct event_string strings[EVENT_STRINGS];
    struct event_string rest;           /* PAGES, POINTERS, CRASH, ...: what follows the values */
    const struct fault_detail *details; /* FAULTS */
    size_t detail_count;
};

/* New stack nodes first, first + 1, ...; read their pcs by event_nodes_next. */
struct event_nodes {
    uint32_t parent; /* of the first; < first */
    uint32_t first;
    uint32_t count; /* 1..VMT_MAX_DEPTH */
    uint64_t previous_pc;
    const uint8_t *cursor, *end;
};

struct event_chunk {
    uint32_t tid;
    uint32_t next_node;
    uint32_t node_epoch;
    bool gap; /* something before it was lost: chunks, or the rest of the previous one */
};

struct event {
    uint8_t type;           /* enum event_type */
    uint8_t kind;           /* enum vmt_kind */
    uint8_t subkind;        /* enum vmt_subkind */
    uint8_t alignment_log2; /* ALLOC_OTHER */
    uint8_t op;             /* enum vmt_op of EVENT_COLD */
    bool has_stack;
    uint32_t node; /* the stream's number */
    uint64_t ticks;
    uint64_t minor, major; /* page faults since the thread's previous event */
    uint64_t address, size;
    union {
        struct event_nodes nodes;
        struct event_cold cold;
        struct event_chunk chunk;
    };
};

/* The pc of the next node; call it `count` times, the record was checked before. */
static inline uint64_t event_nodes_next(struct event_nodes *nodes)
{
    uint64_t delta = 0;
    vmt_get_varint(&nodes->cursor, nodes->end, &delta);
    nodes->previous_pc += (uint64_t)vmt_unzigzag(delta);
    return nodes->previous_pc;
}

#endif
