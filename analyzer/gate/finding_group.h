/* SPDX-License-Identifier: Apache-2.0 */
/* Findings with one key: what an entry of a baseline stands for. */
#ifndef VMTRACE_GATE_FINDING_GROUP_H
#define VMTRACE_GATE_FINDING_GROUP_H

#include "gate/finding.h"

struct finding_group {
    const char *key;
    struct finding **findings; /* pointers into the set */
    size_t count;
    uint64_t blocks, bytes; /* the most in one process; of errors: how often, 0 */
};

/* Sets the tally of a finding that is at its place in the set and has its key.  False when out of
 * memory. */
bool finding_tally_find(struct finding_set *set, struct finding *finding);

/* What `more` adds to it, in the process of that index. */
void finding_tally_add(struct finding_tally *tally, const struct finding *more, uint32_t process);

/* All groups, by key.  False when out of memory; in any case release them. */
bool finding_group_list(const struct finding_set *set, struct finding_group **groups,
                        size_t *count);
void finding_group_release(struct finding_group *groups);

#endif
