/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "query/leak_sums.h"

/* An era's start is as near as we know; the site's first and last allocation bound it. */
static uint64_t report_era_ns(const struct report_build *build, uint32_t era,
                              const struct report_site *site)
{
    uint64_t ns = report_ns(build, build->model->heap.eras.eras[era].ticks);
    if (ns < site->first_ns)
        return site->first_ns;
    return ns > site->last_ns ? site->last_ns : ns;
}

/* A few live blocks among many allocations are better placed by their era; a site whose first
 * allocation is still there is not told from one where it is gone. */
static struct report_leak report_make_leak(struct report_build *build, uint32_t index,
                                           enum report_leak_class class, const struct leak_sum *sum)
{
    const struct site *site = &build->model->sites.sites[index];
    const struct report_site *shown = &build->sites[index];
    uint64_t interval = shown->estimated ? build->model->heap.sample_interval : 0;
    struct report_leak leak = {
        .class = class,
        .site = shown,
        .bytes = sample_estimate(interval, sum->bytes),
        .blocks = sample_estimate(interval, sum->blocks),
        .indirect_bytes = sample_estimate(interval, sum->indirect_bytes),
        .indirect_blocks = sample_estimate(interval, sum->indirect_blocks),
        .estimated = shown->estimated,
        .recorded = sum->recorded,
        .oldest_ns = report_era_ns(build, sum->oldest, shown),
        .newest_ns = report_era_ns(build, sum->newest, shown),
    };
    if (interval)
        leak.margin = report_margin(interval, &sum->variance, sum->recorded);
    if (site->kind >= SITE_POOL)
        leak.pool = report_copy(build, build->model->pools.names[site->kind - SITE_POOL].name);
    return leak;
}

int report_compare_leaks(const void *left, const void *right)
{
    const struct report_leak *a = left, *b = right;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    uint64_t a_bytes = a->bytes + a->indirect_bytes, b_bytes = b->bytes + b->indirect_bytes;
    if (a_bytes != b_bytes)
        return a_bytes > b_bytes ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static bool report_is_leak(const struct site *site)
{
    bool mapping = site->kind >= SITE_MMAP && site->kind < SITE_POOL;
    return !mapping && !site->inherited && site->live_blocks > 0;
}

/* Pools' blocks lie in blocks that are counted already.  Without a scan all that lives counts, as
 * nobody knows better. */
static void report_count_leak(struct report *report, const struct report_leak *leak)
{
    bool lost = leak->class == REPORT_LEAK_DEFINITE || leak->class == REPORT_LEAK_INDIRECT;
    if (leak->pool || (report->judge && !lost))
        return;
    report->leaked_bytes += leak->bytes;
    report->leaked_blocks += leak->blocks;
}

static bool report_list_leaks(struct report_build *build, const struct leak_sums *sums)
{
    const struct site_table *table = &build->model->sites;
    size_t count = 0, next = 0;
    for (size_t i = 0; i < table->count; i++)
        for (size_t class = 0; report_is_leak(&table->sites[i]) && class < LEAK_CLASSES; class ++)
            count += sums->sites[i][class].blocks > 0;
    struct report_leak *leaks = arena_array(build->arena, count, sizeof(*leaks));
    if (!leaks)
        return false;
    for (uint32_t i = 0; i < table->count; i++) {
        for (size_t class = 0; report_is_leak(&table->sites[i]) && class < LEAK_CLASSES; class ++) {
            if (sums->sites[i][class].blocks == 0)
                continue;
            leaks[next] =
                report_make_leak(build, i, (enum report_leak_class) class, &sums->sites[i][class]);
            report_scan_leak(build, i, &leaks[next]);
            report_count_leak(build->report, &leaks[next++]);
        }
    }
    qsort(leaks, count, sizeof(*leaks), report_compare_leaks);
    build->report->leaks = leaks;
    build->report->leak_count = count;
    return report_list_objects(build, leaks);
}

/* What was leaked in a phase is asked for later. */
static bool report_keep_eras(struct report_build *build, const struct leak_sums *sums)
{
    size_t count = build->model->heap.eras.count + 1;
    struct reach_sum *leaked = arena_array(build->arena, count, sizeof(*leaked));
    if (leaked)
        memcpy(leaked, sums->eras, count * sizeof(*leaked));
    build->leaked = leaked;
    return leaked != NULL;
}

bool report_build_leaks(struct report_build *build)
{
    struct leak_sums sums;
    if (!report_build_scans(build) || !leak_sums_init(&sums, build->model))
        return false;
    bool good = report_list_leaks(build, &sums) &&
                (!build->report->judge || report_keep_eras(build, &sums));
    leak_sums_release(&sums);
    return good;
}
