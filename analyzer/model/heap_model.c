/* SPDX-License-Identifier: Apache-2.0 */
#include "model/heap_model.h"

#include "model/heap_release.h"

void heap_model_init(struct heap_model *heap, struct site_table *sites, struct stack_tree *stacks,
                     struct error_model *errors, struct thread_table *threads)
{
    *heap =
        (struct heap_model){.sites = sites, .stacks = stacks, .errors = errors, .threads = threads};
}

void heap_model_release(struct heap_model *heap)
{
    block_table_release(&heap->blocks);
    era_table_release(&heap->eras);
    freed_history_release(&heap->history);
    owner_index_release(&heap->owners);
}

bool heap_model_start(struct heap_model *heap, uint64_t start_ticks, uint64_t quantum)
{
    return era_table_init(&heap->eras, start_ticks, quantum);
}

void heap_model_blind(struct heap_model *heap, uint64_t ticks)
{
    heap->inherits = true;
    if (ticks > heap->seeing_since)
        heap->seeing_since = ticks;
}

bool heap_model_blind_since(const struct heap_model *heap, uint64_t ticks)
{
    return heap->paused || heap->lost_streams || heap->seeing_since > ticks;
}

static bool heap_is_inherited(const struct heap_model *heap, const struct live_block *block)
{
    return heap->sites->sites[block->site].inherited;
}

/* The block becomes live: into the table and all sums of what is live. */
static bool heap_enter(struct heap_model *heap, const struct live_block *block, uint64_t ticks)
{
    if (!block_table_put(&heap->blocks, block) || !owner_index_put(&heap->owners, block))
        return false;
    struct sample_weight weight = sample_weigh(heap->sample_interval, block->size);
    site_table_add(heap->sites, block->site, &weight);
    if (heap_is_inherited(heap, block)) {
        heap->inherited_bytes += weight.bytes;
        heap->inherited_blocks += weight.blocks;
        return true;
    }
    struct era *era = &heap->eras.eras[block->era];
    era->live_bytes += weight.bytes;
    era->live_blocks += weight.blocks;
    heap->live_bytes += weight.bytes;
    heap->live_blocks += weight.blocks;
    sample_variance_add(&heap->live_variance, &weight);
    if (heap->live_bytes > heap->phase_peak)
        heap->phase_peak = heap->live_bytes;
    if (heap->live_blocks > heap->most_blocks) {
        heap->most_blocks = heap->live_blocks;
        heap->most_blocks_ticks = ticks;
    }
    if (heap->live_bytes > heap->peak_bytes) {
        heap->peak_bytes = heap->live_bytes;
        heap->peak_blocks = heap->live_blocks;
        heap->peak_variance = heap->live_variance;
        heap->peak_ticks = ticks;
        heap->sites->epoch++;
    }
    return true;
}

/* The opposite; the block has left the table already. */
static void heap_leave(struct heap_model *heap, const struct live_block *block)
{
    struct sample_weight weight = sample_weigh(heap->sample_interval, block->size);
    site_table_remove(heap->sites, block->site, &weight);
    if (heap_is_inherited(heap, block)) {
        heap->inherited_bytes -= weight.bytes;
        heap->inherited_blocks -= weight.blocks;
        return;
    }
    struct era *era = &heap->eras.eras[block->era];
    era->live_bytes -= weight.bytes;
    era->live_blocks -= weight.blocks;
    heap->live_bytes -= weight.bytes;
    heap->live_blocks -= weight.blocks;
    sample_variance_remove(&heap->live_variance, &weight);
}

static void heap_attribute(struct heap_model *heap, uint32_t site, const struct event *event)
{
    if ((event->minor | event->major) == 0)
        return;
    heap->sites->sites[site].minor += event->minor;
    heap->sites->sites[site].major += event->major;
    heap->attributed_minor += event->minor;
    heap->attributed_major += event->major;
}

static void heap_count_free(struct heap_model *heap, struct stream_state *stream,
                            const struct live_block *block)
{
    struct sample_weight weight = sample_weigh(heap->sample_interval, block->size);
    if (heap_is_inherited(heap, block)) {
        heap->inherited_frees++;
        return;
    }
    heap->frees += weight.blocks;
    heap->bytes_freed += weight.bytes;
    if (stream->thread < heap->threads->count)
        heap->threads->threads[stream->thread].frees += weight.blocks;
}

static bool heap_remember(struct heap_model *heap, const struct live_block *block, uint64_t ticks,
                          uint32_t node)
{
    struct freed_block freed = {.address = block->address,
                                .size = block->size,
                                .ticks = ticks,
                                .site = block->site,
                                .node = node};
    return freed_history_push(&heap->history, &freed);
}

/* Whether the block is what the thread allocated last: it lived for nothing in between.  In a
 * sampled trace the recorder said so before. */
