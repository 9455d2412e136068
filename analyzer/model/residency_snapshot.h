/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was in memory at one moment, and whose it was.
 *
 * Every resident byte belongs to one part; of each part `resident` and `swapped` are sums of
 * bytes of pages, so that
 *
 *     sum of parts[].resident = rss_bytes
 *     parts[PART_LIVE].resident = sum of the heap sites' resident bytes
 *     parts[PART_MAPPINGS].resident = sum of the mapping sites' resident - of_files
 *     parts[PART_FREE].resident = free_pages + pinned + slack
 */
#ifndef VMTRACE_MODEL_RESIDENCY_SNAPSHOT_H
#define VMTRACE_MODEL_RESIDENCY_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmtrace/trace_format.h>

enum residency_part {
    PART_LIVE,     /* live blocks */
    PART_FREE,     /* kept by the allocator, in no live block */
    PART_MAPPINGS, /* the program's own mmap, shmat and sbrk */
    PART_FILES,    /* pages of files, which binaries are */
    PART_STACKS,
    PART_TRACER, /* the trace, the recorder and its memory */
    PART_OTHER,
    PART_COUNT,
};

struct residency_bytes {
    uint64_t size, resident, swapped;
};

/* At that moment.  `size` of heap sites is that of live blocks. */
struct residency_site {
    uint32_t site;
    uint64_t blocks;
    struct residency_bytes bytes;
    uint64_t huge; /* resident in huge pages; by proportion within a region */
    uint64_t pss;  /* resident, what is shared divided by how many processes have it; likewise */
    uint64_t of_files; /* mappings: pages of the file, which PART_FILES has */
    uint64_t pinned;   /* bytes of nearly empty pages that these blocks keep */
};

struct residency_file {
    const char *name;
    struct residency_bytes bytes;
};

/* A mapping of the process, as the kernel shows it. */
struct residency_region {
    uint64_t start, end, offset, device, inode;
    uint32_t flags; /* VMT_REGION_* */
    const char *name;
    uint64_t rss, pss, shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t anonymous, huge, swap, locked;
    uint64_t present; /* by its pages; UINT64_MAX: they were not told */
    struct residency_bytes parts[PART_COUNT];
    uint32_t site;             /* of the largest of the program's mappings in it; SITE_NONE */
    uint32_t module;           /* MODULE_NONE */
    uint32_t tid;              /* whose stack it is; 0 */
    enum residency_part owner; /* of its first byte */
};

struct residency {
    uint64_t ticks;
    uint32_t reason; /* enum vmt_residency */
    const char *name;
    uint64_t rss_bytes;  /* sum of the parts */
    uint64_t kernel_rss; /* as the kernel sums it up; 0: not told */
    uint64_t rough_rss;  /* as it counts for itself, which may lag behind */
    uint64_t virtual_bytes, swap_bytes, page_table_bytes, locked_bytes;
    uint64_t pss, anonymous, shared_clean, shared_dirty, private_clean, private_dirty, huge;
    uint64_t error; /* errno of what could not be read; 0: all was */
    uint64_t duration_ns;
    struct residency_bytes parts[PART_COUNT];
    uint64_t
        program_data; /* part of PART_OTHER: variables of binaries that no file holds (any more) */
    uint64_t free_pages;          /* part of PART_FREE: pages without any live block */
    uint64_t pinned;              /* and what is free in pages that are less than a quarter live */
    uint64_t guessed;             /* resident bytes of regions whose pages were not told */
    struct residency_site *sites; /* by number while it is the newest, then by resident */
    size_t site_count;
    struct residency_file *files; /* by resident bytes; the smallest in one without a name */
    size_t file_count;
};

#endif
