/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the fault model: what lies at an address. */
#ifndef VMTRACE_MODEL_FAULT_OWNER_H
#define VMTRACE_MODEL_FAULT_OWNER_H

#include "model/fault_model.h"

struct fault_place {
    struct fault_target target;
    uint64_t start, end; /* of the block, mapping or stack; start = end: none of these */
    uint32_t birth;      /* of a large block: its moment; else 0 */
    uint64_t bias;       /* files: offset - address */
    bool shared;         /* with other processes: never copied */
};

/* Now, by what is live. */
void fault_owner_find(const struct fault_model *faults, uint64_t address,
                      struct fault_place *place);

/* A block that was released at `ticks` or later; false if none covers the address. */
bool fault_owner_released(const struct fault_model *faults, uint64_t address, uint64_t ticks,
                          struct fault_place *place);

/* Whether the page at `address` holds a part of the block that begins at `start`, or of what the
 * allocator keeps on either side of it; then it is that block's. */
bool fault_owner_allocated(const struct fault_model *faults, uint64_t address, uint64_t start,
                           struct fault_place *place);

#endif
