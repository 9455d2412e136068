/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who looks over a decoder's shoulder: the compact form is written by one tap and read by another.
 *
 * Records of all streams pass in one order, the same whenever a trace is read: the next record is
 * that of the stream whose clock is smallest, of several the one with the smallest number
 * (decode/merge.h).  Compact files depend on that.
 */
#ifndef VMTRACE_DECODE_RECORD_TAP_H
#define VMTRACE_DECODE_RECORD_TAP_H

#include "decode/event.h"

struct stream_decoder;

struct record_tap {
    /* There is no record at the cursor, or the chunk ends there.  True: now there is one, or
     * something that is to be looked at as one.  False: the chunk is over. */
    bool (*more)(struct record_tap *tap, struct stream_decoder *decoder);

    /* The bytes from `record` to the cursor were an event.  NULL: they were no record, and the
     * chunk is over. */
    void (*seen)(struct record_tap *tap, struct stream_decoder *decoder, const uint8_t *record,
                 const struct event *event);

    bool no_memory; /* set by the tap, which then answers false: the reading ends */
};

#endif
