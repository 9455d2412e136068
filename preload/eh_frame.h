/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the frame description (FDE with its CIE) that covers a program counter, in
 * the .eh_frame of a mapped module.  Reads only memory of that module; no locks, no
 * allocation, async-signal-safe.
 */
#ifndef VMTRACE_EH_FRAME_H
#define VMTRACE_EH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "eh_cursor.h"
#include "modules.h"

struct eh_frame {
    uint64_t pc_start, pc_end;     /* code that the FDE describes: [pc_start, pc_end) */
    struct eh_cursor initial;      /* the CIE's call-frame instructions */
    struct eh_cursor instructions; /* the FDE's */
    uint64_t code_align;
    int64_t data_align;
    uint64_t return_register; /* DWARF number of the return-address column */
    uint8_t encoding;         /* of pointers in the FDE */
    bool signal;              /* augmentation 'S': the caller was interrupted */
};

/* False when no FDE covers `pc`, or when it cannot be understood. */
bool eh_frame_find(const struct module *module, uint64_t pc, struct eh_frame *frame);

#endif
