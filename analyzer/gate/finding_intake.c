/* SPDX-License-Identifier: Apache-2.0 */
/* What a set of findings takes out of the report of one process. */
#include <string.h>

#include "gate/finding_draft.h"

const char *finding_leak_rule(enum report_leak_class class)
{
    static const char *const rules[] = {
        [REPORT_LEAK_DEFINITE] = "definite-leak",  [REPORT_LEAK_INDIRECT] = "indirect-leak",
        [REPORT_LEAK_POSSIBLE] = "possible-leak",  [REPORT_LEAK_REACHABLE] = "reachable-block",
        [REPORT_LEAK_UNSCANNED] = "unfreed-block",
    };
    return rules[class];
}

static bool add_leak(struct finding_set *set, struct finding_process *process,
                     const struct report_leak *leak)
{
    if (leak->pool) /* in blocks that are counted already */
        return true;
    if (leak->suppressed) {
        process->suppressed++;
        process->suppressed_bytes += leak->bytes;
        process->suppressed_blocks += leak->blocks;
        return true;
    }
    process->class_bytes[leak->class] += leak->bytes;
    process->class_blocks[leak->class] += leak->blocks;
    struct finding_draft draft = {
        .finding = {.kind = FINDING_LEAK,
                    .class = leak->class,
                    .rule = finding_leak_rule(leak->class),
                    .address = REPORT_UNKNOWN,
                    .bytes = leak->bytes,
                    .blocks = leak->blocks,
                    .indirect_bytes = leak->indirect_bytes,
                    .allocator = leak->site->kind},
        .stack = leak->site->stack,
    };
    return finding_set_merge(set, &draft);
}

static bool add_error(struct finding_set *set, const struct report_error *error)
{
    bool aborted = strcmp(error->kind, "abort") == 0; /* at no address */
    struct finding_draft draft = {
        .finding = {.kind = FINDING_ERROR,
                    .rule = error->kind,
                    .detail = error->detail,
                    .hint = error->hint,
                    .address = aborted ? REPORT_UNKNOWN : error->address,
                    .count = error->count},
        .stack = error->stack,
        .allocated = error->allocated,
        .freed = error->freed,
    };
    return finding_set_merge(set, &draft);
}

static void copy_arguments(struct finding_set *set, struct finding_process *process,
                           const struct report *report, bool *failed)
{
    size_t length = 1;
    const char **argv = arena_array(set->arena, report->argc + 1, sizeof(*argv));
    for (size_t i = 0; argv && i < report->argc; i++) {
        argv[i] = finding_set_copy(set, report->argv[i], failed);
        length += strlen(report->argv[i]) + 1;
    }
    char *text = arena_alloc(set->arena, length), *at = text;
    *failed |= !argv || !text;
    if (*failed)
        return;
    for (size_t i = 0; i < report->argc; i++)
        at = stpcpy(stpcpy(at, i ? " " : ""), argv[i]);
    process->command = text;
    process->argv = argv;
    process->argc = report->argc;
}

/* NULL: they can, or there is nothing to judge: a program that another one replaced had not
 * ended, a forked child may do nothing but start programs. */
static const char *why_unchecked(const struct report *report)
{
    if (report->loss)
        return report->loss;
    if (report->damage_count)
        return report->notes[0];
    if (report->end == REPORT_END_EXEC || report->idle || strcmp(report->scan, "complete") == 0)
        return NULL;
    if (strcmp(report->scan, "off") == 0)
        return "there was no scan for leaks";
    return report->scan + (strncmp(report->scan, "failed: ", 8) == 0 ? 8 : 0);
}

static bool add_growth(struct finding_set *set, const struct report *report)
{
    if (!report->memory || report->memory->trend.kind != REPORT_TREND_STEADY)
        return true;
    char *detail = arena_printf(set->arena, "%.0f bytes a second", report->memory->trend.slope);
    struct finding_draft draft = {.finding = {.kind = FINDING_GROWTH,
                                              .rule = "memory-growth",
                                              .detail = detail,
                                              .address = REPORT_UNKNOWN,
                                              .count = 1}};
    return detail && finding_set_merge(set, &draft);
}

static bool add_untraced(struct finding_set *set, const struct report *report)
{
    bool failed = false;
    for (size_t i = 0; !failed && i < report->untraced_count; i++) {
        const struct report_untraced *child = &report->untraced[i];
        struct finding_untraced *added = finding_set_untraced(set);
        if (!added)
            return false;
        *added = (struct finding_untraced){.pid = child->pid,
                                           .ppid = report->pid,
                                           .path = finding_set_copy(set, child->path, &failed),
                                           .reason = finding_set_copy(set, child->reason, &failed),
                                           .start_ns = report->start_time_ns + child->t_ns,
                                           .count = child->count};
    }
    return !failed;
}

/* By a process that still runs, or did until it was killed, for all that is known. */
static bool is_in_use(const struct report *report, const struct report_leak *leak)
{
    return (report->end == REPORT_END_RUNNING || report->end == REPORT_END_KILLED) &&
           leak->class == REPORT_LEAK_UNSCANNED;
}

bool finding_set_add(struct finding_set *set, const struct report *report)
{
    bool failed = false;
    struct finding_process *process = finding_set_process(set);
    if (!process)
        return false;
    process->pid = report->pid;
    process->ppid = report->ppid;
    process->exe = finding_set_copy(set, report->exe, &failed);
    copy_arguments(set, process, report, &failed);
    process->trace = finding_set_copy(set, report->trace_path, &failed);
    if (report->inherited.taken)
        process->parent_trace = finding_set_copy(set, report->inherited.trace, &failed);
    process->end = report->end;
    process->exit_status = report->exit_status;
    process->signal = report->signal;
    process->successor = finding_set_copy(set, report->successor, &failed);
    process->start_ns = report->start_time_ns;
    process->duration_ns = report->duration_ns;
    process->allocations = report->allocations;
    process->bytes_allocated = report->bytes_allocated;
    process->frees = report->frees;
    process->live_bytes = report->live_bytes_at_end;
    process->live_blocks = report->live_blocks_at_end;
    process->unchecked = finding_set_copy(set, why_unchecked(report), &failed);
    /* What lived when another program took the process over is nobody's leak. */
    size_t leaks = report->end == REPORT_END_EXEC ? 0 : report->leak_count;
    for (size_t i = 0; !failed && i < leaks; i++)
        if (!is_in_use(report, &report->leaks[i]))
            failed = !add_leak(set, process, &report->leaks[i]);
    for (size_t i = 0; !failed && i < report->error_count; i++) {
        const struct report_error *error = &report->errors[i];
        process->suppressed += error->suppressed;
        /* A signal that the program handled is its own affair. */
        failed = !error->suppressed && !error->handled && !add_error(set, error);
    }
    return !failed && add_growth(set, report) && add_untraced(set, report);
}
