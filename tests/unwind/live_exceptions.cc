/* SPDX-License-Identifier: Apache-2.0 */
#include "live_probe.h"

namespace
{
struct Unwound {
    int budget;
    ~Unwound()
    {
        if (live_random(2))
            visit(budget);
        probe();
    }
};

__attribute__((noinline)) void thrower(int levels, int budget)
{
    Unwound guard{budget - 2};
    if (levels == 0)
        throw budget;
    thrower(levels - 1, budget - 1);
    probe();
}
} /* namespace */

extern "C" void shape_exception(int budget)
{
    try {
        thrower(static_cast<int>(live_random(4)), budget);
    } catch (int thrown) {
        probe();
        visit(thrown - 3);
    }
}
