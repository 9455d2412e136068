/* SPDX-License-Identifier: Apache-2.0 */
/* Inside query/: codes, targets and pairs of faults while they are put together by what people see
 * of them: one line of source, one variable, one site. */
#ifndef VMTRACE_QUERY_FAULT_SUMS_H
#define VMTRACE_QUERY_FAULT_SUMS_H

#include "query/report_build.h"

struct fault_sum {
    uint32_t code, target; /* indexes */
    struct report_fault_counts counts;
};

struct fault_sums {
    struct report_build *build;
    struct report_fault_code *codes;
    size_t code_count, code_capacity;
    struct report_fault_target *targets;
    size_t target_count, target_capacity;
    struct fault_sum *pairs;
    size_t pair_count, pair_capacity;
    struct hash_map codes_by_key, targets_by_key, pairs_by_key;
    /* Of a forked child's copies, those that can be none: in [1] of blocks that it allocated. */
    uint64_t copies[2], no_copies[2], copies_seen[2];
};

/* Where in a binary the target lies; of no meaning for what is in none. */
enum fault_part { FAULT_PART_NONE, FAULT_PART_CODE, FAULT_PART_DATA, FAULT_PART_BSS };

/* fault_targets.c: what people see of a target of the model, which a pair of it touched.  False
 * when out of memory. */
bool fault_target_resolve(struct report_build *build, const struct fault_target *target,
                          uint32_t code, struct report_fault_target *out, enum fault_part *part);

/* fault_copies.c: whether the target is what a forked child has from its parent. */
bool fault_target_inherited(const struct trace_model *model, const struct fault_target *target);

/* fault_copies.c: before the first pair is added, and for each. */
void fault_copies_bound(struct fault_sums *sums);
void fault_copies_apply(struct fault_sums *sums, const struct fault_target *target,
                        struct report_fault_counts *counts);

/* fault_hints.c */
bool report_build_fault_hints(struct report_build *build);

#endif
