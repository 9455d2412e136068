/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recorded block stands for in a sampled trace (file header, sample_interval).
 *
 * Horvitz and Thompson's estimator: a block that is recorded with the probability p stands for 1/p
 * blocks like it; whatever is summed so is right on average.  Blocks are chosen independently, so
 * the variance of a sum is the sum of the blocks' (1 - p) / p^2, times the square of what each
 * counts, over those that were recorded.  ("A generalization of sampling without replacement from a
 * finite universe", Journal of the American Statistical Association 47, 1952.)
 *
 * Weights are integers, so that what was added can be taken away again without a rest:
 * multiples of 1 / SAMPLE_SCALE in a sampled trace, plain counts in one that is not.
 */
#ifndef VMTRACE_MODEL_SAMPLE_WEIGHT_H
#define VMTRACE_MODEL_SAMPLE_WEIGHT_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_SCALE UINT64_C(1024)

struct sample_variance {
    double bytes, blocks; /* of estimates in bytes and in blocks, not scaled */
};

struct sample_weight {
    uint64_t bytes, blocks;
    struct sample_variance variance; /* zero in a trace that is not sampled */
};

/* That of one block in a trace whose interval is not 0. */
struct sample_weight sample_weight_of(uint64_t interval, uint64_t size);

static inline struct sample_weight sample_weigh(uint64_t interval, uint64_t size)
{
    if (interval)
        return sample_weight_of(interval, size);
    return (struct sample_weight){.bytes = size, .blocks = 1};
}

/* The figure that a sum of weights stands for. */
static inline uint64_t sample_estimate(uint64_t interval, uint64_t sum)
{
    return interval ? (sum + SAMPLE_SCALE / 2) / SAMPLE_SCALE : sum;
}

static inline void sample_variance_add(struct sample_variance *sum,
                                       const struct sample_weight *weight)
{
    sum->bytes += weight->variance.bytes;
    sum->blocks += weight->variance.blocks;
}

static inline void sample_variance_remove(struct sample_variance *sum,
                                          const struct sample_weight *weight)
{
    sum->bytes -= weight->variance.bytes;
    sum->blocks -= weight->variance.blocks;
}

/* Half the width of the 95 % interval around an estimate with this variance, one of `samples`
 * blocks.  Where there is none, the largest truth that would have been missed once in 20
 * times: as many bytes, and at most as many blocks, as without a point are that seldom. */
uint64_t sample_margin(uint64_t interval, double variance, uint64_t samples);

#endif
