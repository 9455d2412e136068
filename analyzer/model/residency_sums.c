/* SPDX-License-Identifier: Apache-2.0 */
#include "model/residency_sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "model/sample_weight.h"

/* A page with less of it live is held by what little there is. */
#define PINNED_SHARE 4
#define PAGE_SURVIVORS 256 /* blocks of one page that are charged for what they pin */

/* What a realloc is moving is live, but in no sum of what is. */
static void sums_add_moving(struct residency_sums *sums, const struct heap_model *heap)
{
    size_t position = 0;
    for (const struct live_block *block; (block = heap_model_moving(heap, &position));) {
        struct sample_weight weight = sample_weigh(heap->sample_interval, block->size);
        struct residency_site *site = &sums->sites[block->site];
        site->bytes.size += sample_estimate(heap->sample_interval, weight.bytes);
        site->blocks += sample_estimate(heap->sample_interval, weight.blocks);
    }
}

bool residency_sums_init(struct residency_sums *sums, struct residency_model *model,
                         struct residency *snapshot)
{
    const struct site_table *table = model->heap->sites;
    *sums = (struct residency_sums){.model = model, .snapshot = snapshot};
    sums->site_count = table->count;
    sums->sites = calloc(table->count + 1, sizeof(*sums->sites));
    if (!sums->sites || !block_order_init(&sums->order, model->heap)) {
        free(sums->sites);
        return false;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct site *site = &table->sites[i];
        uint64_t interval = site->kind < SITE_MMAP ? model->heap->sample_interval : 0;
        sums->sites[i].site = (uint32_t)i;
        sums->sites[i].bytes.size = sample_estimate(interval, site->live_bytes);
        sums->sites[i].blocks = sample_estimate(interval, site->live_blocks);
    }
    sums_add_moving(sums, model->heap);
    return true;
}

static struct residency_file *sums_file(struct residency_sums *sums, const char *name)
{
    struct residency *snapshot = sums->snapshot;
    uint64_t key = (uint64_t)(uintptr_t)name;
    uint32_t index = hash_map_get(&sums->files, key);
    if (index != HASH_MAP_NONE)
        return &snapshot->files[index];
    if ((snapshot->file_count == sums->file_capacity &&
         !vector_grow(&snapshot->files, &sums->file_capacity, sizeof(*snapshot->files))) ||
        !hash_map_put(&sums->files, key, (uint32_t)snapshot->file_count)) {
        sums->failed = true;
        return NULL;
    }
    snapshot->files[snapshot->file_count] = (struct residency_file){.name = name};
    return &snapshot->files[snapshot->file_count++];
}

static void bytes_add(struct residency_bytes *sum, uint64_t bytes, bool present)
{
    if (present)
        sum->resident += bytes;
    else
        sum->swapped += bytes;
}

void residency_sums_size(struct residency_sums *sums, struct residency_region *region,
                         const struct stretch *stretch, uint64_t size)
{
    region->parts[stretch->file_pages].size += size;
    sums->snapshot->parts[stretch->file_pages].size += size;
    if (stretch->file_pages == PART_FILES) {
        struct residency_file *file = sums_file(sums, region->name);
        if (file)
            file->bytes.size += size;
    }
}

/* ---- pages ---- */

/* Where one sweep is. */
struct sums_sweep {
    struct residency_sums *sums;
    struct residency_region *region;
    const struct stretch *stretch;
    const struct sums_pages *pages;
    enum residency_part empty; /* whose pages without live blocks are */
    enum residency_part rest;
};

static uint64_t sweep_share(const struct sums_sweep *sweep, uint64_t bytes)
{
    return sweep->pages->share < 1 ? (uint64_t)((double)bytes * sweep->pages->share) : bytes;
}

/* What of `bytes`, which are part of it, the kernel says of the whole region alone. */
static void sweep_site(const struct sums_sweep *sweep, struct residency_site *site, uint64_t bytes)
{
    const struct residency_region *region = sweep->region;
    if (!sweep->pages->present)
        return;
    site->pss += (uint64_t)((double)bytes * sweep->pages->pss + 0.5);
    if (region->rss && region->huge)
        site->huge += (uint64_t)((double)bytes * (double)region->huge / (double)region->rss);
}

