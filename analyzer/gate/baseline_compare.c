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

static enum finding_state judge(struct baseline_entry *entry, uint64_t blocks, uint64_t bytes)
{
    if (!entry)
        return FINDING_NEW;
    use(entry, blocks < entry->blocks ? blocks : entry->blocks);
    bool more =
        blocks > entry->blocks ||
        (bytes > entry->bytes && bytes - entry->bytes > entry->bytes / SLACK_PART + SLACK_BYTES);
    return more ? FINDING_GROWN : FINDING_KNOWN;
}

/* How little lost a leak is; -1: no leak. */
static int mildness(const char *key)
{
    static const struct {
        const char *rule;
        int mildness;
    } table[] = {{"definite-leak\n", 0},
                 {"indirect-leak\n", 0},
                 {"possible-leak\n", 1},
                 {"reachable-block\n", 2}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strncmp(key, table[i].rule, strlen(table[i].rule)) == 0)
            return table[i].mildness;
    return -1;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

struct line {
    const char *text, *module; /* "main @ app\n", "app\n" */
    size_t length;
};

static struct line line_at(const char *text)
{
    size_t length = strcspn(text, "\n") + 1;
    const char *at = memrchr(text, '@', length);
    return (struct line){text, at ? at + 1 : text, length};
}

/* A function whose symbol is not at hand may be any of its module. */
static bool same_line(const struct line *a, const struct line *b)
{
    bool unnamed = strncmp(a->text, "? @", 3) == 0 || strncmp(b->text, "? @", 3) == 0;
    const char *one = unnamed ? a->module : a->text, *other = unnamed ? b->module : b->text;
    size_t length = (size_t)(a->text + a->length - one);
    return length == (size_t)(b->text + b->length - other) && memcmp(one, other, length) == 0;
}

static bool has_line(const char *text, const struct line *wanted)
{
    for (struct line line; *text; text += line.length) {
        line = line_at(text);
        if (same_line(&line, wanted))
            return true;
    }
    return false;
}

/* In any order: which function of a recursion is the last one differs with inlining.  Unnamed
 * functions alone say nothing. */
static bool is_part(const char *text, const char *whole)
{
    bool named = false;
    for (struct line line; *text; text += line.length) {
        line = line_at(text);
        if (!has_line(whole, &line))
            return false;
        named |= *line.text != '?';
    }
    return named;
}

/* At least half of the functions must be the same, or anything in main is like all the rest. */
static bool same_way(const char *key, const char *other)
{
    const char *frames = strchr(key, '\n') + 1, *others = strchr(other, '\n') + 1;
    size_t count = count_lines(frames), other_count = count_lines(others);
    if (count > other_count)
        return other_count * 2 >= count && is_part(others, frames);
    return count * 2 >= other_count && is_part(frames, others);
}

static uint64_t spare(const struct baseline_entry *entry, const struct finding_group *group)
{
    uint64_t left = entry->blocks - entry->used;
    /* Of the same size on average; products that wrap around are no worse than none. */
    if (left == 0 || entry->bytes * group->blocks != group->bytes * entry->blocks ||
        mildness(entry->key) < 0 || mildness(entry->key) > mildness(group->key) ||
        !same_way(entry->key, group->key))
        return 0;
    return left;
}

/* Whether entries have that many blocks left that are like the group's; takes them if so. */
static bool find_alike(struct baseline *baseline, const struct finding_group *group,
                       uint64_t wanted)
{
    uint64_t found = 0;
    for (size_t i = 0; i < baseline->count && found < wanted; i++)
        found += spare(&baseline->entries[i], group);
    if (found < wanted)
        return false;
    for (size_t i = 0; i < baseline->count && wanted; i++) {
        uint64_t some = spare(&baseline->entries[i], group);
        some = some < wanted ? some : wanted;
        if (some)
            use(&baseline->entries[i], some);
        wanted -= some;
    }
    return true;
}

static void set_state(const struct finding_group *group, enum finding_state state)
{
    for (size_t i = 0; i < group->count; i++)
        group->findings[i]->state = state;
}

/* What the groups' own entries do not cover.  By key is by class, too: the worst come first. */
static void settle(struct baseline *baseline, const struct finding_group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct finding_group *group = &groups[i];
        const struct baseline_entry *entry = find_entry(baseline, group->key);
        uint64_t known = entry ? entry->blocks : 0;
        if (mildness(group->key) >= 0 && group->blocks > known &&
            find_alike(baseline, group, group->blocks - known))
            set_state(group, FINDING_KNOWN);
    }
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
    if (good)
        settle(baseline, groups, count);
    finding_group_release(groups);
    return good;
}
