/* SPDX-License-Identifier: Apache-2.0 */
/* Live blocks by site and class. */
#ifndef VMTRACE_QUERY_LEAK_SUMS_H
#define VMTRACE_QUERY_LEAK_SUMS_H

#include "query/report_build.h"

#define LEAK_CLASSES (REPORT_LEAK_UNSCANNED + 1)

struct leak_sum {
    uint64_t bytes, blocks; /* of heap sites sums of weights */
    uint64_t recorded;
    uint32_t oldest, newest; /* eras; meaningless without a block */
    struct sample_variance variance;
    uint64_t indirect_bytes, indirect_blocks; /* of DEFINITE: weights of those that hang on them */
};

struct leak_sums {
    struct leak_sum (*sites)[LEAK_CLASSES]; /* by site */
    struct reach_sum *eras;                 /* definite and indirect, allocated before an era */
};

/* False when out of memory. */
bool leak_sums_init(struct leak_sums *sums, const struct trace_model *model);
void leak_sums_release(struct leak_sums *sums);

/* Whether what the judging scan found to be lost is so for sure. */
bool leak_sums_certain(const struct trace_model *model);

/* Block number `index` of the graph if it is still live, or NULL. */
const struct live_block *leak_sums_still_live(const struct trace_model *model, size_t index);

/* report_objects.c: fills in the leaks' objects, if they are asked for.  False when out of memory.
 */
bool report_list_objects(struct report_build *build, struct report_leak *leaks);

/* What a class of the model is called in the report. */
enum report_leak_class leak_class(const struct trace_model *model, enum reach_class class);

#endif
