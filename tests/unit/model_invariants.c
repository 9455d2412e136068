/* SPDX-License-Identifier: Apache-2.0 */
#include "model_invariants.h"

#include <stdbool.h>

#include "model/trace_state.h"

struct site_sums {
    uint64_t heap_live, heap_blocks, heap_peak, heap_peak_blocks, heap_bytes, heap_calls;
    uint64_t map_live, pool_live, pool_blocks, temporary;
    uint64_t minor, major;
    uint64_t inherited_live, inherited_blocks;
};

static struct site_sums sum_sites(const struct site_table *table)
{
    struct site_sums sums = {0};
    for (uint32_t i = 0; i < table->count; i++) {
        const struct site *site = &table->sites[i];
        uint64_t bytes, blocks;
        if (site->inherited) {
            sums.minor += site->minor;
            sums.major += site->major;
            if (site->kind < SITE_MMAP) {
                sums.inherited_live += site->live_bytes;
                sums.inherited_blocks += site->live_blocks;
            }
        } else if (site->kind >= SITE_POOL) {
            sums.pool_live += site->live_bytes;
            sums.pool_blocks += site->live_blocks;
        } else if (site->kind == SITE_MMAP || site->kind == SITE_SHM) {
            sums.map_live += site->live_bytes;
        } else if (site->kind < SITE_MMAP) {
            site_table_at_peak(table, i, &bytes, &blocks);
            sums.heap_live += site->live_bytes;
            sums.heap_blocks += site->live_blocks;
            sums.heap_peak += bytes;
            sums.heap_peak_blocks += blocks;
            sums.heap_bytes += site->bytes_allocated;
            sums.heap_calls += site->allocations;
            sums.temporary += site->temporary;
            sums.minor += site->minor;
            sums.major += site->major;
        }
    }
    return sums;
}

static bool eras_add_up(const struct heap_model *heap)
{
    uint64_t bytes = 0, blocks = 0;
    for (size_t i = 0; i < heap->eras.count; i++) {
        bytes += heap->eras.eras[i].live_bytes;
        blocks += heap->eras.eras[i].live_blocks;
    }
    return bytes == heap->live_bytes && blocks == heap->live_blocks;
}

static bool mappings_are_sorted(const struct mapping_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct mapping *mapping = &list->mappings[i];
        if (mapping->start >= mapping->end || (i && mapping->end > mapping[-1].start))
            return false;
    }
    return true;
}

/* Of the newest snapshot, which has all its sites. */
static const char *residency_broken(const struct trace_model *model)
{
    const struct residency *snapshot = residency_model_last(&model->residency);
    uint64_t rss = 0, heap = 0, mappings = 0;
    if (!snapshot)
        return NULL;
    for (size_t i = 0; i < PART_COUNT; i++)
        rss += snapshot->parts[i].resident;
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct residency_site *site = &snapshot->sites[i];
        if (model->sites.sites[site->site].kind < SITE_MMAP)
            heap += site->bytes.resident;
        else
            mappings += site->bytes.resident - site->of_files;
    }
    if (rss != snapshot->rss_bytes)
        return "sum of the parts = RSS";
    if (model->heap.sample_interval == 0 && heap != snapshot->parts[PART_LIVE].resident)
        return "sum of the heap's sites = resident live blocks";
    if (mappings != snapshot->parts[PART_MAPPINGS].resident)
        return "sum of the mappings' sites = resident mappings";
    if (snapshot->free_pages + snapshot->pinned > snapshot->parts[PART_FREE].resident)
        return "free pages + pinned <= free";
    return NULL;
}

/* What is wrong with the table of faults, or NULL. */
static const char *faults_broken(const struct fault_model *faults)
{
    uint64_t all = 0, inferred = 0;
    for (size_t i = 0; i < faults->table.pair_count; i++) {
        const struct fault_pair *pair = &faults->table.pairs[i];
        uint64_t kinds = 0;
        for (size_t kind = 0; kind < FAULT_KINDS; kind++)
            kinds += pair->kinds[kind];
        if (kinds != pair->minor + pair->major)
            return "sum of a pair's kinds = its faults";
        if (pair->target >= faults->table.target_count)
            return "pairs have targets";
        all += kinds;
        inferred += pair->inferred;
    }
    if (inferred != faults->inferred)
        return "sum of the pairs' inferred faults = inferred faults";
    return all == faults->minor + faults->major - faults->lost_minor - faults->lost_major
               ? NULL
               : "sum of the pairs = faults - lost ones";
}

const char *model_invariants_broken(const struct trace_model *model)
{
    const struct heap_model *heap = &model->heap;
    struct site_sums sums = sum_sites(&model->sites);
    if (heap->sample_interval == 0 &&
        heap->live_blocks + heap->inherited_blocks != heap->blocks.count)
        return "live_blocks + inherited_blocks = blocks.count";
    if (sums.inherited_live != heap->inherited_bytes ||
        sums.inherited_blocks != heap->inherited_blocks)
        return "sum of the sites' inherited blocks = inherited blocks";
    if (heap->live_blocks != heap->allocations - heap->frees - heap->displaced)
        return "live_blocks = allocations - frees - displaced";
    if (heap->displaced == 0 && heap->live_bytes != heap->bytes_allocated - heap->bytes_freed)
        return "live_bytes = bytes_allocated - bytes_freed";
    if (sums.heap_live != heap->live_bytes || sums.heap_blocks != heap->live_blocks)
        return "sum of the sites' live blocks = live blocks";
    if (sums.heap_peak != heap->peak_bytes)
        return "sum of the sites at the peak = peak";
    if (heap->peak_bytes && sums.heap_peak_blocks != heap->peak_blocks)
        return "sum of the sites' blocks at the peak = blocks at the peak";
    if (sums.heap_bytes != heap->bytes_allocated || sums.heap_calls != heap->allocations)
        return "sum of the sites' allocations = allocations";
    if (sums.temporary != heap->temporary || heap->temporary > heap->frees)
        return "sum of the sites' temporary allocations = temporary <= frees";
    if (sums.minor != heap->attributed_minor || sums.major != heap->attributed_major)
        return "sum of the sites' faults = attributed faults";
    if (!eras_add_up(heap))
        return "sum of the eras = live blocks";
    if (sums.map_live != model->maps.live_bytes)
        return "sum of the mappings' sites = live mapped bytes";
    if (model->maps.mapped_bytes - model->maps.unmapped_bytes != model->maps.live_bytes)
        return "mapped_bytes - unmapped_bytes = live_bytes";
    if (!mappings_are_sorted(&model->maps.list))
        return "mappings do not overlap";
    const char *broken = residency_broken(model);
    if (!broken)
        broken = faults_broken(&model->faults);
    if (broken)
        return broken;
    for (size_t i = 0; i < model->pools.name_count; i++) {
        sums.pool_live -= model->pools.names[i].live_bytes;
        sums.pool_blocks -= model->pools.names[i].live_blocks;
    }
    return sums.pool_live || sums.pool_blocks ? "sum of the pools' sites = pools" : NULL;
}
