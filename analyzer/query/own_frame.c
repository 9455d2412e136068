/* SPDX-License-Identifier: Apache-2.0 */
#include "query/own_frame.h"

size_t own_frame_index(const struct report_stack *stack)
{
    size_t own = stack->count;
    for (size_t i = 0; i < stack->count; i++) {
        if (!stack->frames[i].application)
            continue;
        if (!stack->frames[i].allocator)
            return i;
        if (own == stack->count)
            own = i;
    }
    return own;
}

const struct report_frame *own_frame(const struct report_stack *stack)
{
    if (stack == NULL || stack->count == 0)
        return NULL;
    size_t own = own_frame_index(stack);
    return &stack->frames[own < stack->count ? own : 0];
}