/* `bytes` of pages that no live block has. */
static void sweep_add(struct sums_sweep *sweep, enum residency_part part, uint64_t bytes)
{
    struct residency *snapshot = sweep->sums->snapshot;
    bool present = sweep->pages->present;
    bytes = sweep_share(sweep, bytes);
    bytes_add(&sweep->region->parts[part], bytes, present);
    bytes_add(&snapshot->parts[part], bytes, present);
    if (part == PART_OTHER && sweep->stretch->rest == PART_FREE)
        bytes_add(&sweep->sums->unknown, bytes, present);
    if (sweep->stretch->program_data && part == PART_OTHER && present)
        snapshot->program_data += bytes;
    if (part == PART_FILES) {
        struct residency_file *file = sums_file(sweep->sums, sweep->region->name);
        if (file)
            bytes_add(&file->bytes, bytes, present);
    }
    if (sweep->stretch->site != SITE_NONE && sweep->stretch->site < sweep->sums->site_count &&
        (part == PART_MAPPINGS || part == PART_FILES)) {
        struct residency_site *site = &sweep->sums->sites[sweep->stretch->site];
        bytes_add(&site->bytes, bytes, present);
        if (part == PART_FILES && present)
            site->of_files += bytes;
        sweep_site(sweep, site, bytes);
    }
}

/* `bytes` of pages that are in a live block. */
static void sweep_live(struct sums_sweep *sweep, const struct ordered_block *block, uint64_t bytes)
{
    bool present = sweep->pages->present;
    bytes = sweep_share(sweep, bytes);
    bytes_add(&sweep->region->parts[PART_LIVE], bytes, present);
    bytes_add(&sweep->sums->snapshot->parts[PART_LIVE], bytes, present);
    if (block->site >= sweep->sums->site_count)
        return;
    struct residency_site *site = &sweep->sums->sites[block->site];
    uint64_t weighed =
        block->weight > 1 ? (uint64_t)((double)bytes * (double)block->weight + 0.5) : bytes;
    bytes_add(&site->bytes, weighed, present);
    sweep_site(sweep, site, weighed);
}

/* A page of which little is live: its survivors answer for the rest, by their bytes. */
static void sweep_pin(struct sums_sweep *sweep, const struct ordered_block *blocks,
                      const uint64_t *bytes, size_t count, uint64_t live)
{
    struct residency_sums *sums = sweep->sums;
    uint64_t unused = sweep->pages->page_size - live, left = unused;
    if (!sweep->pages->present || sweep->pages->share < 1 || sweep->rest != PART_FREE ||
        live == 0 || live * PINNED_SHARE >= sweep->pages->page_size)
        return;
    sums->snapshot->pinned += unused;
    for (size_t i = 0; i < count; i++) {
        uint64_t part = i + 1 == count ? left : unused * bytes[i] / live;
        left -= part < left ? part : left;
        if (blocks[i].site < sums->site_count)
            sums->sites[blocks[i].site].pinned += part;
    }
}

/* The page at..end has live blocks, from sums->block on, and something else. */
static void sweep_mixed_page(struct sums_sweep *sweep, uint64_t at, uint64_t end)
{
    struct residency_sums *sums = sweep->sums;
    const struct ordered_block *blocks = sums->order.blocks + sums->block;
    uint64_t bytes[PAGE_SURVIVORS], live = 0;
    size_t count = 0, i = 0;
    for (; sums->block + i < sums->order.count && blocks[i].start < end; i++) {
        uint64_t start = blocks[i].start > at ? blocks[i].start : at;
        uint64_t stop = blocks[i].end < end ? blocks[i].end : end;
        live += stop - start;
        if (count < PAGE_SURVIVORS)
            bytes[count++] = stop - start;
        sweep_live(sweep, &blocks[i], stop - start);
    }
    sweep_add(sweep, sweep->rest, end - at - live);
    if (end - at == sweep->pages->page_size)
        sweep_pin(sweep, blocks, bytes, count, live);
    while (sums->block < sums->order.count && sums->order.blocks[sums->block].end <= end)
        sums->block++;
}

