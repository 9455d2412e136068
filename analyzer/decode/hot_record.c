/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/record_decoder.h"

static bool hot_read_byte(struct stream_decoder *decoder, uint8_t *value)
{
    if (decoder->cursor == decoder->end)
        return false;
    *value = *decoder->cursor++;
    return true;
}

static bool hot_read_address(struct stream_decoder *decoder, uint64_t base, uint64_t *address)
{
    uint64_t value;
    if (!vmt_get_varint(&decoder->cursor, decoder->end, &value))
        return false;
    *address = vmt_address_apply(value, base);
    return true;
}

/* What an allocation's address is counted from. */
static uint64_t hot_allocation_base(const struct stream_decoder *decoder, uint64_t slot_address)
{
    return slot_address ? slot_address : decoder->last_address;
}

/* Stack and size stand in the slot; only the address is new. */
static bool hot_decode_repeated(struct stream_decoder *decoder, struct event *event)
{
    uint8_t index;
    if (!hot_read_byte(decoder, &index) || index >= VMT_SLOTS)
        return false;
    struct decoder_slot *slot = &decoder->work->slots[index];
    if (!hot_read_address(decoder, hot_allocation_base(decoder, slot->address), &event->address))
        return false;
    event->node = slot->node;
    event->size = slot->size;
    slot->address = event->address;
    decoder->last_address = event->address;
    return true;
}

static bool hot_decode_alloc(struct stream_decoder *decoder, bool repeated, struct event *event)
{
    event->type = EVENT_ALLOC;
    event->has_stack = true;
    if (repeated)
        return hot_decode_repeated(decoder, event);
    bool fresh;
    if (!vmt_get_varint(&decoder->cursor, decoder->end, &event->size) ||
        !record_read_stack(decoder, decoder->end, &event->node, &fresh))
        return false;
    struct decoder_slot *slot = &decoder->work->slots[VMT_SLOT_OF(event->node)];
    /* A node that is new in its slot has no last address. */
    uint64_t base = hot_allocation_base(decoder, fresh ? 0 : slot->address);
    if (!hot_read_address(decoder, base, &event->address))
        return false;
    *slot = (struct decoder_slot){event->address, event->size, event->node};
    decoder->last_address = event->address;
    return true;
}

static bool hot_decode_alloc_other(struct stream_decoder *decoder, bool stack_flag,
                                   struct event *event)
{
    return !stack_flag && hot_read_byte(decoder, &event->subkind) &&
           hot_read_byte(decoder, &event->alignment_log2) &&
           hot_decode_alloc(decoder, false, event);
}

static bool hot_decode_release(struct stream_decoder *decoder, bool stack_flag, struct event *event)
{
    event->type = event->kind == VMT_REALLOC_BEGIN ? EVENT_REALLOC_BEGIN : EVENT_FREE;
    if (event->kind == VMT_FREE_OTHER && !hot_read_byte(decoder, &event->subkind))
        return false;
    if (!hot_read_address(decoder, decoder->last_address, &event->address))
        return false;
    decoder->last_address = event->address;
    return !stack_flag || record_read_owner(decoder, decoder->end, event);
}

static bool hot_decode_failed(struct stream_decoder *decoder, bool stack_flag, struct event *event)
{
    event->type = event->kind == VMT_ALLOC_FAILED ? EVENT_ALLOC_FAILED : EVENT_REALLOC_FAILED;
    if (stack_flag || (event->kind == VMT_ALLOC_FAILED && !hot_read_byte(decoder, &event->kind)))
        return false;
    return vmt_get_varint(&decoder->cursor, decoder->end, &event->size) &&
           record_read_owner(decoder, decoder->end, event);
}

static bool hot_decode_nodes(struct stream_decoder *decoder, struct event *event)
{
    uint64_t parent, count, delta;
    if (!vmt_get_varint(&decoder->cursor, decoder->end, &parent) ||
        !vmt_get_varint(&decoder->cursor, decoder->end, &count))
        return false;
    if (parent >= decoder->next_node || count == 0 || count > VMT_MAX_DEPTH ||
        decoder->next_node > UINT32_MAX - count)
        return false;
    event->type = EVENT_NODES;
    event->nodes = (struct event_nodes){
        .parent = (uint32_t)parent,
        .first = decoder->next_node,
        .count = (uint32_t)count,
        .previous_pc = decoder->previous_pc,
        .cursor = decoder->cursor,
    };
    for (uint64_t i = 0; i < count; i++) {
        if (!vmt_get_varint(&decoder->cursor, decoder->end, &delta))
            return false;
        decoder->previous_pc += (uint64_t)vmt_unzigzag(delta);
    }
    event->nodes.end = decoder->cursor;
    decoder->next_node += (uint32_t)count;
    return true;
}

static bool hot_decode_fields(struct stream_decoder *decoder, uint8_t opcode, struct event *event)
{
    uint64_t delta = 0;
    if ((opcode & VMT_HOT_TIME) && !vmt_get_varint(&decoder->cursor, decoder->end, &delta))
        return false;
    decoder->ticks += delta;
    event->ticks = decoder->ticks;
    event->minor = event->major = 0;
    return !(opcode & VMT_HOT_FAULTS) ||
           (vmt_get_varint(&decoder->cursor, decoder->end, &event->minor) &&
            vmt_get_varint(&decoder->cursor, decoder->end, &event->major));
}

bool hot_record_decode(struct stream_decoder *decoder, uint8_t opcode, struct event *event)
{
    bool stack_flag = opcode & VMT_HOT_STACK;
    event->kind = (opcode >> VMT_HOT_KIND_SHIFT) & 15;
    event->subkind = VMT_SUB_NONE;
    event->alignment_log2 = 0;
    event->has_stack = false;
    event->node = VMT_NODE_EMPTY;
    if ((opcode & (VMT_HOT_TIME | VMT_HOT_FAULTS)) == 0) {
        event->ticks = decoder->ticks;
        event->minor = event->major = 0;
    } else if (!hot_decode_fields(decoder, opcode, event)) {
        return false;
    }
    switch (event->kind) {
    case VMT_MALLOC:
    case VMT_CALLOC:
    case VMT_REALLOC:
    case VMT_NEW:
    case VMT_NEW_ARRAY:
        return hot_decode_alloc(decoder, stack_flag, event);
    case VMT_FREE:
    case VMT_DELETE:
    case VMT_DELETE_ARRAY:
    case VMT_REALLOC_BEGIN:
    case VMT_FREE_OTHER:
        return hot_decode_release(decoder, stack_flag, event);
    case VMT_ALLOC_OTHER:
        return hot_decode_alloc_other(decoder, stack_flag, event);
    case VMT_ALLOC_FAILED:
    case VMT_REALLOC_FAILED:
        return hot_decode_failed(decoder, stack_flag, event);
    case VMT_REALLOC_FREED:
        event->type = EVENT_REALLOC_FREED;
        return !stack_flag;
    case VMT_NODES:
        return (opcode & 7) == 0 && hot_decode_nodes(decoder, event);
    default:
        return false;
    }
}
