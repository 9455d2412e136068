// SPDX-License-Identifier: Apache-2.0
#include "stack_shapes.h"

namespace
{
struct Guard {
    ~Guard()
    {
        shape_block(); // while the stack is being unwound
        SHAPE_END();
    }
};

SHAPE void thrower(int levels)
{
    Guard guard;
    if (levels == 0)
        throw levels;
    thrower(levels - 1);
    SHAPE_END();
}

SHAPE void after_catch()
{
    shape_block();
    SHAPE_END();
}
} // namespace

void shape_exception()
{
    try {
        thrower(1);
    } catch (int) {
        after_catch();
    }
    SHAPE_END();
}
