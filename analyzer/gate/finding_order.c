/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of findings and processes when the last report is in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "gate/finding.h"

/* How much older than its parent's word on it a child's trace may be: posix_spawn returns when the
 * child runs, and the times of two traces are not exactly comparable. */
#define CHILD_AHEAD_NS UINT64_C(1000000000)

static int compare_lines(const struct finding *a, const struct finding *b)
{
    for (size_t i = 0; i < a->stack.count && i < b->stack.count; i++)
        if (a->stack.frames[i].line != b->stack.frames[i].line)
            return a->stack.frames[i].line < b->stack.frames[i].line ? -1 : 1;
    return (a->stack.count > b->stack.count) - (a->stack.count < b->stack.count);
}

/* Errors before leaks, then by class and bytes, and else by what does not change between runs. */
static int compare(const void *left, const void *right)
{
    const struct finding *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind == FINDING_ERROR || b->kind == FINDING_GROWTH ? -1 : 1;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    int keys = strcmp(a->key, b->key);
    return keys ? keys : compare_lines(a, b);
}

static bool name_successor(struct finding_set *set, struct finding_process *process)
{
    const char *left = "the program that took its place left no trace";
    process->unchecked =
        process->successor ? arena_printf(set->arena, "%s: %s", left, process->successor) : left;
    return process->unchecked != NULL;
}

/* How several left no trace is told once.  `told`: path and reason -> process. */
static bool tell_untraced(struct finding_set *set, struct hash_map *told,
                          const struct finding_untraced *child)
{
    uint64_t hash = fnv_add(FNV_BASIS, child->path, strlen(child->path) + 1);
    hash = fnv_add(hash, child->reason, strlen(child->reason));
    uint32_t known = hash_map_get(told, hash);
    if (known != HASH_MAP_NONE) {
        set->processes[known].count += child->count;
        set->processes[known].pid = 0;
        return true;
    }
    struct finding_process *process = finding_set_process(set);
    if (!process)
        return false;
    process->pid = child->pid;
    process->ppid = child->ppid;
    process->start_ns = child->start_ns;
    process->end = REPORT_END_KILLED;
    process->command = child->path;
    process->count = child->count;
    process->unchecked = child->reason;
    return hash_map_put(told, hash, (uint32_t)set->process_count - 1);
}

/* One that runs on, of which its parent's trace tells, too. */
static bool is_repeated(const struct finding_untraced *child, const struct hash_map *started)
{
    return child->ppid == 0 && child->pid && hash_map_get(started, child->pid) != HASH_MAP_NONE;
}

static bool left_a_trace(const struct finding_set *set, const struct finding_untraced *child,
                         const struct hash_map *last)
{
    uint32_t other = child->pid ? hash_map_get(last, child->pid) : HASH_MAP_NONE;
    return other != HASH_MAP_NONE &&
           set->processes[other].start_ns + CHILD_AHEAD_NS >= child->start_ns;
}

/* Children that left no trace, unless they did after all. */
static bool add_untraced(struct finding_set *set, const struct hash_map *last)
{
    struct hash_map told = {0}, started = {0};
    size_t traced = set->process_count;
    bool good = true;
    for (uint32_t i = 0; good && i < set->untraced_count; i++)
        if (set->untraced[i].ppid)
            good = hash_map_put(&started, set->untraced[i].pid, i);
    for (size_t i = 0; good && i < set->untraced_count; i++) {
        const struct finding_untraced *child = &set->untraced[i];
        if (!is_repeated(child, &started) && !left_a_trace(set, child, last))
            good = tell_untraced(set, &told, child);
    }
    hash_map_release(&told);
    hash_map_release(&started);
    for (size_t i = traced; good && i < set->process_count; i++) {
        struct finding_process *process = &set->processes[i];
        process->unchecked = process->count == 1
                                 ? arena_printf(set->arena, "left no trace: %s", process->unchecked)
                                 : arena_printf(set->arena, "%" PRIu64 " of them left no trace: %s",
                                                process->count, process->unchecked);
        good = process->unchecked != NULL;
    }
    return good;
}

/* A process whose last trace ends with an exec went on as a program that cannot be traced, or that
 * was not told to be. */
static bool find_untraced(struct finding_set *set)
{
    struct hash_map last = {0}; /* pid -> its newest process */
    bool good = true;
    for (uint32_t i = 0; good && i < set->process_count; i++) {
        const struct finding_process *process = &set->processes[i];
        uint32_t other = hash_map_get(&last, process->pid);
        if (other == HASH_MAP_NONE || set->processes[other].start_ns <= process->start_ns)
            good = hash_map_put(&last, process->pid, i);
    }
    for (uint32_t i = 0; good && i < set->process_count; i++) {
        struct finding_process *process = &set->processes[i];
        if (process->end == REPORT_END_EXEC && hash_map_get(&last, process->pid) == i)
            good = name_successor(set, process);
    }
    good = good && add_untraced(set, &last);
    hash_map_release(&last);
    return good;
}

static int by_key(const void *left, const void *right)
{
    const struct finding *const *a = left, *const *b = right;
    int keys = strcmp((*a)->key, (*b)->key);
    return keys ? keys : compare_lines(*a, *b);
}

/* Findings with one key are numbered in the order of their lines: sums differ from run to run. */
static bool set_fingerprints(struct finding_set *set)
{
    struct finding **list = malloc((set->count + 1) * sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < set->count; i++)
        list[i] = &set->findings[i];
    qsort(list, set->count, sizeof(*list), by_key);
    uint32_t number = 0;
    for (size_t i = 0; i < set->count; i++) {
        number = i && strcmp(list[i - 1]->key, list[i]->key) == 0 ? number + 1 : 0;
        uint64_t hash = fnv_add(FNV_BASIS, list[i]->key, strlen(list[i]->key) + 1);
        list[i]->fingerprint = fnv_add(hash, &number, sizeof(number));
    }
    free(list);
    return true;
}

size_t finding_set_checked(const struct finding_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->process_count; i++)
        count += set->processes[i].unchecked == NULL;
    return count;
}

uint64_t finding_set_unchecked(const struct finding_set *set)
{
    uint64_t count = 0;
    for (size_t i = 0; i < set->process_count; i++)
        if (set->processes[i].unchecked)
            count += set->processes[i].count;
    return count;
}

bool finding_set_finish(struct finding_set *set)
{
    hash_map_release(&set->index); /* it holds places of before */
    hash_map_release(&set->keys);
    set->index = set->keys = (struct hash_map){0};
    if (set->count)
        qsort(set->findings, set->count, sizeof(*set->findings), compare);
    return set_fingerprints(set) && find_untraced(set);
}
