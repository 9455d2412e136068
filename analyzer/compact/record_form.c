/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/record_form.h"

#include <vmtrace/wire.h>

static uint8_t *form_put_allocation(const struct record_form *form,
                                    const struct decoder_slot *slots, uint64_t last_address,
                                    uint8_t *out, uint8_t *opcode)
{
    unsigned index = VMT_SLOT_OF(form->node);
    const struct decoder_slot *slot = &slots[index];
    bool known = slot->node == form->node;
    if (form->kind == VMT_ALLOC_OTHER) {
        *out++ = form->subkind;
        *out++ = form->alignment_log2;
    } else if (known && slot->size == form->size) {
        *opcode |= VMT_HOT_STACK;
        *out++ = (uint8_t)index;
    }
    if (!(*opcode & VMT_HOT_STACK)) {
        out = vmt_put_varint(out, form->size);
        out = vmt_put_varint(out, known ? (uint64_t)index << 1 | 1 : (uint64_t)form->node << 1);
    }
    uint64_t base = known && slot->address ? slot->address : last_address;
    return vmt_put_varint(out, vmt_address_delta(form->address, base));
}

size_t record_form_write(const struct record_form *form, const struct decoder_slot *slots,
                         uint64_t last_address, uint8_t out[RECORD_FORM_MAX])
{
    uint8_t opcode = (uint8_t)(VMT_HOT | form->kind << VMT_HOT_KIND_SHIFT), *cursor = out + 1;
    if (form->timed) {
        opcode |= VMT_HOT_TIME;
        cursor = vmt_put_varint(cursor, form->delta);
    }
    if (form->faulted) {
        opcode |= VMT_HOT_FAULTS;
        cursor = vmt_put_varint(vmt_put_varint(cursor, form->minor), form->major);
    }
    if (record_form_allocates(form->kind)) {
        cursor = form_put_allocation(form, slots, last_address, cursor, &opcode);
    } else {
        if (form->kind == VMT_FREE_OTHER)
            *cursor++ = form->subkind;
        cursor = vmt_put_varint(cursor, vmt_address_delta(form->address, last_address));
    }
    out[0] = opcode;
    return (size_t)(cursor - out);
}