static void sweep_empty(struct sums_sweep *sweep, uint64_t bytes)
{
    sweep_add(sweep, sweep->empty, bytes);
    if (sweep->empty == PART_FREE && sweep->pages->present)
        sweep->sums->snapshot->free_pages += sweep_share(sweep, bytes);
}

static void sweep_run(struct sums_sweep *sweep)
{
    struct residency_sums *sums = sweep->sums;
    uint64_t mask = ~(sweep->pages->page_size - 1), end = sweep->pages->end;
    for (uint64_t at = sweep->pages->start; at < end;) {
        while (sums->block < sums->order.count && sums->order.blocks[sums->block].end <= at)
            sums->block++;
        const struct ordered_block *block =
            sums->block < sums->order.count ? &sums->order.blocks[sums->block] : NULL;
        uint64_t page_end = (at & mask) + sweep->pages->page_size;
        if (page_end > end || page_end < at)
            page_end = end;
        if (!block || block->start >= page_end) {
            uint64_t next = !block || block->start >= end ? end : block->start & mask;
            if (next < page_end)
                next = page_end;
            sweep_empty(sweep, next - at);
            at = next;
        } else if (block->start <= at && block->end >= page_end) {
            uint64_t next = block->end >= end ? end : block->end & mask;
            sweep_live(sweep, block, next - at);
            at = next;
        } else {
            sweep_mixed_page(sweep, at, page_end);
            at = page_end;
        }
    }
}

void residency_sums_pages(struct residency_sums *sums, struct residency_region *region,
                          const struct stretch *stretch, const struct sums_pages *pages)
{
    struct sums_sweep sweep = {sums, region, stretch, pages, stretch->pages, stretch->rest};
    if (pages->file)
        sweep.empty = sweep.rest = stretch->file_pages;
    sums->block = block_order_find(&sums->order, pages->start);
    sweep_run(&sweep);
}

/* ---- ends ---- */

void residency_sums_rest(struct residency_sums *sums, struct residency_region *region,
                         enum residency_part owner)
{
    struct residency *snapshot = sums->snapshot;
    uint64_t told = 0;
    for (size_t i = 0; i < PART_COUNT; i++)
        told += region->parts[i].resident;
    if (told < region->rss) {
        uint64_t rest = region->rss - told;
        if (owner == PART_MAPPINGS || owner == PART_LIVE)
            owner = PART_OTHER; /* sums of sites shall stay so */
        region->parts[owner].resident += rest;
        snapshot->parts[owner].resident += rest;
        struct residency_file *file = owner == PART_FILES ? sums_file(sums, region->name) : NULL;
        if (file)
            file->bytes.resident += rest;
    }
    snapshot->shared_clean += region->shared_clean;
    snapshot->shared_dirty += region->shared_dirty;
    snapshot->private_clean += region->private_clean;
    snapshot->private_dirty += region->private_dirty;
    snapshot->huge += region->huge;
}

static uint64_t *site_bytes(struct residency_site *site, bool present)
{
    return present ? &site->bytes.resident : &site->bytes.swapped;
}

/* Shares `total` bytes out among the heap's sites as what they have now: of `estimate`. */
static void sums_share(struct residency_sums *sums, bool present, uint64_t estimate, uint64_t total)
{
    uint64_t before = 0, told = 0;
    for (size_t i = 0; i < sums->site_count && estimate; i++) {
        if (sums->model->heap->sites->sites[i].kind >= SITE_MMAP)
            continue;
        struct residency_site *site = &sums->sites[i];
        uint64_t *bytes = site_bytes(site, present);
        before += *bytes;
        uint64_t until = (uint64_t)((double)total * ((double)before / (double)estimate));
        if (present && *bytes)
            site->pss =
                (uint64_t)((double)site->pss * (double)(until - told) / (double)*bytes + 0.5);
        *bytes = until - told;
        told = until;
    }
}

