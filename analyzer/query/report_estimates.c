/* SPDX-License-Identifier: Apache-2.0 */
/* A sampled trace: sums of weights become estimates with their margins. */
#include <math.h>

#include "query/report_build.h"

struct report_margin report_margin(uint64_t interval, const struct sample_variance *variance,
                                   uint64_t samples)
{
    return (struct report_margin){sample_margin(interval, variance->bytes, samples),
                                  sample_margin(interval, variance->blocks, samples)};
}

void report_estimate_site(const struct report_build *build, uint32_t index)
{
    const struct site *site = &build->model->sites.sites[index];
    uint64_t interval = build->model->heap.sample_interval;
    struct sample_variance peak = site_table_variance_at_peak(&build->model->sites, index);
    struct report_site *out = &build->sites[index];
    out->estimated = true;
    out->allocated_margin = report_margin(interval, &site->allocated_variance, site->samples);
    out->live_margin = report_margin(interval, &site->live_variance, site->live_blocks);
    out->peak_margin = report_margin(interval, &peak, out->peak_blocks);
    uint64_t *const sums[] = {
        &out->allocations,    &out->bytes_allocated, &out->temporary,  &out->peak_bytes,
        &out->own_peak_bytes, &out->peak_blocks,     &out->live_bytes, &out->live_blocks,
    };
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        *sums[i] = sample_estimate(interval, *sums[i]);
}

/* Totals are the sums of the sites' rounded figures: all figures of a report shall add up. */
static void report_sum_sites(struct report_build *build)
{
    struct report *report = build->report;
    report->allocations = report->bytes_allocated = report->temporary = 0;
    report->live_bytes_at_end = report->live_blocks_at_end = 0;
    report->peak_live_bytes = report->peak_live_blocks = 0;
    for (size_t i = 0; i < build->model->sites.count; i++) {
        const struct report_site *site = &build->sites[i];
        if (!site->estimated || site->inherited)
            continue;
        report->allocations += site->allocations;
        report->bytes_allocated += site->bytes_allocated;
        report->temporary += site->temporary;
        report->live_bytes_at_end += site->live_bytes;
        report->live_blocks_at_end += site->live_blocks;
        report->peak_live_bytes += site->peak_bytes;
        report->peak_live_blocks += site->peak_blocks;
    }
    report->frees = report->allocations - report->live_blocks_at_end;
    report->bytes_freed = report->bytes_allocated - report->live_bytes_at_end;
}

/* The squares of the margins of a sum's parts add up. */
static struct report_margin report_leaked_margin(const struct report *report, uint64_t interval)
{
    static const struct sample_variance none;
    double bytes = 0, blocks = 0;
    bool any = false;
    for (size_t i = 0; i < report->leak_count; i++) {
        const struct report_leak *leak = &report->leaks[i];
        if (leak->suppressed || !leak->estimated || leak->class > REPORT_LEAK_INDIRECT)
            continue;
        any = true;
        bytes += (double)leak->margin.bytes * (double)leak->margin.bytes;
        blocks += (double)leak->margin.blocks * (double)leak->margin.blocks;
    }
    if (!any)
        return report_margin(interval, &none, 0);
    return (struct report_margin){(uint64_t)(sqrt(bytes) + 0.5), (uint64_t)(sqrt(blocks) + 0.5)};
}

/* Without a scan, what leaked is what is live. */
void report_build_estimates(struct report_build *build)
{
    struct report *report = build->report;
    const struct heap_model *heap = &build->model->heap;
    uint64_t interval = heap->sample_interval;
    if (!interval)
        return;
    struct sample_variance freed = {
        heap->allocated_variance.bytes - heap->live_variance.bytes,
        heap->allocated_variance.blocks - heap->live_variance.blocks,
    };
    report_sum_sites(build);
    report->allocated_margin = report_margin(interval, &heap->allocated_variance, heap->samples);
    report->live_margin = report_margin(interval, &heap->live_variance, heap->live_blocks);
    report->peak_margin = report_margin(interval, &heap->peak_variance, heap->peak_blocks);
    report->freed_margin = report_margin(interval, &freed, heap->frees);
    report->leaked_margin =
        report->judge ? report_leaked_margin(report, interval) : report->live_margin;
}
