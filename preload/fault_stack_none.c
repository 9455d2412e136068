/* SPDX-License-Identifier: Apache-2.0 */
/* For machines without unwind rows. */
#include "fault_stack.h"

bool fault_stack_is_known(void)
{
    return false;
}

uint32_t fault_stack_unwind(const struct fault_ring *ring, uint64_t position,
                            const struct fault_sample *sample, uint64_t *pc, uint32_t depth,
                            bool *cut)
{
    (void)ring;
    (void)position;
    (void)depth;
    pc[0] = sample->code;
    *cut = true;
    return 1;
}
