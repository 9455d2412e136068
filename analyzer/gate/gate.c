/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate.h"

#include <string.h>

/* "libfoo.so" is a binary's name with or without its version, "src/" a part of a path. */
static bool matches(const char *path, const char *wanted)
{
    if (!path)
        return false;
    if (strchr(wanted, '/'))
        return strstr(path, wanted) != NULL;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(wanted);
    return strncmp(name, wanted, length) == 0 &&
           (name[length] == '\0' || strncmp(name + length, ".so", 3) == 0 ||
            (length > 3 && strcmp(wanted + length - 3, ".so") == 0 && name[length] == '.'));
}

static bool stack_is_in(const struct finding_stack *stack, const struct gate *gate)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        for (size_t j = 0; j < gate->only_count; j++)
            if (matches(frame->module, gate->only[j]) || matches(frame->file, gate->only[j]))
                return true;
    }
    return false;
}

static bool concerns(const struct gate *gate, const struct finding *finding)
{
    if (finding->state == FINDING_KNOWN)
        return false;
    if (gate->only_count && finding->kind != FINDING_GROWTH &&
        !stack_is_in(&finding->stack, gate) && !stack_is_in(&finding->allocated, gate) &&
        !stack_is_in(&finding->freed, gate))
        return false;
    switch (finding->kind) {
    case FINDING_LEAK:
        return gate->classes >> finding->class & 1;
    case FINDING_ERROR:
        return gate->errors;
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
    uint64_t leaked = 0;
    bool tripped = false;
    for (size_t i = 0; i < set->count; i++) {
        struct finding *finding = &set->findings[i];
        finding->fatal = concerns(gate, finding);
        if (finding->fatal && finding->kind == FINDING_LEAK)
            leaked += finding->bytes;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct finding *finding = &set->findings[i];
        if (finding->kind == FINDING_LEAK && leaked < gate->threshold)
            finding->fatal = false;
        tripped |= finding->fatal;
    }
    return tripped ? GATE_TRIPPED : is_judged(gate, set) ? GATE_PASSED : GATE_UNJUDGED;
}
