/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/finding.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "gate/finding_draft.h"
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

const char *finding_set_copy(struct finding_set *set, const char *text, bool *failed)
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
        frame->function = finding_set_copy(set, frame->function, failed);
        frame->linkage = finding_set_copy(set, frame->linkage, failed);
        frame->file = finding_set_copy(set, frame->file, failed);
        frame->module = finding_set_copy(set, frame->module, failed);
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

static void draft_hash(struct finding_draft *draft)
{
    uint64_t hash = hash_text(FNV_BASIS, draft->finding.rule);
    hash = hash_report_stack(hash, draft->stack);
    hash = hash_report_stack(hash, draft->allocated);
    draft->hash = hash_report_stack(hash, draft->freed);
}

static bool draft_is(const struct finding_draft *draft, const struct finding *finding)
{
    return strcmp(draft->finding.rule, finding->rule) == 0 &&
           same_stack(&finding->stack, draft->stack) &&
           same_stack(&finding->allocated, draft->allocated) &&
           same_stack(&finding->freed, draft->freed);
}

/* The finding that the draft repeats; two that only share a hash are kept apart by probing. */
static struct finding *find(struct finding_set *set, struct finding_draft *draft)
{
    uint32_t found;
    while ((found = hash_map_get(&set->index, draft->hash)) != HASH_MAP_NONE) {
        if (draft_is(draft, &set->findings[found]))
            return &set->findings[found];
        draft->hash++;
    }
    return NULL;
}

static struct finding *append(struct finding_set *set, const struct finding_draft *draft)
{
    bool failed = false;
    if (set->count >= HASH_MAP_NONE ||
        !grow((void **)&set->findings, set->count, &set->room, sizeof(*set->findings)))
        return NULL;
    struct finding *finding = &set->findings[set->count];
    *finding = draft->finding;
    finding->bytes = finding->blocks = finding->indirect_bytes = 0;
    finding->count = 0;
    finding->rule = finding_set_copy(set, finding->rule, &failed);
    finding->detail = finding_set_copy(set, finding->detail, &failed);
    finding->hint = finding_set_copy(set, finding->hint, &failed);
    finding->allocator = finding_set_copy(set, finding->allocator, &failed);
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

bool finding_set_merge(struct finding_set *set, struct finding_draft *draft)
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

struct finding_process *finding_set_process(struct finding_set *set)
{
    if (set->process_count >= UINT32_MAX || !grow((void **)&set->processes, set->process_count,
                                                  &set->process_room, sizeof(*set->processes)))
        return NULL;
    struct finding_process *process = &set->processes[set->process_count++];
    *process = (struct finding_process){.exit_status = -1, .count = 1};
    return process;
}

bool finding_set_add_unread(struct finding_set *set, uint32_t pid, const char *path, bool is_trace,
                            const char *why)
{
    bool failed = false;
    struct finding_process *process = finding_set_process(set);
    if (!process)
        return false;
    process->pid = pid;
    process->unread = true;
    process->end = REPORT_END_KILLED;
    process->trace = finding_set_copy(set, is_trace ? path : NULL, &failed);
    process->command = finding_set_copy(set, path, &failed);
    process->unchecked = finding_set_copy(set, why, &failed);
    return !failed;
}

struct finding_untraced *finding_set_untraced(struct finding_set *set)
{
    if (!grow((void **)&set->untraced, set->untraced_count, &set->untraced_room,
              sizeof(*set->untraced)))
        return NULL;
    return &set->untraced[set->untraced_count++];
}

bool finding_set_add_untraced(struct finding_set *set, uint32_t pid, const char *command,
                              const char *reason)
{
    bool failed = false;
    struct finding_untraced *untraced = finding_set_untraced(set);
    if (!untraced)
        return false;
    *untraced = (struct finding_untraced){.pid = pid,
                                          .path = finding_set_copy(set, command, &failed),
                                          .reason = finding_set_copy(set, reason, &failed),
                                          .count = 1};
    return !failed;
}
