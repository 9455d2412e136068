/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/baseline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "# vmtrace baseline 1\n"
#define INDENT "    "

/* Lengths of names and paths in blocks differ from run to run. */
#define SLACK_BYTES 1024
#define SLACK_PART 4

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

static bool append(struct baseline *baseline, const char *key, uint64_t blocks, uint64_t bytes)
{
    if (baseline->count == baseline->room) {
        size_t room = baseline->room ? baseline->room * 2 : 64;
        struct baseline_entry *entries =
            reallocarray(baseline->entries, room, sizeof(*baseline->entries));
        if (!entries)
            return false;
        baseline->entries = entries;
        baseline->room = room;
    }
    key = arena_string(baseline->arena, key, strlen(key));
    if (!key)
        return false;
    baseline->entries[baseline->count++] =
        (struct baseline_entry){.key = key, .blocks = blocks, .bytes = bytes};
    return true;
}

static int compare_entries(const void *left, const void *right)
{
    const struct baseline_entry *a = left, *b = right;
    return strcmp(a->key, b->key);
}

/* Sorts; of entries with one key the largest figures stay. */
static void tidy(struct baseline *baseline)
{
    size_t kept = 0;
    if (baseline->count == 0)
        return;
    qsort(baseline->entries, baseline->count, sizeof(*baseline->entries), compare_entries);
    for (size_t i = 1; i < baseline->count; i++) {
        struct baseline_entry *last = &baseline->entries[kept], *next = &baseline->entries[i];
        if (strcmp(last->key, next->key) != 0) {
            baseline->entries[++kept] = *next;
            continue;
        }
        last->blocks = next->blocks > last->blocks ? next->blocks : last->blocks;
        last->bytes = next->bytes > last->bytes ? next->bytes : last->bytes;
    }
    baseline->count = kept + 1;
}

/* A file as it is read: the entry that is being collected. */
struct reading {
    struct baseline *baseline;
    const char *path;
    struct error *error;
    size_t line;
    char *key; /* of the entry, open_memstream's */
    size_t key_size;
    FILE *out; /* into it; NULL: no entry has begun */
    uint64_t blocks, bytes;
};

static enum vmt_error wrong(struct reading *reading, const char *what)
{
    return error_set(reading->error, VMT_ERROR_FORMAT, "%s:%zu: %s", reading->path, reading->line,
                     what);
}

static enum vmt_error no_memory(struct reading *reading)
{
    return error_set(reading->error, VMT_ERROR_MEMORY, "%s: out of memory", reading->path);
}

static enum vmt_error finish_entry(struct reading *reading)
{
    if (!reading->out)
        return VMT_OK;
    bool good = fclose(reading->out) == 0 &&
                append(reading->baseline, reading->key, reading->blocks, reading->bytes);
    reading->out = NULL;
    free(reading->key);
    reading->key = NULL;
    return good ? VMT_OK : no_memory(reading);
}

static bool read_figure(const char **at, const char *name, uint64_t *value)
{
    size_t length = strlen(name);
    char *end;
    if (strncmp(*at, name, length) != 0 || (*at)[length] < '0' || (*at)[length] > '9')
        return false;
    errno = 0;
    *value = strtoull(*at + length, &end, 10);
    *at = end;
    return errno == 0;
}

/* "definite-leak blocks=3 bytes=120" or "double-free times=1" */
static enum vmt_error begin_entry(struct reading *reading, const char *line)
{
    enum vmt_error code = finish_entry(reading);
    const char *at = line + strcspn(line, " ");
    size_t length = (size_t)(at - line);
    if (code != VMT_OK)
        return code;
    reading->bytes = 0;
    bool good = read_figure(&at, " times=", &reading->blocks) ||
                (read_figure(&at, " blocks=", &reading->blocks) &&
                 read_figure(&at, " bytes=", &reading->bytes));
    if (!good || *at || length == 0)
        return wrong(reading, "expected a finding such as \"definite-leak blocks=3 bytes=120\" or "
                              "\"double-free times=1\", followed by its indented frames");
    reading->out = open_memstream(&reading->key, &reading->key_size);
    if (!reading->out)
        return no_memory(reading);
    fprintf(reading->out, "%.*s\n", (int)length, line);
    return VMT_OK;
}

static enum vmt_error read_line(struct reading *reading, char *line)
{
    size_t length = strlen(line), indent = strspn(line, " \t");
    while (length > 0 && strchr(" \t\r\n", line[length - 1]))
        line[--length] = '\0';
    if (length == 0 || line[indent] == '#')
        return VMT_OK;
    if (indent == 0)
        return begin_entry(reading, line);
    if (!reading->out)
        return wrong(reading, "a frame that belongs to no finding");
    fprintf(reading->out, "%s\n", line + indent);
    return VMT_OK;
}