static uint64_t bytes_move(uint64_t *from, uint64_t limit, uint64_t more)
{
    uint64_t most = *from < limit ? *from : limit, moved = more < most ? more : most;
    *from -= moved;
    return moved;
}

/* Of a sampled heap only some blocks are known.  What they stand for was counted as free or, where
 * a block is a mapping of its own, as nobody's; there may be less of that than the estimate. */
static void sums_weigh(struct residency_sums *sums, bool present)
{
    struct residency_bytes *parts = sums->snapshot->parts;
    uint64_t *live = present ? &parts[PART_LIVE].resident : &parts[PART_LIVE].swapped;
    uint64_t *unused = present ? &parts[PART_FREE].resident : &parts[PART_FREE].swapped;
    uint64_t *other = present ? &parts[PART_OTHER].resident : &parts[PART_OTHER].swapped;
    uint64_t estimate = 0;
    for (size_t i = 0; i < sums->site_count; i++) {
        if (sums->model->heap->sites->sites[i].kind < SITE_MMAP)
            estimate += *site_bytes(&sums->sites[i], present);
    }
    if (estimate > *live)
        *live += bytes_move(unused, UINT64_MAX, estimate - *live);
    if (estimate > *live)
        *live += bytes_move(other, present ? sums->unknown.resident : sums->unknown.swapped,
                            estimate - *live);
    sums_share(sums, present, estimate, *live);
}

static void sums_weigh_all(struct residency_sums *sums)
{
    sums_weigh(sums, true);
    sums_weigh(sums, false);
    sums->snapshot->pinned = sums->snapshot->free_pages = 0;
    for (size_t i = 0; i < sums->site_count; i++)
        sums->sites[i].pinned = 0;
}

static int compare_files(const void *left, const void *right)
{
    const struct residency_file *a = left, *b = right;
    if (a->bytes.resident != b->bytes.resident)
        return a->bytes.resident > b->bytes.resident ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void sums_sort_files(struct residency *snapshot)
{
    if (snapshot->file_count)
        qsort(snapshot->files, snapshot->file_count, sizeof(*snapshot->files), compare_files);
    for (size_t i = RESIDENCY_FILES; i < snapshot->file_count; i++) {
        struct residency_file *rest = &snapshot->files[RESIDENCY_FILES - 1];
        rest->name = NULL;
        rest->bytes.size += snapshot->files[i].bytes.size;
        rest->bytes.resident += snapshot->files[i].bytes.resident;
        rest->bytes.swapped += snapshot->files[i].bytes.swapped;
    }
    if (snapshot->file_count > RESIDENCY_FILES)
        snapshot->file_count = RESIDENCY_FILES;
}

static void sums_keep_sites(struct residency_sums *sums)
{
    size_t kept = 0;
    for (size_t i = 0; i < sums->site_count; i++) {
        const struct residency_site *site = &sums->sites[i];
        if (site->bytes.size | site->bytes.resident | site->bytes.swapped)
            sums->sites[kept++] = *site;
    }
    sums->snapshot->sites = sums->sites;
    sums->snapshot->site_count = kept;
}

bool residency_sums_finish(struct residency_sums *sums)
{
    struct residency *snapshot = sums->snapshot;
    const struct heap_model *heap = sums->model->heap;
    if (heap->sample_interval)
        sums_weigh_all(sums);
    for (size_t i = 0; i < PART_COUNT; i++)
        snapshot->rss_bytes += snapshot->parts[i].resident;
    if (snapshot->kernel_rss > snapshot->rss_bytes) { /* regions that could not be read */
        snapshot->parts[PART_OTHER].resident += snapshot->kernel_rss - snapshot->rss_bytes;
        snapshot->rss_bytes = snapshot->kernel_rss;
    }
    snapshot->parts[PART_LIVE].size =
        sample_estimate(heap->sample_interval, heap->live_bytes + heap->moving_bytes);
    sums_sort_files(snapshot);
    sums_keep_sites(sums);
    block_order_release(&sums->order);
    hash_map_release(&sums->files);
    if (sums->failed) {
        free(snapshot->sites);
        free(snapshot->files);
    }
    return !sums->failed;
}
