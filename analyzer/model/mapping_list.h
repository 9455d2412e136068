/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ranges that do not overlap, each with an owner.
 *
 * Sorted by falling address: kernels place new mappings below the older ones, so that most
 * additions happen at the end of the array.
 */
#ifndef VMTRACE_MODEL_MAPPING_LIST_H
#define VMTRACE_MODEL_MAPPING_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPPING_ALLOCATOR 1u /* made by the allocator, for blocks: not the program's */
#define MAPPING_SHM 2u
#define MAPPING_BREAK 4u
#define MAPPING_SHARED 32u /* MAP_SHARED */
#define MAPPING_FILE 64u
/* On a piece that was cut out: what it was cut from goes on above or below it. */
#define MAPPING_ABOVE 8u
#define MAPPING_BELOW 16u

struct mapping {
    uint64_t start, end; /* start < end */
    uint32_t site;       /* SITE_NONE for the allocator's */
    uint32_t flags;
    uint64_t bias; /* offset in its file - address; the same for all pieces of a mapping */
};

/* All zero is an empty list. */
struct mapping_list {
    struct mapping *mappings;
    size_t count, capacity;
};

void mapping_list_release(struct mapping_list *list);

/* The mappings [*first, result) overlap start..end. */
size_t mapping_list_overlapping(const struct mapping_list *list, uint64_t start, uint64_t end,
                                size_t *first);

/* Adds a range that overlaps none.  False when out of memory. */
bool mapping_list_add(struct mapping_list *list, const struct mapping *mapping);

/* Puts `count` (0 to 2) mappings in the place of [first, last). */
bool mapping_list_replace(struct mapping_list *list, size_t first, size_t last,
                          const struct mapping *mappings, size_t count);

#endif
