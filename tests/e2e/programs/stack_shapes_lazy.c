/* SPDX-License-Identifier: Apache-2.0 */
/* A library whose function is bound at its first call, by a resolver that calls back. */
#include "stack_shapes.h"

void (*lazy_hook)(void);

static double sum(double a, double b, double c, double d, double e, double f, double g, double h)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
}

static __attribute__((used)) double (*resolve_sum(void))(double, double, double, double, double,
                                                         double, double, double)
{
    if (lazy_hook)
        lazy_hook();
    SHAPE_END();
    return sum;
}

double lazy_sum(double a, double b, double c, double d, double e, double f, double g, double h)
    __attribute__((ifunc("resolve_sum")));
