/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the trace builder. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "trace_builder_stream.h"

#define RECORD_MAX (VMT_CHUNK_SIZE - VMT_HEADER_SIZE - VMT_CHUNK_HEADER_SIZE)

/* One record under way; opcode first. */
struct builder_record {
    uint8_t bytes[RECORD_MAX];
    size_t size;
};

/* ---- primitives ---- */

static void put_byte(struct builder_record *record, uint8_t byte)
{
    if (record->size == sizeof(record->bytes))
        abort();
    record->bytes[record->size++] = byte;
}

/* LEB128: seven bits a byte, the lowest first; bit 7 says that more follow. */
static void put_number(struct builder_record *record, uint64_t value)
{
    do {
        uint8_t low = value & 127;
        value >>= 7;
        put_byte(record, value ? low + 128 : low);
    } while (value);
}

/* 0, -1, 1, -2, 2 ... -> 0, 1, 2, 3, 4 ... */
static uint64_t zigzag(uint64_t difference)
{
    bool negative = difference >> 63;
    return negative ? ~difference * 2 + 1 : difference * 2;
}

static void put_string(struct builder_record *record, const char *text)
{
    size_t length = strlen(text);
    put_number(record, length);
    for (size_t i = 0; i < length; i++)
        put_byte(record, (uint8_t)text[i]);
}

/* ---- what the next record carries ---- */

void builder_at(struct builder_stream *stream, uint64_t ticks)
{
    if (ticks < stream->ticks)
        abort();
    stream->stamped = true;
    stream->stamp = ticks;
}

void builder_faults(struct builder_stream *stream, uint64_t minor, uint64_t major)
{
    stream->faulted = true;
    stream->minor = minor;
    stream->major = major;
}

static uint64_t builder_take_delta(struct builder_stream *stream)
{
    uint64_t delta = stream->stamped ? stream->stamp - stream->ticks : 0;
    stream->ticks += delta;
    stream->stamped = false;
    return delta;
}

/* Opcode and prefix; bit 0 is set later where there is a stack. */
static void builder_hot(struct builder_stream *stream, struct builder_record *record, unsigned kind,
                        bool stack)
{
    record->size = 0;
    builder_reserve(stream, 128);
    put_byte(record, (uint8_t)(128 | kind << 3 | (stream->stamped ? 4 : 0) |
                               (stream->faulted ? 2 : 0) | (stack ? 1 : 0)));
    if (stream->stamped)
        put_number(record, builder_take_delta(stream));
    if (stream->faulted) {
        put_number(record, stream->minor);
        put_number(record, stream->major);
        stream->faulted = false;
    }
}

static void builder_write(struct builder_stream *stream, const struct builder_record *record)
{
    builder_raw(stream, record->bytes, record->size);
}

static void put_address(struct builder_record *record, uint64_t address, uint64_t base)
{
    uint64_t difference = address - base;
    if (difference % 16 == 0) {
        bool negative = difference >> 63;
        uint64_t sixteenth = negative ? ~(~difference / 16) : difference / 16;
        put_number(record, zigzag(sixteenth) * 2);
    } else {
        put_number(record, zigzag(difference) * 2 + 1);
    }
}

/* A reference by slot where the slot has the node; else the node takes the slot. */
static void put_stack(struct builder_stream *stream, struct builder_record *record, uint32_t node)
{
    struct builder_slot *slot = &stream->slots[node % 128];
    if (slot->node == node) {
        put_number(record, (uint64_t)(node % 128) * 2 + 1);
    } else {
        put_number(record, (uint64_t)node * 2);
        *slot = (struct builder_slot){0, 0, node};
    }
}

/* ---- stacks ---- */

uint32_t builder_nodes(struct builder_stream *stream, uint32_t parent, const uint64_t *pcs,
                       size_t count)
{
    static struct builder_record record;
    record.size = 0;
    builder_reserve(stream, 32 + 10 * count);
    put_byte(&record, 128 | 15 << 3);
    put_number(&record, parent);
    put_number(&record, count);
    for (size_t i = 0; i < count; i++) {
        put_number(&record, zigzag(pcs[i] - stream->previous_pc));
        stream->previous_pc = pcs[i];
    }
    builder_write(stream, &record);
    stream->next_node += (uint32_t)count;
    return stream->next_node - 1;
}

uint32_t builder_stack(struct builder_stream *stream, unsigned count, ...)
{
    uint64_t pcs[64];
    va_list list;
    if (count > 64)
        abort();
    va_start(list, count);
    for (unsigned i = 0; i < count; i++)
        pcs[i] = va_arg(list, uint64_t);
    va_end(list);
    return builder_nodes(stream, 0, pcs, count);
}

/* ---- hot records ---- */

static void put_block(struct builder_stream *stream, struct builder_record *record,
                      uint64_t address, uint64_t size, uint32_t node)
{
    struct builder_slot *slot = &stream->slots[node % 128];
    put_number(record, size);
    put_stack(stream, record, node);
    put_address(record, address, slot->address ? slot->address : stream->last_address);
}

static void builder_set_slot(struct builder_stream *stream, uint64_t address, uint64_t size,
                             uint32_t node)
{
    stream->slots[node % 128] = (struct builder_slot){address, size, node};
    stream->last_address = address;
}

void builder_alloc(struct builder_stream *stream, enum vmt_kind kind, uint64_t address,
                   uint64_t size, uint32_t node)
{
    struct builder_record record;
    builder_reserve(stream, 128); /* may empty the slots */
    struct builder_slot *slot = &stream->slots[node % 128];
    bool repeated = slot->node == node && slot->size == size;
    builder_hot(stream, &record, kind, repeated);
    if (repeated) {
        put_byte(&record, node % 128);
        put_address(&record, address, slot->address ? slot->address : stream->last_address);
    } else {
        put_block(stream, &record, address, size, node);
    }
    builder_set_slot(stream, address, size, node);
    builder_write(stream, &record);
}

