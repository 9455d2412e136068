/* SPDX-License-Identifier: Apache-2.0 */
#include "model/residency_join.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "model/region_owner.h"
#include "model/residency_sums.h"

/* One region while its pages are gone through. */
struct region_walk {
    struct residency_sums *sums;
    size_t index;
    struct residency_region *region;
    uint64_t zero;   /* bytes of pages that are present but count nowhere: the kernel's zero page */
    uint64_t excess; /* and other pages that the kernel does not count here (hugetlbfs) */
    double share;    /* of what is in here that is resident, where only their sum is known */
    double pss;      /* of a page that other processes have, too */
    uint64_t largest_mapping;
};

/* ---- order ---- */

static int compare_addresses(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_regions(const void *left, const void *right)
{
    return compare_addresses(((const struct residency_region *)left)->start,
                             ((const struct residency_region *)right)->start);
}

static int compare_runs(const void *left, const void *right)
{
    return compare_addresses(((const struct page_run *)left)->start,
                             ((const struct page_run *)right)->start);
}

static int compare_ranges(const void *left, const void *right)
{
    return compare_addresses(((const struct address_range *)left)->start,
                             ((const struct address_range *)right)->start);
}

/* They come from one that goes through the address space: nearly always they are in order. */
static void sort_if_needed(void *items, size_t count, size_t size,
                           int (*compare)(const void *, const void *))
{
    for (size_t i = 1; i < count; i++) {
        const char *item = (const char *)items + i * size;
        if (compare(item - size, item) > 0) {
            qsort(items, count, size, compare);
            return;
        }
    }
}

void residency_capture_sort(struct residency_capture *capture)
{
    uint64_t behind = 0;
    size_t kept = 0;
    sort_if_needed(capture->regions, capture->region_count, sizeof(*capture->regions),
                   compare_regions);
    for (size_t i = 0; i < capture->region_count; i++) {
        struct residency_region *region = &capture->regions[i];
        if (region->start < behind)
            continue;
        behind = region->end;
        capture->regions[kept++] = *region;
    }
    capture->region_count = kept;
    behind = kept = 0;
    sort_if_needed(capture->runs, capture->run_count, sizeof(*capture->runs), compare_runs);
    for (size_t i = 0; i < capture->run_count; i++) {
        struct page_run *run = &capture->runs[i];
        if (run->start < behind)
            continue;
        behind = run->end;
        capture->runs[kept++] = *run;
    }
    capture->run_count = kept;
    sort_if_needed(capture->own, capture->own_count, sizeof(*capture->own), compare_ranges);
}

/* Index of the first run that ends behind `address`. */
static size_t join_find_run(const struct residency_capture *capture, uint64_t address)
{
    size_t low = 0, high = capture->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (capture->runs[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- one region ---- */

static bool is_zero_page(uint32_t state)
{
    return !(state & (VMT_PAGE_FILE | VMT_PAGE_EXCLUSIVE));
}

/* The part of a run that is in start..end, less what the kernel does not count. */
static void walk_pages(struct region_walk *walk, const struct stretch *stretch,
                       const struct page_run *run, uint64_t start, uint64_t end)
{
    start = run->start > start ? run->start : start;
    end = run->end < end ? run->end : end;
    bool present = run->state & VMT_PAGE_PRESENT;
    uint64_t *uncounted = is_zero_page(run->state) ? &walk->zero : &walk->excess;
    if (present && *uncounted) {
        uint64_t skipped = *uncounted < end - start ? *uncounted : end - start;
        *uncounted -= skipped;
        start += skipped;
    }
    if (start >= end)
        return;
    const struct sums_pages pages = {
        .start = start,
        .end = end,
        .page_size = run->page_size,
        .present = present,
        .file = run->state & VMT_PAGE_FILE,
        .share = walk->share,
        .pss = run->state & VMT_PAGE_EXCLUSIVE ? 1 : walk->pss,
    };
    residency_sums_pages(walk->sums, walk->region, stretch, &pages);
}

static void walk_stretch(struct region_walk *walk, const struct stretch *stretch, uint64_t start)
{
    const struct residency_capture *capture = &walk->sums->model->capture;
    struct residency_region *region = walk->region;
    residency_sums_size(walk->sums, region, stretch, stretch->end - start);
    if (stretch->site != SITE_NONE && stretch->end - start > walk->largest_mapping) {
        walk->largest_mapping = stretch->end - start;
        region->site = stretch->site;
    }
    if (region->module == MODULE_NONE)
        region->module = stretch->module;
    if (region->tid == 0)
        region->tid = stretch->tid;
    if (region->present == UINT64_MAX && region->rss) {
        const struct page_run all = {region->start, region->end,
                                     VMT_PAGE_PRESENT |
                                         (region_is_file(region) ? VMT_PAGE_FILE : 0),
                                     (uint32_t)walk->sums->model->maps->page_size};
        walk_pages(walk, stretch, &all, start, stretch->end);
        return;
    }
    for (size_t i = join_find_run(capture, start); i < capture->run_count; i++) {
        if (capture->runs[i].start >= stretch->end)
            break;
        walk_pages(walk, stretch, &capture->runs[i], start, stretch->end);
    }
}

/* What the region's runs add up to. */
static void walk_count(struct region_walk *walk, uint64_t *present, uint64_t *zero, bool *told)
{
    const struct residency_capture *capture = &walk->sums->model->capture;
    const struct residency_region *region = walk->region;
    *present = *zero = 0;
    *told = false;
    for (size_t i = join_find_run(capture, region->start); i < capture->run_count; i++) {
        const struct page_run *run = &capture->runs[i];
        if (run->start >= region->end)
            break;
        uint64_t start = run->start > region->start ? run->start : region->start;
        uint64_t end = run->end < region->end ? run->end : region->end;
        *told = true;
        if (run->state & VMT_PAGE_PRESENT)
            *present += end - start;
        if ((run->state & VMT_PAGE_PRESENT) && is_zero_page(run->state))
            *zero += end - start;
    }
}

static double part_of(uint64_t part, uint64_t whole)
{
    return whole && part < whole ? (double)part / (double)whole : 1;
}

/* How much of a page that others have, too, counts here: what the kernel's sum has left for those.
 */
static double walk_pss(const struct residency_region *region)
{
    uint64_t own = region->private_clean + region->private_dirty;
    if (region->flags & VMT_REGION_NO_SIZES)
        return 1;
    if (region->present == UINT64_MAX)
        return part_of(region->pss, region->rss);
    return part_of(region->pss > own ? region->pss - own : 0,
                   region->shared_clean + region->shared_dirty);
}

static void walk_prepare(struct region_walk *walk)
{
    struct residency_region *region = walk->region;
    uint64_t present, zero;
    bool told;
    walk_count(walk, &present, &zero, &told);
    if (region->flags & VMT_REGION_NO_SIZES)
        region->rss = present;
    if (region->rss > region->end - region->start)
        region->rss = region->end - region->start;
    region->present = told || region->rss == 0 ? present : UINT64_MAX;
    if (region->present == UINT64_MAX) {
        walk->share = (double)region->rss / (double)(region->end - region->start);
        walk->sums->snapshot->guessed += region->rss;
    } else if (present > region->rss) {
        walk->zero = present - region->rss < zero ? present - region->rss : zero;
        walk->excess = present - region->rss - walk->zero;
    }
    walk->pss = walk_pss(region);
}

static void join_region(struct residency_sums *sums, size_t index)
{
    struct residency_region *region = &sums->model->capture.regions[index];
    struct region_walk walk = {.sums = sums, .index = index, .region = region, .share = 1};
    region->site = SITE_NONE;
    region->module = MODULE_NONE;
    walk_prepare(&walk);
    struct stretch stretch = {.end = region->start};
    region->owner = PART_COUNT;
    for (uint64_t at = region->start; at < region->end; at = stretch.end) {
        stretch = region_owner(sums->model, &sums->model->capture, &sums->order, index, at);
        if (region->owner == PART_COUNT)
            region->owner = region_is_file(region) ? stretch.file_pages : stretch.pages;
        walk_stretch(&walk, &stretch, at);
    }
    residency_sums_rest(sums, region, region->owner);
}

bool residency_join(struct residency_model *model, struct residency *snapshot)
{
    struct residency_sums sums;
    residency_capture_sort(&model->capture);
    *snapshot = model->capture.header;
    if (!residency_sums_init(&sums, model, snapshot))
        return false;
    for (size_t i = 0; i < model->capture.region_count; i++)
        join_region(&sums, i);
    return residency_sums_finish(&sums);
}
