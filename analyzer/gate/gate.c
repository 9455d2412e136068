/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate.h"

#include <string.h>

#include "gate/gate_only.h"

/* Of all its stacks the one that says most counts. */
static enum finding_whose judge_whose(struct gate_only *only, const struct finding *finding)
{
    const struct finding_stack *stacks[] = {&finding->stack, &finding->allocated, &finding->freed};
    enum finding_whose whose = FINDING_OTHERS;
    if (finding->kind == FINDING_GROWTH)
        return FINDING_MINE;
    for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        enum finding_whose one = gate_only_judge(only, stacks[i]);
        whose = one < whose ? one : whose;
    }
    return whose;
}

/* What a check of a whole build meets in make and sed. */
static enum finding_whose whose_by_default(const struct finding *finding)
{
    return finding->kind == FINDING_LEAK && gate_only_is_systems(&finding->stack) ? FINDING_SYSTEMS
                                                                                  : FINDING_MINE;
}

/* By abort() a program itself says that it failed.  Its status tells; where that does not count
 * somebody wanted it so, as death tests do. */
static bool is_own_decision(const struct finding *finding)
{
    return strcmp(finding->rule, "abort") == 0;
}

static bool concerns(const struct gate *gate, const struct finding *finding)
{
    if (finding->state == FINDING_KNOWN)
        return false;
    switch (finding->kind) {
    case FINDING_LEAK:
        return gate->classes >> finding->class & 1;
    case FINDING_ERROR:
        return gate->errors && !is_own_decision(finding);
    case FINDING_GROWTH:
        return gate->growth;
    }
    return false;
}

static bool is_judged(const struct gate *gate, const struct finding_set *set)
{
    size_t unchecked = 0, unread = 0;
    for (size_t i = 0; i < set->process_count; i++) {
        unchecked += set->processes[i].unchecked != NULL;
        unread += set->processes[i].unread;
    }
    if (unread && !gate->lenient)
        return false;
    size_t unjudged = gate->classes ? unchecked : unread;
    return gate->strict ? unjudged == 0 : unjudged < set->process_count;
}

enum gate_verdict gate_judge(const struct gate *gate, struct finding_set *set)
{
    struct gate_only *only = gate_only_new(gate->only, gate->only_count);
    uint64_t leaked = 0;
    bool tripped = false;
    if (!only)
        return GATE_UNJUDGED;
    for (size_t i = 0; i < set->count; i++) {
        struct finding *finding = &set->findings[i];
        finding->fatal = concerns(gate, finding);
        if (finding->fatal)
            finding->whose =
                gate->only_count ? judge_whose(only, finding) : whose_by_default(finding);
        finding->fatal &= finding->whose != FINDING_OTHERS;
        if (finding->fatal && finding->kind == FINDING_LEAK)
            leaked += finding->bytes;
    }
    gate_only_free(only);
    for (size_t i = 0; i < set->count; i++) {
        struct finding *finding = &set->findings[i];
        if (finding->kind == FINDING_LEAK && leaked < gate->threshold)
            finding->fatal = false;
        tripped |= finding->fatal;
    }
    set->unjudged = !tripped && !is_judged(gate, set);
    return tripped ? GATE_TRIPPED : set->unjudged ? GATE_UNJUDGED : GATE_PASSED;
}
