/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sites: a call stack and the kind of call made there, with everything counted about it.
 *
 * What each site held at the process' peak is kept lazily: a new peak only advances `epoch`,
 * and a site saves its live value when it changes for the first time after that.  So
 *
 *     at the peak = site.epoch == epoch ? site.peak_* : site.live_*
 */
#ifndef VMTRACE_MODEL_SITE_TABLE_H
#define VMTRACE_MODEL_SITE_TABLE_H

#include "model/sample_weight.h"
#include "model/stack_tree.h"

#define SITE_NONE UINT32_MAX

/* Kinds of sites: enum vmt_kind in the low byte, enum vmt_subkind in the next, or: */
#define SITE_KIND(kind, subkind) ((uint32_t)(kind) | (uint32_t)(subkind) << 8)
enum {
    SITE_MMAP = 0x10000,
    SITE_SHM = 0x10001,
    SITE_BREAK = 0x10002,
    SITE_POOL = 0x20000, /* plus the index of the pool's name */
};

struct site {
    uint32_t node; /* stack */
    uint32_t kind;
    uint32_t next; /* site with the same stack */
    bool several_names;
    bool moved;       /* mappings: mremap brought pages that were touched elsewhere */
    bool inherited;   /* of what a forked child has from its parent: model/inherit.h */
    uint64_t epoch;   /* of peak_* */
    uint64_t samples; /* allocations that were recorded */
    uint64_t allocations, bytes_allocated, temporary, failed;
    uint64_t live_bytes, live_blocks;
    uint64_t peak_bytes, peak_blocks; /* at the process' peak; see above */
    struct sample_variance allocated_variance, live_variance, peak_variance;
    uint64_t own_peak_bytes;
    uint64_t first_ticks, last_ticks; /* of an allocation; meaningless without one */
    uint64_t largest;
    uint64_t minor, major;                 /* that its events carried */
    uint64_t touched_minor, touched_major; /* that are known to be of its memory */
    const char *name;                      /* mappings: the file, unless there were several */
};

/* All zero is an empty table. */
struct site_table {
    struct site *sites;
    size_t count, capacity;
    uint64_t epoch; /* number of peaks so far */
};

void site_table_release(struct site_table *table);

/* Index of the site, made when it is new; SITE_NONE when out of memory. */
uint32_t site_table_get(struct site_table *table, struct stack_tree *stacks, uint32_t node,
                        uint32_t kind);

/* The same for what was allocated before the process was forked. */
uint32_t site_table_inherit(struct site_table *table, struct stack_tree *stacks, uint32_t node,
                            uint32_t kind);

/* Counts an allocation's call; its bytes become live by site_table_add. */
void site_table_count(struct site_table *table, uint32_t site, uint64_t size,
                      const struct sample_weight *weight, uint64_t ticks);

/* What becomes live, or is no longer. */
void site_table_add(struct site_table *table, uint32_t site, const struct sample_weight *weight);
void site_table_remove(struct site_table *table, uint32_t site, const struct sample_weight *weight);

/* What the site held at the process' peak. */
void site_table_at_peak(const struct site_table *table, uint32_t site, uint64_t *bytes,
                        uint64_t *blocks);
struct sample_variance site_table_variance_at_peak(const struct site_table *table, uint32_t site);

#endif
