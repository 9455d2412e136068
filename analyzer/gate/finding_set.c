/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/finding.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "gate/finding_group.h"

bool finding_set_init(struct finding_set *set)
{
    *set = (struct finding_set){.arena = arena_new()};
    return set->arena != NULL;
}

void finding_set_release(struct finding_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->findings[i].processes);
    free(set->findings);
    free(set->processes);
    free(set->untraced);
    hash_map_release(&set->index);
    hash_map_release(&set->keys);
    arena_free(set->arena);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return fnv_add(hash, text ? text : "", (text ? strlen(text) : 0) + 1);
}

/* Makes room for one more of `size` bytes in a list of `count`.  False when out of memory. */
static bool grow(void **list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return true;
    size_t wanted = *room ? *room * 2 : 16;
    void *bigger = reallocarray(*list, wanted, size);
    if (!bigger)
        return false;
    *list = bigger;
    *room = wanted;
    return true;
}

/* The copy of an optional string; *failed when out of memory. */
static const char *copy(struct finding_set *set, const char *text, bool *failed)
{
    char *result = text ? arena_string(set->arena, text, strlen(text)) : NULL;
    *failed |= text && !result;
    return result;
}

static struct finding_stack copy_stack(struct finding_set *set, const struct report_stack *stack,
                                       bool *failed)
{
    struct finding_stack result = {0};
    if (!stack || !stack->count)
        return result;
    result.frames = arena_array(set->arena, stack->count, sizeof(*result.frames));
    if (!result.frames) {
        *failed = true;
        return result;
    }
    result.count = stack->count;
    result.cut = stack->cut;
    for (size_t i = 0; i < stack->count; i++) {
        struct report_frame *frame = &result.frames[i];
        *frame = stack->frames[i];
        frame->function = copy(set, frame->function, failed);
        frame->linkage = copy(set, frame->linkage, failed);
        frame->file = copy(set, frame->file, failed);
        frame->module = copy(set, frame->module, failed);
    }
    return result;
}

static uint64_t hash_stack(uint64_t hash, const struct report_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct report_frame *frame = &frames[i];
        hash = hash_text(hash, frame->module);
        if (frame->function) {
            hash = hash_text(hash, frame->function);
            hash = fnv_add(hash, &frame->line, sizeof(frame->line));
        } else if (frame->module) { /* without one it is a run-time address */
            hash = fnv_add(hash, &frame->offset, sizeof(frame->offset));
        }
    }
    return fnv_add(hash, &count, sizeof(count));
}

static uint64_t hash_report_stack(uint64_t hash, const struct report_stack *stack)
{
    return hash_stack(hash, stack ? stack->frames : NULL, stack ? stack->count : 0);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_stack(const struct finding_stack *a, const struct report_stack *b)
{
    if (a->count != (b ? b->count : 0))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct report_frame *left = &a->frames[i], *right = &b->frames[i];
        bool named = left->function || !left->module;
        if (!same_text(left->module, right->module) ||
            !same_text(left->function, right->function) ||
            (named ? left->line != right->line : left->offset != right->offset))
            return false;
    }
    return true;
}

/* A finding with its stacks where they stand in the report. */
struct draft {
    struct finding finding;
    const struct report_stack *stack, *allocated, *freed;
    uint64_t hash;
};

static void draft_hash(struct draft *draft)
{
    uint64_t hash = hash_text(FNV_BASIS, draft->finding.rule);
    hash = hash_report_stack(hash, draft->stack);
    hash = hash_report_stack(hash, draft->allocated);
    draft->hash = hash_report_stack(hash, draft->freed);
}

static bool draft_is(const struct draft *draft, const struct finding *finding)
{
    return strcmp(draft->finding.rule, finding->rule) == 0 &&
           same_stack(&finding->stack, draft->stack) &&
           same_stack(&finding->allocated, draft->allocated) &&
           same_stack(&finding->freed, draft->freed);
}

/* The finding that the draft repeats; two that only share a hash are kept apart by probing. */
static struct finding *find(struct finding_set *set, struct draft *draft)
{
    uint32_t found;
    while ((found = hash_map_get(&set->index, draft->hash)) != HASH_MAP_NONE) {
        if (draft_is(draft, &set->findings[found]))
            return &set->findings[found];
        draft->hash++;
    }
    return NULL;
}

static struct finding *append(struct finding_set *set, const struct draft *draft)
{
    bool failed = false;
    if (set->count >= HASH_MAP_NONE ||
        !grow((void **)&set->findings, set->count, &set->room, sizeof(*set->findings)))
        return NULL;
    struct finding *finding = &set->findings[set->count];
    *finding = draft->finding;
    finding->bytes = finding->blocks = finding->indirect_bytes = 0;
    finding->count = 0;
    finding->rule = copy(set, finding->rule, &failed);
    finding->detail = copy(set, finding->detail, &failed);
    finding->allocator = copy(set, finding->allocator, &failed);
    finding->stack = copy_stack(set, draft->stack, &failed);
    finding->allocated = copy_stack(set, draft->allocated, &failed);
    finding->freed = copy_stack(set, draft->freed, &failed);
    finding->key = failed ? NULL : finding_key(set->arena, finding);
    if (!finding->key || !finding_tally_find(set, finding) ||
        !hash_map_put(&set->index, draft->hash, (uint32_t)set->count))
        return NULL;
    set->count++;
    return finding;
}

/* The newest process has it, too. */
static bool add_process(struct finding_set *set, struct finding *finding)
{
    uint32_t process = (uint32_t)set->process_count - 1;
    if (finding->process_count && finding->processes[finding->process_count - 1] == process)
        return true;
    if (!grow((void **)&finding->processes, finding->process_count, &finding->process_room,
              sizeof(*finding->processes)))
        return false;
    finding->processes[finding->process_count++] = process;
    return true;
}

