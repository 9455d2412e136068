/* SPDX-License-Identifier: Apache-2.0 */
#include "eh_frame.h"

uint64_t eh_uleb(struct eh_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    eh_fail(cursor);
    return 0;
}

int64_t eh_sleb(struct eh_cursor *cursor)
{
    uint64_t value = 0;
    unsigned shift = 0;
    while (cursor->at < cursor->end) {
        uint8_t byte = *cursor->at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (byte < 0x80) {
            if ((byte & 0x40) && shift < 64)
                value |= ~UINT64_C(0) << shift;
            return (int64_t)value;
        }
    }
    eh_fail(cursor);
    return 0;
}

static uint64_t read_format(struct eh_cursor *cursor, uint8_t encoding)
{
    switch (encoding & EH_PE_FORMAT) {
    case EH_PE_ABSOLUTE:
    case EH_PE_UDATA8:
    case EH_PE_SDATA8:
        return eh_unsigned(cursor, 8);
    case EH_PE_ULEB128:
        return eh_uleb(cursor);
    case EH_PE_SLEB128:
        return (uint64_t)eh_sleb(cursor);
    case EH_PE_UDATA2:
        return eh_unsigned(cursor, 2);
    case EH_PE_UDATA4:
        return eh_unsigned(cursor, 4);
    case EH_PE_SDATA2:
        return (uint64_t)eh_signed(cursor, 2);
    case EH_PE_SDATA4:
        return (uint64_t)eh_signed(cursor, 4);
    default:
        eh_fail(cursor);
        return 0;
    }
}

uint64_t eh_pointer(struct eh_cursor *cursor, uint8_t encoding, uint64_t data)
{
    if (encoding == EH_PE_OMIT)
        return 0;
    uint64_t base = 0;
    if ((encoding & EH_PE_BASE) == EH_PE_PC_RELATIVE)
        base = (uint64_t)cursor->at;
    else if ((encoding & EH_PE_BASE) == EH_PE_DATA_RELATIVE)
        base = data;
    else if (encoding & (EH_PE_BASE | EH_PE_INDIRECT))
        eh_fail(cursor);
    if (encoding & EH_PE_INDIRECT)
        eh_fail(cursor);
    return base + read_format(cursor, encoding);
}

/* Only the width matters: what it points to belongs to the C++ run time. */
static void skip_personality(struct eh_cursor *cursor)
{
    uint8_t encoding = (uint8_t)eh_unsigned(cursor, 1);
    if (encoding != EH_PE_OMIT)
        read_format(cursor, encoding);
}

/* Opens the entry (CIE or FDE) at `address`: `body` is what follows its length.  `wide`: the
 * 64-bit format. */
static bool entry_open(const struct module *module, uint64_t address, struct eh_cursor *body,
                       bool *wide)
{
    if (address < module->start || address >= module->end)
        return false;
    *body = (struct eh_cursor){(const uint8_t *)address, (const uint8_t *)module->end, false};
    uint64_t length = eh_unsigned(body, 4);
    *wide = length == UINT32_MAX;
    if (*wide)
        length = eh_unsigned(body, 8);
    if (body->bad || length == 0 || length > (uint64_t)(body->end - body->at))
        return false;
    body->end = body->at + length;
    return true;
}

static void read_augmentation(struct eh_cursor *body, const char *letters, struct eh_frame *frame)
{
    uint64_t size = eh_uleb(body);
    struct eh_cursor data = *body;
    eh_skip(body, size);
    if (body->bad)
        return;
    data.end = body->at;
    for (letters++; *letters; letters++) {
        if (*letters == 'R')
            frame->encoding = (uint8_t)eh_unsigned(&data, 1);
        else if (*letters == 'L')
            eh_skip(&data, 1);
        else if (*letters == 'P')
            skip_personality(&data);
        else if (*letters == 'S')
            frame->signal = true;
        else if (*letters != 'B')
            break; /* an extension; the size told where its data end */
    }
    if (data.bad)
        eh_fail(body);
}

