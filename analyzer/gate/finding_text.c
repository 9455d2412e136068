/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding is called, for people. */
#include "gate/finding.h"
#include "gate/finding_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct report_frame *finding_place(const struct finding_stack *stack)
{
    const struct report_frame *lined = NULL, *own = NULL;
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        bool has_line = frame->file && frame->line > 0;
        if (frame->application && !frame->allocator && has_line)
            return frame;
        if (has_line && !frame->allocator && !lined)
            lined = frame;
        if (frame->application && !frame->allocator && !own)
            own = frame;
    }
    return own ? own : lined;
}

const char *finding_process_name(const struct finding_process *process)
{
    const char *command = process->command && *process->command ? process->command
                          : process->exe                        ? process->exe
                                                                : "process";
    size_t first = process->argc ? strlen(process->argv[0]) : strlen(command);
    const char *name = command + strnlen(command, first);
    while (name > command && name[-1] != '/')
        name--;
    return name;
}

static const char *class_words(enum report_leak_class class, bool many)
{
    switch (class) {
    case REPORT_LEAK_DEFINITE:
        return many ? "are definitely lost" : "is definitely lost";
    case REPORT_LEAK_INDIRECT:
        return many ? "are lost with another block" : "is lost with another block";
    case REPORT_LEAK_POSSIBLE:
        return many ? "are possibly lost" : "is possibly lost";
    case REPORT_LEAK_REACHABLE:
        return many ? "are still reachable" : "is still reachable";
    case REPORT_LEAK_UNSCANNED:
        break;
    }
    return many ? "were not freed" : "was not freed";
}

char *finding_message(struct arena *arena, const struct finding *finding)
{
    const struct report_frame *frame = finding_place(&finding->stack);
    const char *by = frame && frame->function ? frame->function : NULL;
    if (frame && !by && frame->module) {
        size_t length;
        const char *module = finding_module(frame->module, &length);
        by = arena_printf(arena, "%.*s+0x%" PRIx64, (int)length, module, frame->offset);
    }
    const struct finding_rule *rule = finding_rule_find(finding->rule);
    if (finding->kind != FINDING_LEAK)
        return arena_printf(arena, "%s%s%s%s%s", rule ? rule->words : finding->rule,
                            by ? " in " : "", by ? by : "", finding->detail ? ": " : "",
                            finding->detail ? finding->detail : "");
    char also[64] = "";
    if (finding->indirect_bytes)
        snprintf(also, sizeof(also), " (and %" PRIu64 " bytes that hang on %s)",
                 finding->indirect_bytes, finding->blocks == 1 ? "it" : "them");
    return arena_printf(arena, "%" PRIu64 " byte%s in %" PRIu64 " block%s %s%s%s%s", finding->bytes,
                        finding->bytes == 1 ? "" : "s", finding->blocks,
                        finding->blocks == 1 ? "" : "s",
                        class_words(finding->class, finding->blocks != 1), also,
                        by ? ", allocated by " : "", by ? by : "");
}
