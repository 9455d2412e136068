/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_codes.h"

#include "vmtrace/wire.h"

#include <unistd.h>

/* VMT_FAULT_SLOTS if it is in none. */
static uint32_t find(const struct fault_codes *codes, uint64_t code)
{
    if (codes->code[codes->last] == code)
        return codes->last;
    uint32_t slot = 0;
    while (slot < VMT_FAULT_SLOTS && codes->code[slot] != code)
        slot++;
    return slot;
}

uint8_t *fault_codes_put(struct fault_codes *codes, uint8_t *out, unsigned bits, uint64_t code,
                         uint64_t address)
{
    uint32_t slot = find(codes, code);
    if (slot < VMT_FAULT_SLOTS) {
        out = vmt_put_varint(out, bits | (uint64_t)(slot + 1) << VMT_FAULT_CODE_SHIFT);
    } else {
        out = vmt_put_varint(out, bits);
        out = vmt_put_varint(out, vmt_zigzag((int64_t)(code - codes->last_code)));
        slot = codes->next;
        codes->next = (slot + 1) % VMT_FAULT_SLOTS;
        codes->code[slot] = codes->last_code = code;
        codes->address[slot] = codes->last_address;
    }
    uint64_t expected = codes->address[slot] + (uint64_t)getpagesize();
    out = vmt_put_varint(out, vmt_zigzag((int64_t)(address - expected)));
    codes->address[slot] = codes->last_address = address;
    codes->last = slot;
    return out;
}
