/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks that live, as the records of a process say that has hardly recorded anything.  The
 * recorder keeps no list of them; what it has written is the list.
 */
#ifndef VMTRACE_LIVE_BLOCKS_H
#define VMTRACE_LIVE_BLOCKS_H

#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIVE_BLOCKS_MOST = 256,      /* those of a locale are some 130 */
    LIVE_BLOCKS_RECORDS = 16384, /* bytes of records: some 3,000 events, 20 microseconds */
};

struct live_block {
    uint64_t start, size; /* bytes, as they were asked for */
};

struct live_blocks {
    struct live_block slots[VMT_SLOTS]; /* while they are read */
    size_t count;
    struct live_block blocks[LIVE_BLOCKS_MOST]; /* by address */
};

/* From the records in [at, end), of a stream's first chunk.  False: there are too many blocks, or
 * there is something that this does not follow. */
bool live_blocks_read(struct live_blocks *blocks, const uint8_t *at, const uint8_t *end);

/* The block that begins at `address`, or -1. */
long live_blocks_find(const struct live_blocks *blocks, uint64_t address);

#endif
