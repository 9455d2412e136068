/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of one RECORDS block: byte strings that are written by appending and read from
 * their beginning, each compressed for itself.
 *
 * Written columns have COMPACT_COLUMN_MAX bytes of room from the start, of which memory is what
 * was touched.  Appending does not look at the bound: the writer ends a block when columns_full
 * says so, and a record adds less than the rest.  Reading always does.
 */
#ifndef VMTRACE_COMPACT_COLUMNS_H
#define VMTRACE_COMPACT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmtrace/wire.h>

#include "compact/compact_format.h"

struct column {
    uint8_t *bytes;
    size_t room;
    uint8_t *end;          /* writing: where the next byte goes; reading: behind the last */
    const uint8_t *cursor; /* reading: the next byte */
};

struct columns {
    struct column list[COMPACT_COLUMNS];
    void *context; /* zstd's */
    bool writing;
};

/* False when out of memory. */
bool columns_init(struct columns *columns, bool writing);
void columns_release(struct columns *columns);

/* ---- writing ---- */

static inline void column_put_byte(struct column *column, uint8_t byte)
{
    *column->end++ = byte;
}

static inline void column_put(struct column *column, uint64_t value)
{
    column->end = vmt_put_varint(column->end, value);
}

void column_put_bytes(struct column *column, const uint8_t *bytes, size_t size);

bool columns_full(const struct columns *columns);
bool columns_empty(const struct columns *columns);

/* An upper bound of what columns_pack writes. */
size_t columns_bound(void);

/* Writes the payload of a RECORDS block and empties the columns.  0: out of memory. */
size_t columns_pack(struct columns *columns, uint8_t *payload);

/* The same for the one frame of another block: `size` bytes, at most COMPACT_COLUMN_MAX. */
size_t columns_pack_bytes(struct columns *columns, const uint8_t *bytes, size_t size,
                          uint8_t *payload);

/* ---- reading ---- */

static inline bool column_at_end(const struct column *column)
{
    return column->cursor == column->end;
}

static inline bool column_get_byte(struct column *column, uint8_t *byte)
{
    if (column->cursor == column->end)
        return false;
    *byte = *column->cursor++;
    return true;
}

static inline bool column_get(struct column *column, uint64_t *value)
{
    return vmt_get_varint(&column->cursor, column->end, value);
}

/* `size` bytes of the column; NULL: it has not so many. */
const uint8_t *column_get_bytes(struct column *column, uint64_t size);

enum columns_result { COLUMNS_READY, COLUMNS_DAMAGED, COLUMNS_NO_MEMORY };

/* Takes the payload of a RECORDS block in. */
enum columns_result columns_unpack(struct columns *columns, const uint8_t *payload, size_t size);

/* The same for the one frame of another block, into a column. */
enum columns_result columns_unpack_bytes(struct columns *columns, const uint8_t *payload,
                                         size_t size, struct column *column);

#endif
