/* SPDX-License-Identifier: Apache-2.0 */
/* How much RSS grew between two snapshots, and because of what. */
#include <stdlib.h>
#include <string.h>

#include "query/report_build.h"

enum {
    GROWTH_CAUSES = 256, /* of one interval; the others are the rest of their part */
    GROWTH_NAMED = 64,   /* intervals between snapshots that were asked for */
};

struct growth_work {
    struct report_build *build;
    int64_t *sites; /* by the model's number: grown by so much */
    struct report_cause *causes;
    size_t count;
};

static uint64_t amount(int64_t bytes)
{
    return bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
}

static int compare_causes(const void *left, const void *right)
{
    const struct report_cause *a = left, *b = right;
    if (amount(a->bytes) != amount(b->bytes))
        return amount(a->bytes) > amount(b->bytes) ? -1 : 1;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static void growth_sites(struct growth_work *work, const struct report_residency *at, int64_t sign)
{
    for (size_t i = 0; at && i < at->site_count; i++) {
        const struct report_resident_site *site = &at->sites[i];
        work->sites[site->site - work->build->sites] +=
            sign * (int64_t)(site->bytes.resident - site->of_files);
    }
}

static void growth_cause(struct growth_work *work, struct report_cause cause)
{
    if (cause.bytes)
        work->causes[work->count++] = cause;
}

static enum report_part growth_part(const struct growth_work *work, size_t site)
{
    return work->build->model->sites.sites[site].kind >= SITE_MMAP ? REPORT_PART_MAPPINGS
                                                                   : REPORT_PART_LIVE;
}

static void growth_site_causes(struct growth_work *work, const struct report_residency *from,
                               const struct report_residency *to)
{
    size_t total = work->build->model->sites.count;
    memset(work->sites, 0, total * sizeof(*work->sites));
    growth_sites(work, to, 1);
    growth_sites(work, from, -1);
    for (size_t i = 0; i < total; i++)
        growth_cause(work, (struct report_cause){growth_part(work, i), work->sites[i],
                                                 &work->build->sites[i], NULL});
}

static uint64_t growth_find_file(const struct report_residency *at, const char *name)
{
    for (size_t i = 0; at && i < at->file_count; i++) {
        const char *other = at->files[i].name;
        if (name && other ? strcmp(other, name) == 0 : name == other)
            return at->files[i].bytes.resident;
    }
    return 0;
}

/* What the later snapshot has, and what only the earlier one had. */
static void growth_file_causes(struct growth_work *work, const struct report_residency *from,
                               const struct report_residency *to)
{
    for (size_t i = 0; i < to->file_count; i++) {
        const struct report_resident_file *file = &to->files[i];
        if (file->name)
            growth_cause(work, (struct report_cause){REPORT_PART_FILES,
                                                     (int64_t)(file->bytes.resident -
                                                               growth_find_file(from, file->name)),
                                                     NULL, file->name});
    }
    for (size_t i = 0; from && i < from->file_count; i++) {
        const struct report_resident_file *file = &from->files[i];
        if (file->name && growth_find_file(to, file->name) == 0)
            growth_cause(work,
                         (struct report_cause){REPORT_PART_FILES, -(int64_t)file->bytes.resident,
                                               NULL, file->name});
    }
}

/* The largest causes stay; what is not told by them is the rest of its part. */
static bool growth_keep(struct growth_work *work, struct report_interval *interval)
{
    int64_t rest[REPORT_PARTS];
    memcpy(rest, interval->parts, sizeof(rest));
    qsort(work->causes, work->count, sizeof(*work->causes), compare_causes);
    if (work->count > GROWTH_CAUSES)
        work->count = GROWTH_CAUSES;
    for (size_t i = 0; i < work->count; i++)
        rest[work->causes[i].part] -= work->causes[i].bytes;
    for (size_t part = 0; part < REPORT_PARTS; part++)
        growth_cause(work, (struct report_cause){(enum report_part)part, rest[part], NULL, NULL});
    qsort(work->causes, work->count, sizeof(*work->causes), compare_causes);
    struct report_cause *causes = arena_array(work->build->arena, work->count, sizeof(*causes));
    if (!causes)
        return false;
    memcpy(causes, work->causes, work->count * sizeof(*causes));
    interval->causes = causes;
    interval->cause_count = work->count;
    return true;
}

static bool growth_interval(struct growth_work *work, size_t from_index, size_t to_index,
                            struct report_interval *interval)
{
    const struct report_residency *list = work->build->memory->residencies;
    const struct report_residency *to = &list[to_index];
    const struct report_residency *from = from_index == REPORT_START ? NULL : &list[from_index];
    *interval = (struct report_interval){.from = from_index, .to = to_index};
    interval->bytes = (int64_t)(to->rss_bytes - (from ? from->rss_bytes : 0));
    for (size_t i = 0; i < REPORT_PARTS; i++)
        interval->parts[i] =
            (int64_t)(to->parts[i].resident - (from ? from->parts[i].resident : 0));
    work->count = 0;
    growth_site_causes(work, from, to);
    growth_file_causes(work, from, to);
    return growth_keep(work, interval);
}

static bool was_asked_for(const struct report_residency *at)
{
    return at->reason[0] == 's'; /* "snapshot" or "signal" */
}

/* From the start to the highest point, from there to the end, from the start to the end, and
 * between snapshots that were asked for. */
static size_t growth_choose(const struct report_memory *memory, struct report_interval *list)
{
    size_t count = 0, last = memory->residency_count - 1, before = REPORT_START;
    list[count++] = (struct report_interval){.from = REPORT_START, .to = last};
    if (memory->highest != last) {
        list[count++] = (struct report_interval){.from = REPORT_START, .to = memory->highest};
        list[count++] = (struct report_interval){.from = memory->highest, .to = last};
    }
    for (size_t i = 0; i < memory->residency_count && count < GROWTH_NAMED; i++) {
        bool counts = was_asked_for(&memory->residencies[i]) || (i == last && i > 0);
        if (counts && before != REPORT_START)
            list[count++] = (struct report_interval){.from = before, .to = i};
        if (counts)
            before = i;
    }
    return count;
}

bool report_build_growth(struct report_build *build)
{
    struct report_memory *memory = build->memory;
    size_t sites = build->model->sites.count, files = 0;
    if (memory->residency_count == 0)
        return true;
    for (size_t i = 0; i < memory->residency_count; i++)
        if (memory->residencies[i].file_count > files)
            files = memory->residencies[i].file_count;
    struct growth_work work = {.build = build};
    work.sites = malloc((sites + 1) * sizeof(*work.sites));
    work.causes = malloc((sites + 2 * files + REPORT_PARTS + 1) * sizeof(*work.causes));
    struct report_interval *list = arena_array(build->arena, GROWTH_NAMED + 1, sizeof(*list));
    bool good = work.sites && work.causes && list;
    memory->interval_count = good ? growth_choose(memory, list) : 0;
    for (size_t i = 0; good && i < memory->interval_count; i++)
        good = growth_interval(&work, list[i].from, list[i].to, &list[i]);
    memory->intervals = list;
    free(work.sites);
    free(work.causes);
    return good;
}
