/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to find, by the names that users filter by. */
#ifndef VMTRACE_GATE_FINDING_RULES_H
#define VMTRACE_GATE_FINDING_RULES_H

#include <stddef.h>

struct finding_rule {
    const char *id;          /* never renamed */
    const char *title;       /* "Block freed twice"; NULL for leaks */
    const char *words;       /* "a block is freed twice"; NULL for leaks */
    const char *description; /* a sentence */
};

/* All rules, in an order that stays; *position starts at 0, NULL at the end. */
const struct finding_rule *finding_rule_next(size_t *position);

/* NULL when there is none of that name. */
const struct finding_rule *finding_rule_find(const char *id);

#endif