void builder_alloc_other(struct builder_stream *stream, enum vmt_subkind subkind,
                         uint8_t alignment_log2, uint64_t address, uint64_t size, uint32_t node)
{
    struct builder_record record;
    builder_hot(stream, &record, VMT_ALLOC_OTHER, false);
    put_byte(&record, (uint8_t)subkind);
    put_byte(&record, alignment_log2);
    put_block(stream, &record, address, size, node);
    builder_set_slot(stream, address, size, node);
    builder_write(stream, &record);
}

static void builder_release(struct builder_stream *stream, unsigned kind, int subkind,
                            uint64_t address, const uint32_t *node)
{
    struct builder_record record;
    builder_hot(stream, &record, kind, node != NULL);
    if (subkind >= 0)
        put_byte(&record, (uint8_t)subkind);
    put_address(&record, address, stream->last_address);
    stream->last_address = address;
    if (node)
        put_stack(stream, &record, *node);
    builder_write(stream, &record);
}

void builder_free(struct builder_stream *stream, enum vmt_kind kind, uint64_t address)
{
    builder_release(stream, kind, -1, address, NULL);
}

void builder_free_at(struct builder_stream *stream, enum vmt_kind kind, uint64_t address,
                     uint32_t node)
{
    builder_release(stream, kind, -1, address, &node);
}

void builder_free_other(struct builder_stream *stream, enum vmt_subkind subkind, uint64_t address)
{
    builder_release(stream, VMT_FREE_OTHER, (int)subkind, address, NULL);
}

void builder_realloc_begin(struct builder_stream *stream, uint64_t address)
{
    builder_release(stream, VMT_REALLOC_BEGIN, -1, address, NULL);
}

static void builder_fail(struct builder_stream *stream, unsigned kind, int call, uint64_t size,
                         uint32_t node)
{
    struct builder_record record;
    builder_hot(stream, &record, kind, false);
    if (call >= 0)
        put_byte(&record, (uint8_t)call);
    put_number(&record, size);
    put_stack(stream, &record, node);
    builder_write(stream, &record);
}

void builder_alloc_failed(struct builder_stream *stream, enum vmt_kind kind, uint64_t size,
                          uint32_t node)
{
    builder_fail(stream, VMT_ALLOC_FAILED, (int)kind, size, node);
}

void builder_realloc_failed(struct builder_stream *stream, uint64_t size, uint32_t node)
{
    builder_fail(stream, VMT_REALLOC_FAILED, -1, size, node);
}

void builder_realloc_freed(struct builder_stream *stream)
{
    struct builder_record record;
    builder_hot(stream, &record, VMT_REALLOC_FREED, false);
    builder_write(stream, &record);
}

/* ---- cold records ---- */

static void builder_after_cold(struct builder_stream *stream, enum vmt_op op, uint64_t first)
{
    if (op == VMT_OP_THREAD)
        stream->tid = (uint32_t)first;
    if (op == VMT_OP_NODES_RESET) {
        stream->next_node = 2;
        stream->node_epoch++;
        builder_begin(stream);
    }
}

/* A slot that has the code already is used again. */
static void put_fault(struct builder_stream *stream, struct builder_record *record,
                      const struct builder_fault *fault)
{
    unsigned slot = 0;
    while (slot < VMT_FAULT_SLOTS &&
           (stream->fault_slots[slot].code != fault->code || fault->code == 0))
        slot++;
    bool fresh = slot == VMT_FAULT_SLOTS;
    put_number(record, fault->bits | (fresh ? 0 : (uint64_t)slot + 1) << 3);
    if (fresh) {
        slot = stream->fault_next;
        stream->fault_next = (slot + 1) % VMT_FAULT_SLOTS;
        put_number(record, zigzag(fault->code - stream->fault_code));
        stream->fault_code = fault->code;
        stream->fault_slots[slot] = (struct builder_fault_slot){fault->code, stream->fault_address};
    }
    put_number(record, zigzag(fault->address - stream->fault_slots[slot].address - 4096));
    stream->fault_slots[slot].address = stream->fault_address = fault->address;
    if (fault->bits & VMT_FAULT_STACK)
        put_stack(stream, record, fault->node);
}

void builder_cold(struct builder_stream *stream, enum vmt_op op, const char *fields, ...)
{
    static struct builder_record payload, record;
    uint64_t first = 0;
    va_list list;
    payload.size = record.size = 0;
    builder_reserve(stream, VMT_MAX_COLD_PAYLOAD + 16);
    put_number(&payload, builder_take_delta(stream));
    va_start(list, fields);
    for (const char *field = fields; *field; field++) {
        if (*field == 's') {
            put_string(&payload, va_arg(list, const char *));
        } else if (*field == 'k') {
            put_stack(stream, &payload, va_arg(list, uint32_t));
        } else if (*field == 'f') {
            const struct builder_fault *faults = va_arg(list, const struct builder_fault *);
            for (size_t count = va_arg(list, size_t); count > 0; count--)
                put_fault(stream, &payload, faults++);
        } else {
            uint64_t value = va_arg(list, uint64_t);
            first = field == fields ? value : first;
            put_number(&payload, *field == 'z' ? zigzag(value) : value);
        }
    }
    va_end(list);
    put_byte(&record, (uint8_t)op);
    put_number(&record, payload.size);
    for (size_t i = 0; i < payload.size; i++)
        put_byte(&record, payload.bytes[i]);
    builder_write(stream, &record);
    builder_after_cold(stream, op, first);
}
