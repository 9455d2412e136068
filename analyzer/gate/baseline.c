/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/baseline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gate/finding_group.h"

#define INDENT "    "

bool baseline_init(struct baseline *baseline)
{
    *baseline = (struct baseline){.arena = arena_new()};
    return baseline->arena != NULL;
}

void baseline_release(struct baseline *baseline)
{
    free(baseline->entries);
    arena_free(baseline->arena);
}

bool baseline_put(struct baseline *baseline, const struct baseline_entry *entry)
{
    const char *note = entry->note;
    if (baseline->count == baseline->room) {
        size_t room = baseline->room ? baseline->room * 2 : 64;
        struct baseline_entry *entries =
            reallocarray(baseline->entries, room, sizeof(*baseline->entries));
        if (!entries)
            return false;
        baseline->entries = entries;
        baseline->room = room;
    }
    const char *key = arena_string(baseline->arena, entry->key, strlen(entry->key));
    if (note)
        note = arena_string(baseline->arena, note, strlen(note));
    if (!key || (entry->note && !note))
        return false;
    baseline->entries[baseline->count++] = (struct baseline_entry){
        .key = key, .note = note, .blocks = entry->blocks, .bytes = entry->bytes};
    return true;
}

int baseline_by_key(const void *left, const void *right)
{
    const struct baseline_entry *a = left, *b = right;
    return strcmp(a->key, b->key);
}

static const char *either_note(const char *a, const char *b)
{
    return !a ? b : !b || strcmp(a, b) <= 0 ? a : b;
}

void baseline_tidy(struct baseline *baseline)
{
    size_t kept = 0;
    if (baseline->count == 0)
        return;
    qsort(baseline->entries, baseline->count, sizeof(*baseline->entries), baseline_by_key);
    for (size_t i = 1; i < baseline->count; i++) {
        struct baseline_entry *last = &baseline->entries[kept], *next = &baseline->entries[i];
        if (strcmp(last->key, next->key) != 0) {
            baseline->entries[++kept] = *next;
            continue;
        }
        last->blocks = next->blocks > last->blocks ? next->blocks : last->blocks;
        last->bytes = next->bytes > last->bytes ? next->bytes : last->bytes;
        last->note = either_note(last->note, next->note);
    }
    baseline->count = kept + 1;
}

static bool is_wanted(const struct finding *finding, unsigned classes)
{
    return finding->kind == FINDING_ERROR ||
           (finding->kind == FINDING_LEAK && (classes >> finding->class & 1));
}

bool baseline_add(struct baseline *baseline, const struct finding_set *set, unsigned classes)
{
    struct finding_group *groups;
    size_t count;
    bool good = finding_group_list(set, &groups, &count);
    for (size_t i = 0; good && i < count; i++) {
        const struct finding_group *group = &groups[i];
        struct baseline_entry entry = {
            .key = group->key, .blocks = group->blocks, .bytes = group->bytes};
        good = !is_wanted(group->findings[0], classes) || baseline_put(baseline, &entry);
    }
    finding_group_release(groups);
    baseline_tidy(baseline);
    return good;
}

void baseline_write(const struct baseline *baseline, FILE *out)
{
    fputs(BASELINE_FIRST_LINE "\n", out);
    fputs("# Known findings: a gate with this baseline trips on what is not here, or has grown.\n"
          "# Delete an entry to have it reported again.\n",
          out);
    for (size_t i = 0; i < baseline->count; i++) {
        const struct baseline_entry *entry = &baseline->entries[i];
        const char *line = entry->key, *end = strchrnul(line, '\n');
        bool leak =
            entry->bytes != 0 || strstr(entry->key, "-leak\n") || strstr(entry->key, "-block\n");
        fprintf(out, "\n%s%.*s ", entry->note ? entry->note : "", (int)(end - line), line);
        if (leak)
            fprintf(out, "blocks=%" PRIu64 " bytes=%" PRIu64 "\n", entry->blocks, entry->bytes);
        else
            fprintf(out, "times=%" PRIu64 "\n", entry->blocks);
        for (line = end; *line && line[1]; line = end) {
            end = strchrnul(line + 1, '\n');
            fprintf(out, INDENT "%.*s\n", (int)(end - line - 1), line + 1);
        }
    }
}
