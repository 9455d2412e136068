/* SPDX-License-Identifier: Apache-2.0 */
/* Inside gate/: how a set of findings is filled. */
#ifndef VMTRACE_GATE_FINDING_DRAFT_H
#define VMTRACE_GATE_FINDING_DRAFT_H

#include "gate/finding.h"

/* A finding with its stacks where they stand in the report. */
struct finding_draft {
    struct finding finding;
    const struct report_stack *stack, *allocated, *freed;
    uint64_t hash; /* finding_set_merge sets it */
};

/* Adds it to the finding that it repeats, or as a new one; the newest process has it.  False when
 * out of memory. */
bool finding_set_merge(struct finding_set *set, struct finding_draft *draft);

/* A new entry of the set, which the caller fills; NULL when out of memory. */
struct finding_untraced *finding_set_untraced(struct finding_set *set);

/* The set's copy of an optional string; *failed when out of memory. */
const char *finding_set_copy(struct finding_set *set, const char *text, bool *failed);

#endif
