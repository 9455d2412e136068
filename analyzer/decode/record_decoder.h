/* SPDX-License-Identifier: Apache-2.0 */
/* Inside decode/: one record of either sort.  False: it is malformed, the cursor is anywhere. */
#ifndef VMTRACE_DECODE_RECORD_DECODER_H
#define VMTRACE_DECODE_RECORD_DECODER_H

#include "decode/stream_decoder.h"

/* A stack reference, as hot and cold records write it: the node, and the slot that now holds
 * it. */
static inline bool record_read_stack(struct stream_decoder *decoder, const uint8_t *end,
                                     uint32_t *node, bool *fresh)
{
    uint64_t reference;
    if (!vmt_get_varint(&decoder->cursor, end, &reference))
        return false;
    *fresh = (reference & 1) == 0;
    reference >>= 1;
    if (!*fresh) {
        if (reference >= VMT_SLOTS)
            return false;
        *node = decoder->work->slots[reference].node;
        return true;
    }
    if (reference >= decoder->next_node)
        return false;
    *node = (uint32_t)reference;
    return true;
}

/* The same where it is not an allocation's: a fresh reference empties its slot. */
static inline bool record_read_owner(struct stream_decoder *decoder, const uint8_t *end,
                                     struct event *event)
{
    bool fresh;
    if (!record_read_stack(decoder, end, &event->node, &fresh))
        return false;
    if (fresh)
        decoder->work->slots[VMT_SLOT_OF(event->node)] = (struct decoder_slot){0, 0, event->node};
    event->has_stack = true;
    return true;
}

/* `opcode` was read; the cursor stands behind it. */
bool hot_record_decode(struct stream_decoder *decoder, uint8_t opcode, struct event *event);
bool cold_record_decode(struct stream_decoder *decoder, uint8_t opcode, struct event *event);

#endif
