/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Details of page faults, as FAULTS records tell them (docs/trace-format.md, "Page faults").
 *
 * They are decoded while the record is read, whether somebody looks at them or not: later records
 * depend on what each leaves in the slots.  The list lives until the stream's next event.
 */
#ifndef VMTRACE_DECODE_FAULT_DETAILS_H
#define VMTRACE_DECODE_FAULT_DETAILS_H

#include <stddef.h>
#include <stdint.h>

#include <vmtrace/trace_format.h>

struct fault_detail {
    uint64_t code;    /* address of the instruction; 0: not known */
    uint64_t address; /* that was touched */
    uint32_t node;    /* the stream's number of its stack; meaningless without VMT_FAULT_STACK */
    uint32_t bits;    /* VMT_FAULT_MAJOR, _KERNEL, _STACK */
};

struct fault_slot {
    uint64_t code, address;
};

/* One stream's; all zero but for `details` and `capacity` when a chunk begins. */
struct fault_decoder {
    struct fault_slot slots[VMT_FAULT_SLOTS];
    uint64_t last_code, last_address;
    uint32_t next; /* slot that is filled next */
    struct fault_detail *details;
    size_t count, capacity;
};

/* A chunk begins. */
void fault_decoder_reset(struct fault_decoder *faults);
void fault_decoder_release(struct fault_decoder *faults);

struct stream_decoder;

enum fault_result { FAULT_DETAILS, FAULT_MALFORMED, FAULT_NO_MEMORY };

/* Reads all from the cursor to `end`, which is the payload's. */
enum fault_result fault_details_read(struct stream_decoder *decoder, const uint8_t *end);

#endif
