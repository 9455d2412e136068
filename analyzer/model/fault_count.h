/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the fault model: one fault whose owner is known. */
#ifndef VMTRACE_MODEL_FAULT_COUNT_H
#define VMTRACE_MODEL_FAULT_COUNT_H

#include "model/fault_model.h"
#include "model/fault_owner.h"

/* Both: false when out of memory. */
bool fault_count(struct fault_model *faults, const struct fault_seen *seen,
                 const struct fault_place *place, bool inferred);

/* `lost` minor faults came before `first`, after which `second` was touched.  *inferred is how many
 * of them must have been pages of the same walk, which went on from `before` at the furthest. */
bool fault_count_gap(struct fault_model *faults, uint64_t before, const struct fault_seen *first,
                     uint64_t second, uint64_t lost, uint64_t *inferred);

#endif
