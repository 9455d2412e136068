/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/finding_group.h"
#include "base/fnv.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *left, const void *right)
{
    const struct finding *const *a = left, *const *b = right;
    return strcmp((*a)->key, (*b)->key);
}

bool finding_tally_find(struct finding_set *set, struct finding *finding)
{
    uint64_t hash = fnv_add(FNV_BASIS, finding->key, strlen(finding->key));
    uint32_t found;
    for (; (found = hash_map_get(&set->keys, hash)) != HASH_MAP_NONE; hash++)
        if (strcmp(set->findings[found].key, finding->key) == 0) {
            finding->tally = set->findings[found].tally;
            return true;
        }
    finding->tally = arena_alloc(set->arena, sizeof(*finding->tally));
    return finding->tally && hash_map_put(&set->keys, hash, (uint32_t)(finding - set->findings));
}

void finding_tally_add(struct finding_tally *tally, const struct finding *more, uint32_t process)
{
    if (tally->process != process)
        tally->newest_bytes = tally->newest_blocks = 0;
    tally->process = process;
    tally->newest_bytes += more->bytes;
    tally->newest_blocks += more->kind == FINDING_LEAK ? more->blocks : more->count;
    if (tally->newest_bytes > tally->worst_bytes)
        tally->worst_bytes = tally->newest_bytes;
    if (tally->newest_blocks > tally->worst_blocks)
        tally->worst_blocks = tally->newest_blocks;
}

bool finding_group_list(const struct finding_set *set, struct finding_group **groups, size_t *count)
{
    struct finding **list = calloc(set->count + 1, sizeof(struct finding *));
    *groups = calloc(set->count + 1, sizeof(**groups));
    *count = 0;
    if (!list || !*groups) {
        free(list);
        return false;
    }
    (*groups)[0].findings = list; /* one list for all */
    for (size_t i = 0; i < set->count; i++)
        list[i] = &set->findings[i];
    qsort(list, set->count, sizeof(struct finding *), compare_keys);
    for (size_t i = 0; i < set->count; i++) {
        if (i == 0 || strcmp(list[i - 1]->key, list[i]->key) != 0)
            (*groups)[(*count)++] = (struct finding_group){.key = list[i]->key,
                                                           .findings = &list[i],
                                                           .blocks = list[i]->tally->worst_blocks,
                                                           .bytes = list[i]->tally->worst_bytes};
        (*groups)[*count - 1].count++;
    }
    return true;
}

void finding_group_release(struct finding_group *groups)
{
    if (groups)
        free(groups[0].findings);
    free(groups);
}
