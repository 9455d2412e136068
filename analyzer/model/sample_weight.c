/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sample_weight.h"

#include <math.h>

#define SAMPLE_SIGMAS 1.959964 /* of a normal distribution: 95 % */
#define SAMPLE_NONE 2.995732   /* -ln 0.05 */

struct sample_weight sample_weight_of(uint64_t interval, uint64_t size)
{
    double bytes = (double)size;
    double points = (size ? bytes : 1) / (double)interval; /* expected in the block */
    double chance = -expm1(-points);
    double variance = exp(-points) / (chance * chance);
    return (struct sample_weight){
        .bytes = (uint64_t)(bytes / chance * (double)SAMPLE_SCALE + 0.5),
        .blocks = (uint64_t)((double)SAMPLE_SCALE / chance + 0.5),
        .variance = {variance * bytes * bytes, variance},
    };
}

uint64_t sample_margin(uint64_t interval, double variance, uint64_t samples)
{
    if (samples == 0)
        return (uint64_t)(SAMPLE_NONE * (double)interval + 0.5);
    /* A rest of rounding may be below 0. */
    return variance > 0 ? (uint64_t)(SAMPLE_SIGMAS * sqrt(variance) + 0.5) : 0;
}