static bool heap_is_temporary(const struct heap_model *heap, struct stream_state *stream,
                              const struct live_block *block)
{
    uint64_t newest = heap->sample_interval ? stream->temporary : stream->last_alloc;
    if (newest != block->address || block->stream != (stream->index & 0xffff) ||
        heap_is_inherited(heap, block))
        return false;
    stream->last_alloc = 0;
    return true;
}

static void heap_count_temporary(struct heap_model *heap, struct stream_state *stream,
                                 const struct live_block *block)
{
    if (heap_is_temporary(heap, stream, block)) {
        struct sample_weight weight = sample_weigh(heap->sample_interval, block->size);
        heap->temporary += weight.blocks;
        heap->sites->sites[block->site].temporary += weight.blocks;
    }
}

const struct live_block *heap_model_moving(const struct heap_model *heap, size_t *position)
{
    if (heap->moving_blocks + heap->inherited_moving == 0)
        return NULL;
    while (*position < heap->stream_count) {
        const struct pending_realloc *pending = &heap->streams[(*position)++].realloc;
        if (pending->active && pending->known)
            return &pending->block;
    }
    return NULL;
}

static void heap_pending_begin(struct heap_model *heap, const struct pending_realloc *pending)
{
    struct sample_weight weight = sample_weigh(heap->sample_interval, pending->block.size);
    if (heap_is_inherited(heap, &pending->block)) {
        heap->inherited_moving++;
        return;
    }
    heap->moving_bytes += weight.bytes;
    heap->moving_blocks += weight.blocks;
}

static void heap_pending_end(struct heap_model *heap, struct pending_realloc *pending)
{
    pending->active = false;
    if (!pending->known)
        return;
    struct sample_weight weight = sample_weigh(heap->sample_interval, pending->block.size);
    if (heap_is_inherited(heap, &pending->block)) {
        heap->inherited_moving--;
        return;
    }
    heap->moving_bytes -= weight.bytes;
    heap->moving_blocks -= weight.blocks;
}

/* The new block of a realloc is there: the old one is gone for good. */
static bool heap_finish_realloc(struct heap_model *heap, struct stream_state *stream,
                                uint64_t ticks, uint32_t node)
{
    struct pending_realloc *pending = &stream->realloc;
    if (!pending->active)
        return true;
    heap_pending_end(heap, pending);
    if (!pending->known) {
        heap->inherited_frees += !pending->reported;
        return true;
    }
    if (!heap_is_inherited(heap, &pending->block))
        heap->reallocations += sample_weigh(heap->sample_interval, pending->block.size).blocks;
    heap_count_free(heap, stream, &pending->block);
    return heap_remember(heap, &pending->block, ticks, node);
}

/* `address` is handed out although a block is live there: its release was not seen. */
static void heap_displace(struct heap_model *heap, uint64_t address)
{
    struct live_block old;
    if (!block_table_take(&heap->blocks, address, &old))
        return;
    heap_leave(heap, &old);
    if (heap_is_inherited(heap, &old))
        return;
    heap->displaced += sample_weigh(heap->sample_interval, old.size).blocks;
    if (!heap->inherits)
        heap->impossible++;
}

static bool heap_is_realloc(const struct event *event)
{
    return event->kind == VMT_REALLOC || event->subkind == VMT_SUB_REALLOCARRAY;
}

static void heap_count_alloc(struct heap_model *heap, const struct stream_state *stream,
                             const struct event *event, uint32_t site)
{
    struct sample_weight weight = sample_weigh(heap->sample_interval, event->size);
    heap->samples++;
    heap->allocations += weight.blocks;
    heap->bytes_allocated += weight.bytes;
    site_table_count(heap->sites, site, event->size, &weight, event->ticks);
    sample_variance_add(&heap->allocated_variance, &weight);
    if (stream->thread < heap->threads->count) {
        struct thread_entry *thread = &heap->threads->threads[stream->thread];
        thread->allocations += weight.blocks;
        thread->bytes_allocated += weight.bytes;
    }
}

static bool heap_alloc(struct heap_model *heap, struct stream_state *stream,
                       const struct event *event, uint32_t node)
{
    heap_release_outcome(heap, stream, heap_is_realloc(event) ? node : STACK_NONE);
    if (heap_is_realloc(event) && !heap_finish_realloc(heap, stream, event->ticks, node))
        return false;
    if (event->address == 0 || event->size > BLOCK_MAX_SIZE) {
        heap->impossible++;
        return true;
    }
    uint32_t site =
        site_table_get(heap->sites, heap->stacks, node, SITE_KIND(event->kind, event->subkind));
    if (site == SITE_NONE)
        return false;
    heap_displace(heap, event->address);
    heap_count_alloc(heap, stream, event, site);
    heap_attribute(heap, site, event);
    stream->last_alloc = event->address;
    struct live_block block = {.address = event->address,
                               .size = event->size & BLOCK_MAX_SIZE,
                               .stream = stream->index & 0xffff,
                               .site = site,
                               .era = era_table_at(&heap->eras, event->ticks)};
    return heap_enter(heap, &block, event->ticks);
}