enum vmt_error baseline_load(struct baseline *baseline, const char *path, struct error *error)
{
    struct reading reading = {.baseline = baseline, .path = path, .error = error};
    enum vmt_error code = VMT_OK;
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(error, VMT_ERROR_OPEN, "%s: %s", path, strerror(errno));
    while (code == VMT_OK && getline(&line, &room, file) >= 0) {
        if (++reading.line == 1 && strcmp(line, FIRST_LINE) != 0)
            code = wrong(&reading, "not a baseline of this version: the first line should be \"# "
                                   "vmtrace baseline 1\"");
        else
            code = read_line(&reading, line);
    }
    if (code == VMT_OK && ferror(file))
        code = error_set(error, VMT_ERROR_READ, "%s: %s", path, strerror(errno));
    else if (code == VMT_OK && reading.line == 0)
        code = error_set(error, VMT_ERROR_FORMAT, "%s: empty, not a baseline", path);
    if (code == VMT_OK)
        code = finish_entry(&reading);
    if (reading.out)
        fclose(reading.out);
    free(reading.key);
    free(line);
    fclose(file);
    tidy(baseline);
    return code;
}

/* Figures of all findings with one key together. */
static void find_sums(const struct finding *finding, uint64_t *blocks, uint64_t *bytes)
{
    bool leak = finding->kind == FINDING_LEAK;
    *blocks += leak ? finding->worst_blocks : finding->count;
    *bytes += leak ? finding->worst_bytes : 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct finding *const *a = left, *const *b = right;
    return strcmp((*a)->key, (*b)->key);
}

/* The findings by key; NULL when out of memory. */
static struct finding **by_key(const struct finding_set *set)
{
    struct finding **list = malloc((set->count + 1) * sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < set->count; i++)
        list[i] = &set->findings[i];
    qsort(list, set->count, sizeof(*list), compare_keys);
    return list;
}

static bool is_wanted(const struct finding *finding, unsigned classes)
{
    return finding->kind == FINDING_ERROR ||
           (finding->kind == FINDING_LEAK && (classes >> finding->class & 1));
}

bool baseline_add(struct baseline *baseline, const struct finding_set *set, unsigned classes)
{
    struct finding **list = by_key(set);
    bool good = list != NULL;
    for (size_t i = 0, end; good && i < set->count; i = end) {
        uint64_t blocks = 0, bytes = 0;
        bool wanted = is_wanted(list[i], classes);
        for (end = i; end < set->count && strcmp(list[end]->key, list[i]->key) == 0; end++)
            find_sums(list[end], &blocks, &bytes);
        good = !wanted || append(baseline, list[i]->key, blocks, bytes);
    }
    free(list);
    tidy(baseline);
    return good;
}

void baseline_write(const struct baseline *baseline, FILE *out)
{
    fputs(FIRST_LINE, out);
    fputs("# Known findings: a gate with this baseline trips on what is not here, or has grown.\n"
          "# Delete an entry to have it reported again.\n",
          out);
    for (size_t i = 0; i < baseline->count; i++) {
        const struct baseline_entry *entry = &baseline->entries[i];
        const char *line = entry->key, *end = strchrnul(line, '\n');
        bool leak =
            entry->bytes != 0 || strstr(entry->key, "-leak\n") || strstr(entry->key, "-block\n");
        fprintf(out, "\n%.*s ", (int)(end - line), line);
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

static struct baseline_entry *find_entry(const struct baseline *baseline, const char *key)
{
    struct baseline_entry wanted = {.key = key};
    if (baseline->count == 0)
        return NULL;
    return bsearch(&wanted, baseline->entries, baseline->count, sizeof(*baseline->entries),
                   compare_entries);
}

static enum finding_state judge(struct baseline_entry *entry, uint64_t blocks, uint64_t bytes)
{
    if (!entry)
        return FINDING_NEW;
    entry->seen = true;
    bool more =
        blocks > entry->blocks ||
        (bytes > entry->bytes && bytes - entry->bytes > entry->bytes / SLACK_PART + SLACK_BYTES);
    return more ? FINDING_GROWN : FINDING_KNOWN;
}

bool baseline_compare(struct baseline *baseline, struct finding_set *set)
{
    struct finding **list = by_key(set);
    if (!list)
        return false;
    for (size_t i = 0, end; i < set->count; i = end) {
        uint64_t blocks = 0, bytes = 0;
        for (end = i; end < set->count && strcmp(list[end]->key, list[i]->key) == 0; end++)
            find_sums(list[end], &blocks, &bytes);
        enum finding_state state = judge(find_entry(baseline, list[i]->key), blocks, bytes);
        for (size_t j = i; j < end; j++)
            list[j]->state = state;
    }
    free(list);
    return true;
}
