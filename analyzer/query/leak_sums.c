/* SPDX-License-Identifier: Apache-2.0 */
#include "query/leak_sums.h"

#include <stdlib.h>

bool leak_sums_certain(const struct trace_model *model)
{
    const struct reach_scan *judge = reach_model_judge(&model->reach);
    return judge && judge->all_stopped && !judge->unreadable_bytes && !model->reach.lossy;
}

enum report_leak_class leak_class(const struct trace_model *model, enum reach_class class)
{
    switch (class) {
    case REACH_REACHABLE:
        return REPORT_LEAK_REACHABLE;
    case REACH_DEFINITE:
        return leak_sums_certain(model) ? REPORT_LEAK_DEFINITE : REPORT_LEAK_POSSIBLE;
    case REACH_INDIRECT:
        return leak_sums_certain(model) ? REPORT_LEAK_INDIRECT : REPORT_LEAK_POSSIBLE;
    default:
        return REPORT_LEAK_POSSIBLE;
    }
}

static void sum_add(struct leak_sum *sum, const struct live_block *block,
                    const struct sample_weight *weight)
{
    if (sum->recorded == 0 || block->era < sum->oldest)
        sum->oldest = block->era;
    if (sum->recorded == 0 || block->era > sum->newest)
        sum->newest = block->era;
    sum->recorded++;
    sum->bytes += weight->bytes;
    sum->blocks += weight->blocks;
    sample_variance_add(&sum->variance, weight);
}

/* Later ones at its address have a later era. */
const struct live_block *leak_sums_still_live(const struct trace_model *model, size_t index)
{
    const struct live_block *block =
        block_table_find(&model->heap.blocks, model->reach.graph.blocks[index].start);
    return block && block->era < model->reach.era ? block : NULL;
}

static void sums_add_scanned(struct leak_sums *sums, const struct trace_model *model)
{
    const struct reach_model *reach = &model->reach;
    bool certain = leak_sums_certain(model);
    for (size_t i = 0; i < reach->graph.block_count; i++) {
        const struct live_block *block = leak_sums_still_live(model, i);
        if (!block || model->sites.sites[block->site].inherited)
            continue;
        enum reach_class class = reach->classes.classes[i];
        struct sample_weight weight = sample_weigh(model->heap.sample_interval, block->size);
        sum_add(&sums->sites[block->site][leak_class(model, class)], block, &weight);
        if (!certain || (class != REACH_DEFINITE && class != REACH_INDIRECT))
            continue;
        sums->eras[block->era + 1].bytes += weight.bytes;
        sums->eras[block->era + 1].blocks += weight.blocks;
        if (class != REACH_INDIRECT)
            continue;
        uint32_t leader = reach->graph.blocks[reach->classes.leaders[i]].site;
        sums->sites[leader][REPORT_LEAK_DEFINITE].indirect_bytes += weight.bytes;
        sums->sites[leader][REPORT_LEAK_DEFINITE].indirect_blocks += weight.blocks;
    }
}

static void sums_add_unscanned(struct leak_sums *sums, const struct trace_model *model)
{
    const struct live_block *block;
    bool scanned = reach_model_judge(&model->reach) != NULL;
    for (size_t position = 0; (block = block_table_next(&model->heap.blocks, &position));) {
        if (scanned && block->era < model->reach.era)
            continue;
        struct sample_weight weight = sample_weigh(model->heap.sample_interval, block->size);
        sum_add(&sums->sites[block->site][REPORT_LEAK_UNSCANNED], block, &weight);
    }
}

/* Pools' blocks have the class of the block that they lie in; in a mapping they are reachable as
 * that is. */
static enum report_leak_class pooled_class(const struct trace_model *model,
                                           const struct live_block *pooled)
{
    const struct reach_model *reach = &model->reach;
    if (!reach_model_judge(reach) || pooled->era >= reach->era)
        return REPORT_LEAK_UNSCANNED;
    size_t index = reach_graph_find(&reach->graph, pooled->address);
    if (index == SIZE_MAX)
        return REPORT_LEAK_REACHABLE;
    return leak_class(model, reach->classes.classes[index]);
}

static void sums_add_pools(struct leak_sums *sums, const struct trace_model *model)
{
    for (size_t i = 0; i < model->pools.count; i++) {
        const struct live_block *block;
        const struct block_table *table = &model->pools.pools[i].blocks;
        for (size_t position = 0; (block = block_table_next(table, &position));) {
            const struct sample_weight weight = {.bytes = block->size, .blocks = 1};
            sum_add(&sums->sites[block->site][pooled_class(model, block)], block, &weight);
        }
    }
}

/* Blocks that overlap, in a damaged trace, are not found at their addresses. */
static void sums_add_rest(struct leak_sums *sums, const struct trace_model *model)
{
    for (size_t i = 0; i < model->sites.count; i++) {
        const struct site *site = &model->sites.sites[i];
        struct leak_sum *classes = sums->sites[i];
        uint64_t bytes = 0, blocks = 0;
        for (size_t class = 0; class < LEAK_CLASSES; class ++) {
            bytes += classes[class].bytes;
            blocks += classes[class].blocks;
        }
        if (site->kind >= SITE_MMAP || blocks >= site->live_blocks || bytes > site->live_bytes)
            continue;
        classes[REPORT_LEAK_UNSCANNED].blocks += site->live_blocks - blocks;
        classes[REPORT_LEAK_UNSCANNED].bytes += site->live_bytes - bytes;
    }
}

bool leak_sums_init(struct leak_sums *sums, const struct trace_model *model)
{
    sums->sites = calloc(model->sites.count + 1, sizeof(*sums->sites));
    sums->eras = calloc(model->heap.eras.count + 1, sizeof(*sums->eras));
    if (!sums->sites || !sums->eras) {
        leak_sums_release(sums);
        return false;
    }
    if (reach_model_judge(&model->reach))
        sums_add_scanned(sums, model);
    sums_add_unscanned(sums, model);
    sums_add_pools(sums, model);
    sums_add_rest(sums, model);
    for (size_t i = 1; i <= model->heap.eras.count; i++) {
        sums->eras[i].bytes += sums->eras[i - 1].bytes;
        sums->eras[i].blocks += sums->eras[i - 1].blocks;
    }
    return true;
}

void leak_sums_release(struct leak_sums *sums)
{
    free(sums->sites);
    free(sums->eras);
    *sums = (struct leak_sums){0};
}
