/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How details of page faults are told shortly (FAULTS in trace_format.h): code that faulted before
 * is named by a slot, and an address by its distance from the page after that code's last one.
 */
#ifndef VMTRACE_FAULT_CODES_H
#define VMTRACE_FAULT_CODES_H

#include "vmtrace/trace_format.h"

#include <stdint.h>

/* All zero when a chunk begins. */
struct fault_codes {
    uint64_t code[VMT_FAULT_SLOTS], address[VMT_FAULT_SLOTS];
    uint64_t last_code, last_address;
    uint32_t next; /* slot to fill */
    uint32_t last; /* the one used last */
};

/* Most bytes that fault_codes_put writes. */
enum { FAULT_CODES_MOST = 30 };

/* Writes one detail with `bits` (VMT_FAULT_*) but for its stack; the end of it. */
uint8_t *fault_codes_put(struct fault_codes *codes, uint8_t *out, unsigned bits, uint64_t code,
                         uint64_t address);

#endif
