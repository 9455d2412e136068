/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of findings and processes when the last report is in. */
#include <stdlib.h>
#include <string.h>

#include "gate/finding.h"

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
            process->unchecked = "the program that took its place left no trace (static, setuid, "
                                 "or without LD_PRELOAD)";
    }
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
        uint64_t hash = finding_hash(FINDING_HASH_BASIS, list[i]->key, strlen(list[i]->key) + 1);
        list[i]->fingerprint = finding_hash(hash, &number, sizeof(number));
    }
    free(list);
    return true;
}

bool finding_set_finish(struct finding_set *set)
{
    hash_map_release(&set->index); /* it holds places of before */
    set->index = (struct hash_map){0};
    if (set->count)
        qsort(set->findings, set->count, sizeof(*set->findings), compare);
    return set_fingerprints(set) && find_untraced(set);
}