static bool add(struct finding_set *set, struct draft *draft)
{
    draft_hash(draft);
    const struct finding *more = &draft->finding;
    struct finding *finding = find(set, draft);
    if (!finding)
        finding = append(set, draft);
    if (!finding || !add_process(set, finding))
        return false;
    finding->bytes += more->bytes;
    finding->blocks += more->blocks;
    finding->indirect_bytes += more->indirect_bytes;
    finding->count += more->count;
    finding_tally_add(finding->tally, more, (uint32_t)set->process_count - 1);
    return true;
}

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
    struct draft draft = {
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
    return add(set, &draft);
}

static bool add_error(struct finding_set *set, const struct report_error *error)
{
    bool aborted = strcmp(error->kind, "abort") == 0; /* at no address */
    struct draft draft = {
        .finding = {.kind = FINDING_ERROR,
                    .rule = error->kind,
                    .detail = error->detail,
                    .address = aborted ? REPORT_UNKNOWN : error->address,
                    .count = error->count},
        .stack = error->stack,
        .allocated = error->allocated,
        .freed = error->freed,
    };
    return add(set, &draft);
}

static void copy_arguments(struct finding_set *set, struct finding_process *process,
                           const struct report *report, bool *failed)
{
    size_t length = 1;
    const char **argv = arena_array(set->arena, report->argc + 1, sizeof(*argv));
    for (size_t i = 0; argv && i < report->argc; i++) {
        argv[i] = copy(set, report->argv[i], failed);
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
    if (report->lost_events)
        return "a part of the recording was lost";
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
    struct draft draft = {.finding = {.kind = FINDING_GROWTH,
                                      .rule = "memory-growth",
                                      .detail = detail,
                                      .address = REPORT_UNKNOWN,
                                      .count = 1}};
    return detail && add(set, &draft);
}

static bool add_untraced(struct finding_set *set, const struct report *report)
{
    bool failed = false;
    for (size_t i = 0; !failed && i < report->untraced_count; i++) {
        const struct report_untraced *child = &report->untraced[i];
        if (!grow((void **)&set->untraced, set->untraced_count, &set->untraced_room,
                  sizeof(*set->untraced)))
            return false;
        set->untraced[set->untraced_count++] =
            (struct finding_untraced){.pid = child->pid,
                                      .ppid = report->pid,
                                      .path = copy(set, child->path, &failed),
                                      .reason = copy(set, child->reason, &failed),
                                      .start_ns = report->start_time_ns + child->t_ns,
                                      .count = child->count};
    }
    return !failed;
}

bool finding_set_add_running(struct finding_set *set, uint32_t pid, const char *command)
{
    bool failed = false;
    if (!grow((void **)&set->untraced, set->untraced_count, &set->untraced_room,
              sizeof(*set->untraced)))
        return false;
    set->untraced[set->untraced_count++] = (struct finding_untraced){
        .pid = pid, .path = copy(set, command, &failed), .reason = "it still runs", .count = 1};
    return !failed;
}

struct finding_process *finding_set_process(struct finding_set *set)
{
    if (set->process_count >= UINT32_MAX || !grow((void **)&set->processes, set->process_count,
                                                  &set->process_room, sizeof(*set->processes)))
        return NULL;
    struct finding_process *process = &set->processes[set->process_count++];
    *process = (struct finding_process){.exit_status = -1, .count = 1};
    return process;
}

bool finding_set_add(struct finding_set *set, const struct report *report)
{
    bool failed = false;
    struct finding_process *process = finding_set_process(set);
    if (!process)
        return false;
    process->pid = report->pid;
    process->ppid = report->ppid;
    process->exe = copy(set, report->exe, &failed);
    copy_arguments(set, process, report, &failed);
    process->trace = copy(set, report->trace_path, &failed);
    process->end = report->end;
    process->exit_status = report->exit_status;
    process->signal = report->signal;
    process->successor = copy(set, report->successor, &failed);
    process->start_ns = report->start_time_ns;
    process->duration_ns = report->duration_ns;
    process->allocations = report->allocations;
    process->bytes_allocated = report->bytes_allocated;
    process->frees = report->frees;
    process->live_bytes = report->live_bytes_at_end;
    process->live_blocks = report->live_blocks_at_end;
    process->unchecked = copy(set, why_unchecked(report), &failed);
    /* What lived when another program took the process over is nobody's leak. */
    size_t leaks = report->end == REPORT_END_EXEC ? 0 : report->leak_count;
    for (size_t i = 0; !failed && i < leaks; i++)
        failed = !add_leak(set, process, &report->leaks[i]);
    for (size_t i = 0; !failed && i < report->error_count; i++) {
        const struct report_error *error = &report->errors[i];
        process->suppressed += error->suppressed;
        /* A signal that the program handled is its own affair. */
        failed = !error->suppressed && !error->handled && !add_error(set, error);
    }
    return !failed && add_growth(set, report) && add_untraced(set, report);
}

bool finding_set_add_unread(struct finding_set *set, uint32_t pid, const char *trace,
                            const char *why)
{
    bool failed = false;
    struct finding_process *process = finding_set_process(set);
    if (!process)
        return false;
    process->pid = pid;
    process->unread = true;
    process->end = REPORT_END_KILLED;
    process->trace = copy(set, trace, &failed);
    process->command = copy(set, trace, &failed);
    process->unchecked = copy(set, why, &failed);
    return !failed;
}
