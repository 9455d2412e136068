/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns to records: the tap of a reader that sees a compact trace as chunks which have a header
 * and then nothing.  Each time a stream comes to the end of what there is, the next record is put
 * there.
 */
#ifndef VMTRACE_COMPACT_COMPACT_DECODER_H
#define VMTRACE_COMPACT_COMPACT_DECODER_H

#include "compact/codec.h"
#include "decode/record_tap.h"
#include "decode/stream_decoder.h"

enum decoder_supply { SUPPLY_READY, SUPPLY_END, SUPPLY_DAMAGED, SUPPLY_NO_MEMORY };

/* Who has the file. */
struct decoder_user {
    /* Fills the columns; all but SUPPLY_READY end the reading.  *position, in the file, is where.
     */
    enum decoder_supply (*supply)(void *context, struct columns *columns, uint64_t *position);

    /* A chunk is whole: `size` bytes of the raw trace, from `offset`.  May be NULL. */
    void (*chunk_done)(void *context, uint64_t offset, const uint8_t *bytes, size_t size);
};

struct compact_decoder {
    struct record_tap tap; /* first: the tap is the decoder */
    struct codec codec;
    struct decoder_user user;
    void *context;
    const struct trace_chunk **ended; /* for each stream: its chunk that was read to the end */
    uint64_t position;                /* in the file: of the block that is being read */
    uint64_t stamps; /* entry of that column: 4 * records before it comes, + 2 T + 1 F */
    bool stamps_known;
    bool literal; /* the record that was put last is one that codec_follow looks at */
    bool over;    /* nothing more is read */
};

/* False when out of memory; release it in any case.  The reader is borrowed; its tap is set. */
bool compact_decoder_init(struct compact_decoder *decoder, struct trace_reader *reader,
                          const struct decoder_user *user, void *context);
void compact_decoder_release(struct compact_decoder *decoder);

#endif
