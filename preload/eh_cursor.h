/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the primitive values of .eh_frame and its look-up table (LSB core, "Exception
 * Frames"; DWARF 5, 6.4 and 7.6) from mapped memory, never past `end`.
 * Invariant: after a value did not fit, `bad` stays set, `at` == `end` and reads give 0.
 */
#ifndef VMTRACE_EH_CURSOR_H
#define VMTRACE_EH_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct eh_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

/* Pointer encodings (LSB core, 10.5.1). */
enum eh_encoding {
    EH_PE_ABSOLUTE = 0x00,
    EH_PE_ULEB128 = 0x01,
    EH_PE_UDATA2 = 0x02,
    EH_PE_UDATA4 = 0x03,
    EH_PE_UDATA8 = 0x04,
    EH_PE_SLEB128 = 0x09,
    EH_PE_SDATA2 = 0x0a,
    EH_PE_SDATA4 = 0x0b,
    EH_PE_SDATA8 = 0x0c,
    EH_PE_FORMAT = 0x0f,
    EH_PE_PC_RELATIVE = 0x10,
    EH_PE_DATA_RELATIVE = 0x30,
    EH_PE_BASE = 0x70,
    EH_PE_INDIRECT = 0x80,
    EH_PE_OMIT = 0xff,
};

static inline void eh_fail(struct eh_cursor *cursor)
{
    cursor->bad = true;
    cursor->at = cursor->end;
}

static inline void eh_skip(struct eh_cursor *cursor, uint64_t bytes)
{
    if (bytes > (uint64_t)(cursor->end - cursor->at))
        eh_fail(cursor);
    else
        cursor->at += bytes;
}

/* An unsigned value of 1, 2, 4 or 8 bytes. */
static inline uint64_t eh_unsigned(struct eh_cursor *cursor, unsigned bytes)
{
    uint64_t value = 0;
    if (bytes > (uint64_t)(cursor->end - cursor->at)) {
        eh_fail(cursor);
        return 0;
    }
    memcpy(&value, cursor->at, bytes);
    cursor->at += bytes;
    return value;
}

/* The same, two's complement. */
static inline int64_t eh_signed(struct eh_cursor *cursor, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;
    return (int64_t)(eh_unsigned(cursor, bytes) << shift) >> shift;
}

uint64_t eh_uleb(struct eh_cursor *cursor);
int64_t eh_sleb(struct eh_cursor *cursor);

/* A pointer in `encoding`; `data` is the base of data-relative ones.  Indirect pointers and
 * bases other than pc and data are an error (`bad`). */
uint64_t eh_pointer(struct eh_cursor *cursor, uint8_t encoding, uint64_t data);

#endif
