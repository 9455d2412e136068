/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to columns: the tap of a reader of a raw trace, which is then read through a merge.
 *
 * After each event the user looks whether the columns are full, and if so packs them and sets
 * codec.quiet to 0.
 */
#ifndef VMTRACE_COMPACT_COMPACT_ENCODER_H
#define VMTRACE_COMPACT_COMPACT_ENCODER_H

#include "compact/codec.h"
#include "decode/record_tap.h"
#include "reader/trace_reader.h"

/* A stream as it was before the record that the decoder has just read. */
struct encoder_stream {
    struct decoder_slot slots[VMT_SLOTS];
    uint64_t last_address;
};

struct compact_encoder {
    struct record_tap tap; /* first: the tap is the encoder */
    struct codec codec;
    struct encoder_stream **streams; /* NULL: not begun */
    size_t stream_count;
};

/* False when out of memory; release it in any case.  The reader is borrowed; its tap is set. */
bool compact_encoder_init(struct compact_encoder *encoder, struct trace_reader *reader);
void compact_encoder_release(struct compact_encoder *encoder);

#endif
