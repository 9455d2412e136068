/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a trace: varints (LEB128, unsigned), zigzag, and address deltas.
 * Freestanding; writers never look at a bound (the caller has reserved
 * VMT_VARINT_MAX bytes a value), readers always do.
 */
#ifndef VMTRACE_WIRE_H
#define VMTRACE_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VMT_VARINT_MAX 10 /* bytes of the longest varint */

static inline uint64_t vmt_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t vmt_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Writes `value` at `out`, returns the byte after it. */
static inline uint8_t *vmt_put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* The address field of hot records; see trace_format.h. */
static inline uint64_t vmt_address_delta(uint64_t address, uint64_t base)
{
    int64_t delta = (int64_t)(address - base);
    /* The shifted zigzag must fit: wider deltas (never seen in user space) wrap correctly only
     * in the 16-byte form, so an odd one keeps 63 bits. */
    if ((delta & 15) == 0)
        return vmt_zigzag(delta / 16) << 1;
    return vmt_zigzag(delta) << 1 | 1;
}

static inline uint64_t vmt_address_apply(uint64_t value, uint64_t base)
{
    int64_t delta = vmt_unzigzag(value >> 1);
    return base + ((value & 1) ? (uint64_t)delta : (uint64_t)delta * 16);
}

/* Reads a varint at *cursor, which stays below `end`.  False, and *cursor is unchanged, when
 * it runs past `end` or over 64 bits. */
static inline bool vmt_get_varint(const uint8_t **cursor, const uint8_t *end, uint64_t *value)
{
    const uint8_t *in = *cursor;
    uint64_t result = 0;
    for (unsigned shift = 0; in < end && shift < 64; shift += 7) {
        uint8_t byte = *in++;
        if (shift == 63 && byte > 1)
            return false;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *cursor = in;
            *value = result;
            return true;
        }
    }
    return false;
}

#endif
