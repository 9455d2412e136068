/* SPDX-License-Identifier: Apache-2.0 */
#include "model/site_table.h"

#include <stdlib.h>

#include "base/vector.h"

void site_table_release(struct site_table *table)
{
    free(table->sites);
    *table = (struct site_table){0};
}

static uint32_t site_table_make(struct site_table *table, struct stack_tree *stacks, uint32_t node,
                                uint32_t kind, bool inherited)
{
    struct stack_node *stack = &stacks->nodes[node];
    uint32_t previous = SITE_NONE;
    for (uint32_t i = stack->first_site; i != SITE_NONE; i = table->sites[i].next) {
        if (table->sites[i].kind == kind && table->sites[i].inherited == inherited) {
            if (previous != SITE_NONE) { /* to the front: it will be asked for again */
                table->sites[previous].next = table->sites[i].next;
                table->sites[i].next = stack->first_site;
                stack->first_site = i;
            }
            return i;
        }
        previous = i;
    }
    if (table->count == SITE_NONE ||
        (table->count == table->capacity &&
         !vector_grow(&table->sites, &table->capacity, sizeof(*table->sites))))
        return SITE_NONE;
    uint32_t site = (uint32_t)table->count++;
    table->sites[site] = (struct site){
        .node = node, .kind = kind, .next = stack->first_site, .inherited = inherited};
    stack->first_site = site;
    return site;
}

uint32_t site_table_get(struct site_table *table, struct stack_tree *stacks, uint32_t node,
                        uint32_t kind)
{
    return site_table_make(table, stacks, node, kind, false);
}

uint32_t site_table_inherit(struct site_table *table, struct stack_tree *stacks, uint32_t node,
                            uint32_t kind)
{
    return site_table_make(table, stacks, node, kind, true);
}

static struct site *site_table_touch(struct site_table *table, uint32_t index)
{
    struct site *site = &table->sites[index];
    if (site->epoch != table->epoch) {
        site->epoch = table->epoch;
        site->peak_bytes = site->live_bytes;
        site->peak_blocks = site->live_blocks;
        site->peak_variance = site->live_variance;
    }
    return site;
}

void site_table_count(struct site_table *table, uint32_t index, uint64_t size,
                      const struct sample_weight *weight, uint64_t ticks)
{
    struct site *site = &table->sites[index];
    if (site->samples++ == 0)
        site->first_ticks = ticks;
    site->last_ticks = ticks;
    site->allocations += weight->blocks;
    site->bytes_allocated += weight->bytes;
    sample_variance_add(&site->allocated_variance, weight);
    if (size > site->largest)
        site->largest = size;
}

void site_table_add(struct site_table *table, uint32_t index, const struct sample_weight *weight)
{
    struct site *site = site_table_touch(table, index);
    site->live_bytes += weight->bytes;
    site->live_blocks += weight->blocks;
    sample_variance_add(&site->live_variance, weight);
    if (site->live_bytes > site->own_peak_bytes)
        site->own_peak_bytes = site->live_bytes;
}

void site_table_remove(struct site_table *table, uint32_t index, const struct sample_weight *weight)
{
    struct site *site = site_table_touch(table, index);
    site->live_bytes -= weight->bytes;
    site->live_blocks -= weight->blocks;
    sample_variance_remove(&site->live_variance, weight);
}

void site_table_at_peak(const struct site_table *table, uint32_t index, uint64_t *bytes,
                        uint64_t *blocks)
{
    const struct site *site = &table->sites[index];
    bool saved = site->epoch == table->epoch;
    *bytes = saved ? site->peak_bytes : site->live_bytes;
    *blocks = saved ? site->peak_blocks : site->live_blocks;
}

struct sample_variance site_table_variance_at_peak(const struct site_table *table, uint32_t index)
{
    const struct site *site = &table->sites[index];
    return site->epoch == table->epoch ? site->peak_variance : site->live_variance;
}
