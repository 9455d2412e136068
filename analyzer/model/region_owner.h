/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a stretch of the address space is, apart from the live blocks in it.
 *
 * What is known better comes first: memory that the recorder says is its own; stacks of threads;
 * the program's mappings and those of the allocator; the trace; binaries; files; names that the
 * kernel gives; the 64 MiB pieces of glibc's arenas.
 */
#ifndef VMTRACE_MODEL_REGION_OWNER_H
#define VMTRACE_MODEL_REGION_OWNER_H

#include "model/block_order.h"
#include "model/residency_model.h"

struct stretch {
    uint64_t end;
    enum residency_part file_pages; /* pages of files, or shared ones */
    enum residency_part pages;      /* other pages without live blocks */
    enum residency_part rest;       /* what live blocks leave of theirs */
    uint32_t site;                  /* of the program's mapping, or SITE_NONE */
    uint32_t module;                /* or MODULE_NONE */
    uint32_t tid;                   /* whose stack, or 0 */
    bool program_data;              /* a binary's: pages of no file are its variables */
};

/* That of `at`, which is in capture->regions[region]; the capture is sorted.  The model knows
 * stacks, mappings and modules. */
struct stretch region_owner(const struct residency_model *model,
                            const struct residency_capture *capture,
                            const struct block_order *order, size_t region, uint64_t at);

/* Whether a region shows a file, not shared memory that only has a name. */
bool region_is_file(const struct residency_region *region);

#endif
