/* SPDX-License-Identifier: Apache-2.0 */
#include "live_blocks.h"

#include "vmtrace/wire.h"

#include <string.h>

struct records {
    const uint8_t *at, *end;
    uint64_t last_address;
    struct live_blocks *blocks;
};

static bool get_byte(struct records *records, unsigned *value)
{
    if (records->at == records->end)
        return false;
    *value = *records->at++;
    return true;
}

static bool get_number(struct records *records, uint64_t *value)
{
    return vmt_get_varint(&records->at, records->end, value);
}

static bool skip_numbers(struct records *records, uint64_t count)
{
    uint64_t value;
    while (count > 0 && get_number(records, &value))
        count--;
    return count == 0;
}

static bool get_address(struct records *records, uint64_t base, uint64_t *address)
{
    uint64_t value;
    if (!get_number(records, &value))
        return false;
    *address = records->last_address = vmt_address_apply(value, base);
    return true;
}

/* A stack: here its slot is all that matters, which a new one empties. */
static bool get_stack(struct records *records, struct live_block **slot)
{
    uint64_t reference;
    if (!get_number(records, &reference))
        return false;
    bool fresh = (reference & 1) == 0;
    reference >>= 1;
    if (!fresh && reference >= VMT_SLOTS)
        return false;
    *slot = &records->blocks->slots[VMT_SLOT_OF(reference)];
    if (fresh)
        **slot = (struct live_block){0};
    return true;
}

static bool take_allocation(struct records *records, bool repeated)
{
    struct live_blocks *blocks = records->blocks;
    struct live_block *slot;
    uint64_t size, address;
    unsigned index;
    if (repeated) {
        if (!get_byte(records, &index) || index >= VMT_SLOTS)
            return false;
        slot = &blocks->slots[index];
        size = slot->size;
    } else if (!get_number(records, &size) || !get_stack(records, &slot)) {
        return false;
    }
    if (!get_address(records, slot->start ? slot->start : records->last_address, &address) ||
        blocks->count == LIVE_BLOCKS_MOST)
        return false;
    *slot = blocks->blocks[blocks->count++] = (struct live_block){address, size};
    return true;
}

/* The youngest blocks go first, mostly. */
static bool take_release(struct records *records, bool with_stack)
{
    struct live_blocks *blocks = records->blocks;
    struct live_block *slot;
    uint64_t address;
    if (!get_address(records, records->last_address, &address) ||
        (with_stack && !get_stack(records, &slot)))
        return false;
    size_t i = blocks->count;
    while (i > 0 && blocks->blocks[i - 1].start != address)
        i--;
    if (i == 0)
        return false;
    blocks->blocks[i - 1] = blocks->blocks[--blocks->count];
    return true;
}

static bool take_hot(struct records *records, uint8_t opcode)
{
    bool with_stack = opcode & VMT_HOT_STACK;
    struct live_block *slot;
    uint64_t count;
    unsigned ignored;
    if (!skip_numbers(records, (opcode & VMT_HOT_TIME ? 1 : 0) + (opcode & VMT_HOT_FAULTS ? 2 : 0)))
        return false;
    switch (opcode >> VMT_HOT_KIND_SHIFT & 15) {
    case VMT_ALLOC_OTHER:
        return !with_stack && get_byte(records, &ignored) && get_byte(records, &ignored) &&
               take_allocation(records, false);
    case VMT_MALLOC:
    case VMT_CALLOC:
    case VMT_REALLOC:
    case VMT_NEW:
    case VMT_NEW_ARRAY:
        return take_allocation(records, with_stack);
    case VMT_FREE_OTHER:
        return get_byte(records, &ignored) && take_release(records, with_stack);
    case VMT_FREE:
    case VMT_DELETE:
    case VMT_DELETE_ARRAY:
    case VMT_REALLOC_BEGIN:
        return take_release(records, with_stack);
    case VMT_REALLOC_FREED:
        return !with_stack;
    case VMT_ALLOC_FAILED:
        return !with_stack && get_byte(records, &ignored) && skip_numbers(records, 1) &&
               get_stack(records, &slot);
    case VMT_NODES:
        return skip_numbers(records, 1) && get_number(records, &count) &&
               skip_numbers(records, count);
    default:
        return false;
    }
}

/* The stacks among the details have slots, too. */
static bool take_faults(struct records *payload)
{
    struct live_block *slot;
    uint64_t head;
    bool good = skip_numbers(payload, 3);
    while (good && payload->at < payload->end)
        good = get_number(payload, &head) &&
               skip_numbers(payload, head >> VMT_FAULT_CODE_SHIFT ? 1 : 2) &&
               (!(head & VMT_FAULT_STACK) || get_stack(payload, &slot));
    return good;
}

/* Those that change no slot but as above, and tell of nothing but the heap that could hold a
 * pointer. */
static bool take_cold(struct records *records, uint8_t opcode)
{
    uint64_t length;
    if (!get_number(records, &length) || length > (uint64_t)(records->end - records->at))
        return false;
    struct records payload = {records->at, records->at + length, 0, records->blocks};
    records->at += length;
    switch (opcode) {
    case VMT_OP_CLOCK:
    case VMT_OP_THREAD:
    case VMT_OP_THREAD_NAME:
    case VMT_OP_MODULE_LOAD:
    case VMT_OP_FACT:
    case VMT_OP_ARGUMENT:
    case VMT_OP_MEMORY_SAMPLE:
    case VMT_OP_PHASE_BEGIN:
    case VMT_OP_PHASE_END:
    case VMT_OP_FORK:
    case VMT_OP_EXEC_FAILED:
    case VMT_OP_FAULT_SOURCE:
    case VMT_OP_STACK:
    case VMT_OP_RESIDENCY:
    case VMT_OP_REGION:
    case VMT_OP_PAGES:
    case VMT_OP_RESIDENCY_END:
    case VMT_OP_UNFOLLOWED:
        return true;
    case VMT_OP_FAULTS:
        return take_faults(&payload);
    default:
        return false;
    }
}

/* By insertion: they are few, and nearly in order. */
static void sort(struct live_blocks *blocks)
{
    for (size_t i = 1; i < blocks->count; i++) {
        struct live_block one = blocks->blocks[i];
        size_t at = i;
        for (; at > 0 && blocks->blocks[at - 1].start > one.start; at--)
            blocks->blocks[at] = blocks->blocks[at - 1];
        blocks->blocks[at] = one;
    }
}

static bool are_apart(const struct live_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        const struct live_block *block = &blocks->blocks[i];
        uint64_t end;
        if (__builtin_add_overflow(block->start, block->size, &end) ||
            (i + 1 < blocks->count && (end > block[1].start || block->start == block[1].start)))
            return false;
    }
    return true;
}

bool live_blocks_read(struct live_blocks *blocks, const uint8_t *at, const uint8_t *end)
{
    struct records records = {at, end, 0, blocks};
    blocks->count = 0;
    memset(blocks->slots, 0, sizeof(blocks->slots));
    if (end - at > LIVE_BLOCKS_RECORDS)
        return false;
    while (records.at < end) {
        uint8_t opcode = *records.at++;
        if (opcode & VMT_HOT ? !take_hot(&records, opcode) : !take_cold(&records, opcode))
            return false;
    }
    sort(blocks);
    return are_apart(blocks);
}

long live_blocks_find(const struct live_blocks *blocks, uint64_t address)
{
    size_t low = 0, high = blocks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (blocks->blocks[middle].start < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < blocks->count && blocks->blocks[low].start == address ? (long)low : -1;
}
