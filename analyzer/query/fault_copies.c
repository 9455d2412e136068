/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forked child cannot tell a page that it shares with its parent from one that it is the first to
 * touch, where the allocator had the address range already.  The model counts both as copies.
 *
 * But a copy does not raise RSS, a first touch does; and there cannot be more copies than pages
 * that were in memory at the fork.  What is beyond that are first touches: of blocks that the child
 * allocated first of all, and then of all places alike.
 *
 * Of the blocks and mappings that it has from its parent a trace of the parent tells which pages
 * were touched: these are copies for certain, and stay so.
 *
 * The first sample comes a little after the fork.  For the child's own blocks all faults up to it
 * are taken for first touches, for what it inherited none.
 */
#include "query/fault_sums.h"

bool fault_target_inherited(const struct trace_model *model, const struct fault_target *target)
{
    bool site = target->owner == FAULT_OWNER_BLOCK || target->owner == FAULT_OWNER_MAPPING ||
                target->owner == FAULT_OWNER_FILE;
    return site && model->sites.sites[target->id].inherited;
}

static uint64_t fault_anonymous_rss(const struct memory_sample *sample)
{
    return sample->rss_bytes > sample->file_bytes ? sample->rss_bytes - sample->file_bytes : 0;
}

/* Without a sample all may be copies.  `early`: faults before the first that raised RSS. */
static uint64_t fault_copies_most(const struct trace_model *model, uint64_t anonymous,
                                  uint64_t early)
{
    const struct timeline *timeline = &model->timeline;
    uint64_t page = model->header.page_size;
    if (timeline->sample_count == 0)
        return anonymous;
    uint64_t first = fault_anonymous_rss(&timeline->samples[0]) / page;
    uint64_t highest = fault_anonymous_rss(&timeline->last_sample) / page;
    for (size_t i = 0; i < timeline->sample_count; i++) {
        uint64_t rss = fault_anonymous_rss(&timeline->samples[i]) / page;
        highest = rss > highest ? rss : highest;
    }
    first -= early < first ? early : first;
    uint64_t grown = highest > first ? highest - first : 0;
    uint64_t most = anonymous > grown ? anonymous - grown : 0;
    return most < first ? most : first;
}

static uint64_t fault_excess(uint64_t count, uint64_t most)
{
    return count > most ? count - most : 0;
}

void fault_copies_bound(struct fault_sums *sums)
{
    const struct trace_model *model = sums->build->model;
    const struct fault_table *table = &model->faults.table;
    uint64_t anonymous = model->faults.lost_minor, certain = 0;
    if (!(model->header.flags & VMT_FLAG_FORKED))
        return;
    for (size_t i = 0; i < table->pair_count; i++) {
        const struct fault_pair *pair = &table->pairs[i];
        anonymous += pair->minor + pair->major - pair->kinds[FAULT_KIND_CACHED] -
                     pair->kinds[FAULT_KIND_DISK];
        const struct fault_target *target = &table->targets[pair->target];
        if (fault_target_inherited(model, target))
            certain += pair->kinds[FAULT_KIND_COPY];
        else
            sums->copies[target->owner == FAULT_OWNER_BLOCK] += pair->kinds[FAULT_KIND_COPY];
    }
    uint64_t all = certain + sums->copies[0] + sums->copies[1];
    uint64_t early = model->timeline.sample_count ? model->timeline.samples[0].minor : 0;
    uint64_t own = fault_excess(all, fault_copies_most(model, anonymous, early));
    uint64_t least = fault_excess(all, fault_copies_most(model, anonymous, 0));
    sums->no_copies[1] = own < sums->copies[1] ? own : sums->copies[1];
    uint64_t rest = fault_excess(least, sums->no_copies[1]);
    sums->no_copies[0] = rest < sums->copies[0] ? rest : sums->copies[0];
}

/* Of the first `count` copies; together they come out exactly. */
static uint64_t fault_copies_moved(const struct fault_sums *sums, bool own, uint64_t count)
{
    return (uint64_t)((unsigned __int128)count * sums->no_copies[own] / sums->copies[own]);
}

void fault_copies_apply(struct fault_sums *sums, const struct fault_target *target,
                        struct report_fault_counts *counts)
{
    enum fault_owner owner = target->owner;
    uint64_t copies = counts->kinds[REPORT_FAULT_COPY];
    bool own = owner == FAULT_OWNER_BLOCK;
    if (copies == 0 || sums->no_copies[own] == 0 ||
        fault_target_inherited(sums->build->model, target))
        return;
    uint64_t moved = fault_copies_moved(sums, own, sums->copies_seen[own] + copies) -
                     fault_copies_moved(sums, own, sums->copies_seen[own]);
    sums->copies_seen[own] += copies;
    counts->kinds[REPORT_FAULT_COPY] -= moved;
    counts->kinds[owner == FAULT_OWNER_STACK ? REPORT_FAULT_STACK : REPORT_FAULT_FIRST] += moved;
}