static bool read_cie(const struct module *module, uint64_t address, struct eh_frame *frame,
                     bool *augmented)
{
    struct eh_cursor body;
    bool wide;
    if (!entry_open(module, address, &body, &wide))
        return false;
    if (eh_unsigned(&body, wide ? 8 : 4) != 0)
        return false;
    uint64_t version = eh_unsigned(&body, 1);
    if (version != 1 && version != 3)
        return false;
    const char *letters = (const char *)body.at;
    while (eh_unsigned(&body, 1) != 0)
        continue;
    frame->code_align = eh_uleb(&body);
    frame->data_align = eh_sleb(&body);
    frame->return_register = version == 1 ? eh_unsigned(&body, 1) : eh_uleb(&body);
    frame->encoding = EH_PE_ABSOLUTE;
    frame->signal = false;
    if (body.bad)
        return false;
    *augmented = letters[0] == 'z';
    if (*augmented)
        read_augmentation(&body, letters, frame);
    else if (letters[0])
        return false;
    frame->initial = body;
    return !body.bad;
}

/* Reads the FDE at `address` with its CIE; `next` is the entry after it.  False for a CIE. */
static bool read_fde(const struct module *module, uint64_t address, struct eh_frame *frame,
                     uint64_t *next)
{
    struct eh_cursor body;
    bool wide, augmented;
    *next = 0;
    if (!entry_open(module, address, &body, &wide))
        return false;
    *next = (uint64_t)body.end;
    uint64_t id_at = (uint64_t)body.at;
    uint64_t id = eh_unsigned(&body, wide ? 8 : 4);
    if (id == 0 || body.bad || !read_cie(module, id_at - id, frame, &augmented))
        return false;
    frame->pc_start = eh_pointer(&body, frame->encoding, 0);
    frame->pc_end = frame->pc_start + eh_pointer(&body, frame->encoding & EH_PE_FORMAT, 0);
    if (augmented)
        eh_skip(&body, eh_uleb(&body));
    frame->instructions = body;
    return !body.bad;
}

/* No usable table: every entry in turn, up to the terminator. */
static bool scan(const struct module *module, uint64_t address, uint64_t pc, struct eh_frame *frame)
{
    uint64_t next;
    for (; address; address = next) {
        if (read_fde(module, address, frame, &next) && pc >= frame->pc_start && pc < frame->pc_end)
            return true;
    }
    return false;
}

/* The table of `count` pairs (first pc, address of the FDE), both 32 bits relative to
 * .eh_frame_hdr, in ascending order.  0 when `pc` is below all of them. */
static uint64_t search(uint64_t header, const uint8_t *table, uint64_t count, uint64_t pc)
{
    int64_t wanted = (int64_t)(pc - header);
    uint64_t low = 0, high = count;
    int32_t pair[2];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        memcpy(pair, table + 8 * middle, sizeof(pair));
        if (pair[0] <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    memcpy(pair, table + 8 * (low - 1), sizeof(pair));
    return header + (uint64_t)(int64_t)pair[1];
}

bool eh_frame_find(const struct module *module, uint64_t pc, struct eh_frame *frame)
{
    uint64_t header = module->eh_frame_hdr, size = module->eh_frame_hdr_size;
    if (header < module->start || header >= module->end || size > module->end - header)
        return false;
    struct eh_cursor cursor = {(const uint8_t *)header, (const uint8_t *)header + size, false};
    uint64_t version = eh_unsigned(&cursor, 1);
    uint8_t frame_encoding = (uint8_t)eh_unsigned(&cursor, 1);
    uint8_t count_encoding = (uint8_t)eh_unsigned(&cursor, 1);
    uint8_t table_encoding = (uint8_t)eh_unsigned(&cursor, 1);
    uint64_t eh_frame = eh_pointer(&cursor, frame_encoding, header);
    uint64_t count = eh_pointer(&cursor, count_encoding, header);
    if (cursor.bad || version != 1)
        return false;
    if (table_encoding != (EH_PE_DATA_RELATIVE | EH_PE_SDATA4) || count == 0 ||
        count > (uint64_t)(cursor.end - cursor.at) / 8)
        return frame_encoding != EH_PE_OMIT && scan(module, eh_frame, pc, frame);
    uint64_t next, address = search(header, cursor.at, count, pc);
    return address && read_fde(module, address, frame, &next) && pc >= frame->pc_start &&
           pc < frame->pc_end;
}