static bool heap_free(struct heap_model *heap, struct stream_state *stream,
                      const struct event *event, uint32_t node)
{
    struct live_block block;
    if (!block_table_take(&heap->blocks, event->address, &block)) {
        if (event->address && !heap_release_unknown(heap, stream, event, node))
            heap->inherited_frees++;
        return true;
    }
    heap_leave(heap, &block);
    heap_count_free(heap, stream, &block);
    heap_count_temporary(heap, stream, &block);
    heap_attribute(heap, block.site, event);
    heap_release_check(heap, stream, event, node, &block);
    return heap_remember(heap, &block, event->ticks, node);
}

bool heap_model_abandon(struct heap_model *heap, struct stream_state *stream)
{
    struct pending_realloc *pending = &stream->realloc;
    if (!pending->active)
        return true;
    heap_pending_end(heap, pending);
    if (!pending->known)
        return true;
    if (block_table_find(&heap->blocks, pending->block.address)) {
        if (heap_is_inherited(heap, &pending->block))
            return true;
        heap->impossible += !heap->inherits;
        heap->displaced += sample_weigh(heap->sample_interval, pending->block.size).blocks;
        return true;
    }
    return heap_enter(heap, &pending->block, heap->eras.eras[heap->eras.count - 1].ticks);
}

static bool heap_realloc_begin(struct heap_model *heap, struct stream_state *stream,
                               const struct event *event, uint32_t node)
{
    struct pending_realloc *pending = &stream->realloc;
    if (pending->active) {
        heap->impossible += !heap->inherits;
        if (!heap_model_abandon(heap, stream))
            return false;
    }
    *pending = (struct pending_realloc){.active = true, .block = {.address = event->address}};
    pending->known = block_table_take(&heap->blocks, event->address, &pending->block);
    if (!pending->known) {
        pending->reported = heap_release_unknown(heap, stream, event, node);
        return true;
    }
    heap_leave(heap, &pending->block);
    heap_pending_begin(heap, pending);
    heap_attribute(heap, pending->block.site, event);
    heap_release_check(heap, stream, event, node, &pending->block);
    return true;
}

static bool heap_failed(struct heap_model *heap, struct stream_state *stream,
                        const struct event *event, uint32_t node)
{
    uint32_t kind = event->type == EVENT_REALLOC_FAILED ? VMT_REALLOC : event->kind;
    uint32_t site = site_table_get(heap->sites, heap->stacks, node, SITE_KIND(kind, 0));
    if (site == SITE_NONE)
        return false;
    heap_release_outcome(heap, stream, event->type == EVENT_REALLOC_FAILED ? node : STACK_NONE);
    heap->failed++;
    heap->sites->sites[site].failed++;
    heap_attribute(heap, site, event);
    return event->type != EVENT_REALLOC_FAILED || heap_model_abandon(heap, stream);
}

static bool heap_realloc_freed(struct heap_model *heap, struct stream_state *stream,
                               const struct event *event)
{
    struct pending_realloc *pending = &stream->realloc;
    if (!pending->active)
        return true;
    heap_pending_end(heap, pending);
    if (!pending->known) {
        heap->inherited_frees += !pending->reported;
        return true;
    }
    heap_count_free(heap, stream, &pending->block);
    /* In a sampled trace it is mostly a realloc whose new block was left out. */
    if (heap->sample_interval && !heap_is_inherited(heap, &pending->block))
        heap->reallocations += sample_weigh(heap->sample_interval, pending->block.size).blocks;
    else
        heap_count_temporary(heap, stream, &pending->block);
    heap_attribute(heap, pending->block.site, event);
    return heap_remember(heap, &pending->block, event->ticks, STACK_NONE);
}

bool heap_model_inherit(struct heap_model *heap, const struct live_block *block)
{
    return heap_enter(heap, block, 0);
}

bool heap_model_apply(struct heap_model *heap, struct stream_state *stream,
                      const struct event *event, uint32_t node)
{
    bool good;
    switch (event->type) {
    case EVENT_ALLOC:
        return heap_alloc(heap, stream, event, node);
    case EVENT_FREE:
        good = heap_free(heap, stream, event, node);
        stream->temporary = 0;
        return good;
    case EVENT_REALLOC_BEGIN:
        stream->temporary = 0;
        return heap_realloc_begin(heap, stream, event, node);
    case EVENT_ALLOC_FAILED:
    case EVENT_REALLOC_FAILED:
        return heap_failed(heap, stream, event, node);
    case EVENT_REALLOC_FREED:
        return heap_realloc_freed(heap, stream, event);
    default:
        return true;
    }
}
