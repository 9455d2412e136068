/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of a snapshot while it is joined: by part, site, file and region.
 *
 * Init, then size and pages for each stretch of each region by rising address, rest at the end of
 * each region, finish; which also releases.
 */
#ifndef VMTRACE_MODEL_RESIDENCY_SUMS_H
#define VMTRACE_MODEL_RESIDENCY_SUMS_H

#include "base/hash_map.h"
#include "model/region_owner.h"

struct residency_sums {
    struct residency_model *model;
    struct residency *snapshot;
    struct block_order order;
    struct residency_site *sites; /* by number */
    size_t site_count;
    struct hash_map files; /* by where their interned names are */
    size_t file_capacity;
    size_t block;                   /* in the order: none before it ends behind what was swept */
    struct residency_bytes unknown; /* in PART_OTHER, but blocks that nobody told of may be there */
    bool failed;                    /* out of memory */
};

/* Pages in a row that are alike, in one stretch. */
struct sums_pages {
    uint64_t start, end, page_size;
    bool present; /* else swapped */
    bool file;
    double share; /* of each of their bytes that counts */
    double pss;   /* what such a byte counts when processes share it in equal parts: 0 to 1 */
};

bool residency_sums_init(struct residency_sums *sums, struct residency_model *model,
                         struct residency *snapshot);

/* `size` bytes of address space. */
void residency_sums_size(struct residency_sums *sums, struct residency_region *region,
                         const struct stretch *stretch, uint64_t size);

void residency_sums_pages(struct residency_sums *sums, struct residency_region *region,
                          const struct stretch *stretch, const struct sums_pages *pages);

/* What the kernel counts in the region beyond the pages that were told goes to `owner`. */
void residency_sums_rest(struct residency_sums *sums, struct residency_region *region,
                         enum residency_part owner);

bool residency_sums_finish(struct residency_sums *sums);

#endif
