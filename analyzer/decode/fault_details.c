/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/fault_details.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "decode/record_decoder.h"

void fault_decoder_reset(struct fault_decoder *faults)
{
    memset(faults, 0, offsetof(struct fault_decoder, details));
    faults->count = 0;
}

void fault_decoder_release(struct fault_decoder *faults)
{
    free(faults->details);
    *faults = (struct fault_decoder){0};
}

/* The slot that a detail's first number means, NULL for one that is none. */
static struct fault_slot *fault_slot_read(struct stream_decoder *decoder, const uint8_t *end,
                                          uint64_t reference)
{
    struct fault_decoder *faults = &decoder->work->faults;
    uint64_t delta;
    if (reference > VMT_FAULT_SLOTS)
        return NULL;
    if (reference > 0)
        return &faults->slots[reference - 1];
    if (!vmt_get_varint(&decoder->cursor, end, &delta))
        return NULL;
    faults->last_code += (uint64_t)vmt_unzigzag(delta);
    struct fault_slot *slot = &faults->slots[faults->next];
    faults->next = (faults->next + 1) % VMT_FAULT_SLOTS;
    *slot = (struct fault_slot){faults->last_code, faults->last_address};
    return slot;
}

static bool fault_detail_read(struct stream_decoder *decoder, const uint8_t *end,
                              struct fault_detail *detail)
{
    struct event stack;
    uint64_t head, delta;
    if (!vmt_get_varint(&decoder->cursor, end, &head))
        return false;
    struct fault_slot *slot = fault_slot_read(decoder, end, head >> VMT_FAULT_CODE_SHIFT);
    if (!slot || !vmt_get_varint(&decoder->cursor, end, &delta))
        return false;
    slot->address += decoder->reader->header.page_size + (uint64_t)vmt_unzigzag(delta);
    decoder->work->faults.last_address = slot->address;
    *detail = (struct fault_detail){.code = slot->code,
                                    .address = slot->address,
                                    .bits = head & ((1u << VMT_FAULT_CODE_SHIFT) - 1)};
    if (!(head & VMT_FAULT_STACK))
        return true;
    if (!record_read_owner(decoder, end, &stack))
        return false;
    detail->node = stack.node;
    return true;
}

enum fault_result fault_details_read(struct stream_decoder *decoder, const uint8_t *end)
{
    struct fault_decoder *faults = &decoder->work->faults;
    faults->count = 0;
    while (decoder->cursor < end) {
        if (faults->count == faults->capacity &&
            !vector_grow(&faults->details, &faults->capacity, sizeof(*faults->details)))
            return FAULT_NO_MEMORY;
        if (!fault_detail_read(decoder, end, &faults->details[faults->count]))
            return FAULT_MALFORMED;
        faults->count++;
    }
    return FAULT_DETAILS;
}
