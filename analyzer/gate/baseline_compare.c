/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings against a baseline: first by their keys, then what is left by likeness.
 *
 * Optimizers leave frames out that no debug information brings back (tail calls), and of blocks
 * that are lost together it may be another one that the others hang on.  So a leak that is new, or
 * more than its entry says, is still known where other entries have as many blocks left over
 * that did not occur, of the same size, no less lost, and with the same functions but for some that
 * only one of the two has.
 */
#include <stdlib.h>
#include <string.h>

#include "gate/baseline.h"
#include "gate/finding_group.h"
#include "gate/key_likeness.h"

/* Lengths of names and paths in blocks differ from run to run. */
#define SLACK_BYTES 1024
#define SLACK_PART 4

static struct baseline_entry *find_entry(const struct baseline *baseline, const char *key)
{
    struct baseline_entry wanted = {.key = key};
    if (baseline->count == 0)
        return NULL;
    return bsearch(&wanted, baseline->entries, baseline->count, sizeof(*baseline->entries),
                   baseline_by_key);
}

static void use(struct baseline_entry *entry, uint64_t blocks)
{
    entry->seen = true;
    entry->used += blocks;
}

/* By more than lengths of names and paths. */
static bool is_larger(const struct baseline_entry *entry, uint64_t bytes)
{
    return bytes > entry->bytes && bytes - entry->bytes > entry->bytes / SLACK_PART + SLACK_BYTES;
}

static enum finding_state judge(struct baseline_entry *entry, uint64_t blocks, uint64_t bytes)
{
    if (!entry)
        return FINDING_NEW;
    use(entry, blocks < entry->blocks ? blocks : entry->blocks);
    return blocks > entry->blocks || is_larger(entry, bytes) ? FINDING_GROWN : FINDING_KNOWN;
}

/* What an entry has left over. */
struct spare {
    struct baseline_entry *entry;
    struct key_sketch sketch;
};

/* By size of a block on average, which is rarely the same; then as in the baseline. */
struct spares {
    struct spare *list;
    size_t count;
};

/* Of the sizes on average. */
static int compare_sizes(uint64_t bytes, uint64_t blocks, uint64_t other_bytes,
                         uint64_t other_blocks)
{
    unsigned __int128 one = (unsigned __int128)bytes * other_blocks;
    unsigned __int128 other = (unsigned __int128)other_bytes * blocks;
    return one < other ? -1 : one > other;
}

static int compare_spares(const void *left, const void *right)
{
    const struct baseline_entry *a = ((const struct spare *)left)->entry,
                                *b = ((const struct spare *)right)->entry;
    int order = compare_sizes(a->bytes, a->blocks, b->bytes, b->blocks);
    return order ? order : a < b ? -1 : a > b;
}

/* False when out of memory. */
static bool spares_init(struct spares *spares, struct baseline *baseline)
{
    *spares = (struct spares){.list = calloc(baseline->count + 1, sizeof(*spares->list))};
    if (!spares->list)
        return false;
    for (size_t i = 0; i < baseline->count; i++) {
        struct baseline_entry *entry = &baseline->entries[i];
        if (entry->used >= entry->blocks)
            continue;
        struct key_sketch sketch = key_sketch(entry->key);
        if (sketch.mildness >= 0)
            spares->list[spares->count++] = (struct spare){entry, sketch};
    }
    qsort(spares->list, spares->count, sizeof(*spares->list), compare_spares);
    return true;
}

/* The first whose blocks are at least as large as the group's. */
static size_t spares_find(const struct spares *spares, const struct finding_group *group)
{
    size_t low = 0, high = spares->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct baseline_entry *entry = spares->list[middle].entry;
        if (compare_sizes(entry->bytes, entry->blocks, group->bytes, group->blocks) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many blocks it has left that are like the group's. */
static uint64_t spare_blocks(const struct spare *spare, const struct key_sketch *sketch)
{
    const struct baseline_entry *entry = spare->entry;
    bool alike = entry->blocks > entry->used && spare->sketch.mildness <= sketch->mildness &&
                 key_sketch_alike(&spare->sketch, sketch);
    return alike ? entry->blocks - entry->used : 0;
}

/* Whether entries have that many blocks left that are like the group's; takes them if so. */
static bool find_alike(const struct spares *spares, const struct finding_group *group,
                       const struct key_sketch *sketch, uint64_t wanted)
{
    uint64_t found = 0;
    size_t first = spares_find(spares, group), last = first;
    for (; last < spares->count && found < wanted; last++) {
        const struct baseline_entry *entry = spares->list[last].entry;
        if (compare_sizes(entry->bytes, entry->blocks, group->bytes, group->blocks) != 0)
            break;
        found += spare_blocks(&spares->list[last], sketch);
    }
    if (found < wanted)
        return false;
    for (size_t i = first; i < last && wanted; i++) {
        uint64_t some = spare_blocks(&spares->list[i], sketch);
        some = some < wanted ? some : wanted;
        if (some)
            use(spares->list[i].entry, some);
        wanted -= some;
    }
    return true;
}

/* What its own entry covers may have grown, too: no other one excuses that. */
static bool is_own_part_larger(const struct finding_group *group,
                               const struct baseline_entry *entry)
{
    unsigned __int128 bytes = (unsigned __int128)group->bytes * entry->blocks;
    return is_larger(entry, (uint64_t)(bytes / group->blocks));
}

static void set_state(const struct finding_group *group, enum finding_state state)
{
    for (size_t i = 0; i < group->count; i++)
        group->findings[i]->state = state;
}

/* What the groups' own entries do not cover.  By key is by class, too: the worst come first.  False
 * when out of memory. */
static bool settle(struct baseline *baseline, const struct finding_group *groups, size_t count)
{
    struct spares spares;
    if (!spares_init(&spares, baseline))
        return false;
    for (size_t i = 0; i < count && spares.count; i++) {
        const struct finding_group *group = &groups[i];
        const struct baseline_entry *entry = find_entry(baseline, group->key);
        uint64_t known = entry ? entry->blocks : 0;
        if (group->blocks <= known || (known && is_own_part_larger(group, entry)))
            continue;
        struct key_sketch sketch = key_sketch(group->key);
        if (sketch.mildness >= 0 && find_alike(&spares, group, &sketch, group->blocks - known))
            set_state(group, FINDING_KNOWN);
    }
    free(spares.list);
    return true;
}

bool baseline_compare(struct baseline *baseline, struct finding_set *set)
{
    struct finding_group *groups;
    size_t count;
    bool good = finding_group_list(set, &groups, &count);
    for (size_t i = 0; i < baseline->count; i++)
        baseline->entries[i].used = 0;
    for (size_t i = 0; good && i < count; i++) {
        const struct finding_group *group = &groups[i];
        set_state(group, judge(find_entry(baseline, group->key), group->blocks, group->bytes));
    }
    good = good && settle(baseline, groups, count);
    finding_group_release(groups);
    return good;
}
