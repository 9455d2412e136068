/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "query/report_build.h"

/* The live blocks of a site: how many, and the eras of the oldest and the newest. */
struct live_span {
    uint32_t oldest, newest;
    uint64_t blocks;
};

static void report_span_blocks(const struct block_table *blocks, struct live_span *spans)
{
    size_t position = 0;
    for (const struct live_block *block; (block = block_table_next(blocks, &position));) {
        struct live_span *span = &spans[block->site];
        span->blocks++;
        if (block->era < span->oldest)
            span->oldest = block->era;
        if (block->era > span->newest)
            span->newest = block->era;
    }
}

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
                                           const struct live_span *span)
{
    const struct site *site = &build->model->sites.sites[index];
    struct report_leak leak = {
        .class = REPORT_LEAK_UNSCANNED,
        .site = &build->sites[index],
        .bytes = build->sites[index].live_bytes,
        .blocks = build->sites[index].live_blocks,
        .estimated = build->sites[index].estimated,
        .recorded = span->blocks,
        .margin = build->sites[index].live_margin,
        .oldest_ns = report_era_ns(build, span->oldest, &build->sites[index]),
        .newest_ns = report_era_ns(build, span->newest, &build->sites[index]),
    };
    if (site->kind >= SITE_POOL)
        leak.pool = report_copy(build, build->model->pools.names[site->kind - SITE_POOL].name);
    return leak;
}

static int report_compare_leaks(const void *left, const void *right)
{
    const struct report_leak *a = left, *b = right;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static bool report_is_leak(const struct site *site)
{
    bool mapping = site->kind >= SITE_MMAP && site->kind < SITE_POOL;
    return !mapping && site->live_blocks > 0;
}

/* Pools' blocks lie in blocks that are counted already. */
static void report_count_leak(struct report *report, const struct report_leak *leak)
{
    if (leak->pool)
        return;
    report->leaked_bytes += leak->bytes;
    report->leaked_blocks += leak->blocks;
}

static bool report_list_leaks(struct report_build *build, const struct live_span *spans)
{
    const struct site_table *table = &build->model->sites;
    size_t count = 0, next = 0;
    for (size_t i = 0; i < table->count; i++)
        count += report_is_leak(&table->sites[i]);
    struct report_leak *leaks = arena_array(build->arena, count, sizeof(*leaks));
    if (!leaks)
        return false;
    for (uint32_t i = 0; i < table->count; i++) {
        if (!report_is_leak(&table->sites[i]))
            continue;
        leaks[next] = report_make_leak(build, i, &spans[i]);
        report_count_leak(build->report, &leaks[next++]);
    }
    qsort(leaks, count, sizeof(*leaks), report_compare_leaks);
    build->report->leaks = leaks;
    build->report->leak_count = count;
    return true;
}

bool report_build_leaks(struct report_build *build)
{
    const struct trace_model *model = build->model;
    const char *scan = process_facts_get(&model->facts, "scan");
    struct live_span *spans = malloc((model->sites.count + 1) * sizeof(*spans));
    if (!spans)
        return false;
    for (size_t i = 0; i < model->sites.count; i++)
        spans[i] = (struct live_span){UINT32_MAX, 0, 0};
    report_span_blocks(&model->heap.blocks, spans);
    for (size_t i = 0; i < model->pools.count; i++)
        report_span_blocks(&model->pools.pools[i].blocks, spans);
    build->report->scan = report_copy(build, scan ? scan : "off");
    bool good = build->report->scan && report_list_leaks(build, spans);
    free(spans);
    return good;
}
