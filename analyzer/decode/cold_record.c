/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/record_decoder.h"

#include <string.h>

/* The fields of each cold record after its ticks: u a varint, z a zigzag varint (handed on as
 * two's complement), U one that older recorders did not write (UINT64_MAX where the payload has
 * ended), s a string, k a stack, t the rest of the payload, f details of faults up to the payload's
 * end.  NULL: not known to this version, skipped. */
static const char *const cold_fields[128] = {
    [VMT_OP_CLOCK] = "u",
    [VMT_OP_THREAD] = "u",
    [VMT_OP_THREAD_NAME] = "us",
    [VMT_OP_NODES_RESET] = "",
    [VMT_OP_MODULE_LOAD] = "uuussu",
    [VMT_OP_MODULE_UNLOAD] = "u",
    [VMT_OP_FACT] = "ss",
    [VMT_OP_ARGUMENT] = "us",
    [VMT_OP_MEMORY_SAMPLE] = "uuuuuuU",
    [VMT_OP_PHASE_BEGIN] = "s",
    [VMT_OP_PHASE_END] = "s",
    [VMT_OP_PAUSE] = "",
    [VMT_OP_RESUME] = "",
    [VMT_OP_SNAPSHOT] = "s",
    [VMT_OP_MAP] = "uuuuuuks",
    [VMT_OP_UNMAP] = "uuuk",
    [VMT_OP_UNMAP_FAILED] = "",
    [VMT_OP_REMAP_BEGIN] = "uu",
    [VMT_OP_REMAP_END] = "uuk",
    [VMT_OP_BREAK] = "uuk",
    [VMT_OP_ADVISE] = "uuuk",
    [VMT_OP_POOL] = "us",
    [VMT_OP_POOL_ALLOC] = "uuuk",
    [VMT_OP_POOL_RESIZE] = "uuuuk",
    [VMT_OP_POOL_FREE] = "uuk",
    [VMT_OP_POOL_CLEAR] = "uk",
    [VMT_OP_FORK] = "u",
    [VMT_OP_EXEC] = "s",
    [VMT_OP_EXEC_FAILED] = "u",
    [VMT_OP_CRASH] = "uzukt",
    [VMT_OP_END] = "uuuuuuu",
    [VMT_OP_LOST] = "uu",
    [VMT_OP_FAULT_SOURCE] = "u",
    [VMT_OP_TEMPORARY] = "u",
    [VMT_OP_STACK] = "uu",
    [VMT_OP_FAULTS] = "uuf",
    [VMT_OP_RESIDENCY] = "uuuuuus",
    [VMT_OP_REGION] = "uuuuuuuuuuuuuuuus",
    [VMT_OP_PAGES] = "uut",
    [VMT_OP_RESIDENCY_END] = "uuuuuu",
    [VMT_OP_IGNORE_BEGIN] = "",
    [VMT_OP_IGNORE_END] = "",
    [VMT_OP_IGNORE_OBJECT] = "u",
    [VMT_OP_ROOT_REGION] = "uu",
    [VMT_OP_ROOT_REGION_END] = "uu",
    [VMT_OP_UNFOLLOWED] = "uus",
    [VMT_OP_SCAN] = "uuuuus",
    [VMT_OP_SCAN_THREAD] = "uuuut",
    [VMT_OP_POINTERS] = "ut",
    [VMT_OP_SCAN_END] = "uuuuuu",
};

static bool cold_read_string(struct stream_decoder *decoder, const uint8_t *end,
                             struct event_string *string)
{
    uint64_t length;
    if (!vmt_get_varint(&decoder->cursor, end, &length) || length > VMT_MAX_STRING ||
        length > (uint64_t)(end - decoder->cursor))
        return false;
    *string = (struct event_string){(const char *)decoder->cursor, (size_t)length};
    decoder->cursor += length;
    return true;
}

static bool cold_take_rest(struct stream_decoder *decoder, const uint8_t *end,
                           struct event_string *rest)
{
    *rest = (struct event_string){(const char *)decoder->cursor, (size_t)(end - decoder->cursor)};
    decoder->cursor = end;
    return true;
}

static bool cold_read_details(struct stream_decoder *decoder, const uint8_t *end,
                              struct event *event)
{
    enum fault_result result = fault_details_read(decoder, end);
    decoder->no_memory |= result == FAULT_NO_MEMORY;
    event->cold.details = decoder->work->faults.details;
    event->cold.detail_count = decoder->work->faults.count;
    return result == FAULT_DETAILS;
}

static bool cold_absent(uint64_t *value)
{
    *value = UINT64_MAX;
    return true;
}

static bool cold_read_fields(struct stream_decoder *decoder, const uint8_t *end, const char *fields,
                             struct event *event)
{
    uint64_t *value = event->cold.values;
    struct event_string *string = event->cold.strings;
    for (; *fields; fields++) {
        bool good;
        if (*fields == 's')
            good = cold_read_string(decoder, end, string++);
        else if (*fields == 'k')
            good = record_read_owner(decoder, end, event);
        else if (*fields == 'f')
            good = cold_read_details(decoder, end, event);
        else if (*fields == 't')
            good = cold_take_rest(decoder, end, &event->cold.rest);
        else if (*fields == 'U' && decoder->cursor == end)
            good = cold_absent(value++);
        else
            good = vmt_get_varint(&decoder->cursor, end, value++);
        if (!good)
            return false;
        if (*fields == 'z')
            value[-1] = (uint64_t)vmt_unzigzag(value[-1]);
    }
    return true;
}

/* All node numbers are void: a slot that still held one would name a wrong stack. */
static void cold_reset_nodes(struct stream_decoder *decoder)
{
    memset(decoder->work->slots, 0, sizeof(decoder->work->slots));
    fault_decoder_reset(&decoder->work->faults);
    decoder->last_address = decoder->previous_pc = 0;
    decoder->next_node = VMT_NODE_FIRST;
}

bool cold_record_decode(struct stream_decoder *decoder, uint8_t opcode, struct event *event)
{
    uint64_t length, delta;
    if (!vmt_get_varint(&decoder->cursor, decoder->end, &length) || length > VMT_MAX_COLD_PAYLOAD ||
        length > (uint64_t)(decoder->end - decoder->cursor))
        return false;
    const uint8_t *end = decoder->cursor + length;
    if (!vmt_get_varint(&decoder->cursor, end, &delta))
        return false;
    decoder->ticks += delta;
    *event = (struct event){
        .type = EVENT_COLD, .op = opcode, .ticks = decoder->ticks, .node = VMT_NODE_EMPTY};
    const char *fields = cold_fields[opcode];
    if (!fields)
        event->type = EVENT_NONE;
    else if (!cold_read_fields(decoder, end, fields, event))
        return false;
    if (opcode == VMT_OP_NODES_RESET)
        cold_reset_nodes(decoder);
    decoder->cursor = end;
    return true;
}
