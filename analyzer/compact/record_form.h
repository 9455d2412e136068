/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hot record of an allocation or a release: what the recorder writes for it, given the state of
 * the stream.  The compact form does not hold the bytes of such a record if they are these.
 */
#ifndef VMTRACE_COMPACT_RECORD_FORM_H
#define VMTRACE_COMPACT_RECORD_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/stream_decoder.h"

#define RECORD_FORM_MAX 96

struct record_form {
    uint8_t kind, subkind, alignment_log2;
    bool timed, faulted; /* whether it has the T and F fields */
    uint64_t delta;      /* T */
    uint64_t minor, major;
    uint64_t address, size;
    uint32_t node; /* of an allocation */
};

static inline bool record_form_allocates(uint8_t kind)
{
    return (kind >= VMT_MALLOC && kind <= VMT_NEW_ARRAY) || kind == VMT_ALLOC_OTHER;
}

static inline bool record_form_releases(uint8_t kind)
{
    return kind == VMT_FREE || (kind >= VMT_DELETE && kind <= VMT_REALLOC_BEGIN) ||
           kind == VMT_FREE_OTHER;
}

/* Writes the record to `out`; its length.  `slots` and `last_address` are the stream's before it.
 */
size_t record_form_write(const struct record_form *form, const struct decoder_slot *slots,
                         uint64_t last_address, uint8_t out[RECORD_FORM_MAX]);

#endif
