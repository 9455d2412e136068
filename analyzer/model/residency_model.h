/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of what is in memory, joined with what lived at that moment.
 *
 * A snapshot is collected from its RESIDENCY to its RESIDENCY_END record and joined then
 * (model/residency_join.h); one that never ended is dropped.  Of the newest all sites and all
 * regions are kept, of older ones the RESIDENCY_SITES sites with the most resident bytes.  When
 * there are RESIDENCY_MAX, one that the recorder took by itself makes room.
 *
 * Memory grows with live blocks, regions and runs of pages, not with snapshots or events.
 */
#ifndef VMTRACE_MODEL_RESIDENCY_MODEL_H
#define VMTRACE_MODEL_RESIDENCY_MODEL_H

#include "base/arena.h"
#include "base/hash_map.h"
#include "decode/event.h"
#include "model/heap_model.h"
#include "model/mapping_model.h"
#include "model/module_table.h"
#include "model/residency_snapshot.h"

#define RESIDENCY_MAX ((size_t)256)
#define RESIDENCY_SITES ((size_t)4096)
#define RESIDENCY_FILES ((size_t)256)
#define RESIDENCY_REGIONS ((size_t)1 << 20)
#define RESIDENCY_RUNS ((size_t)1 << 22)
/* Live blocks that all joins together may go through; each time it is reached, only half as many
 * of the snapshots that follow are joined, and the others count as dropped.  A live block costs
 * some 80 ns. */
#define RESIDENCY_WORK ((uint64_t)1 << 25)
#define RESIDENCY_NAMES ((size_t)1 << 16) /* different ones; later ones are "" */

/* Pages in a row that are alike. */
struct page_run {
    uint64_t start, end;
    uint32_t state; /* VMT_PAGE_* */
    uint32_t page_size;
};

/* Where a thread's stack may lie; they do not overlap. */
struct stack_range {
    uint64_t low, high;
    uint32_t tid;
};

struct address_range {
    uint64_t start, end;
};

/* What one snapshot tells, as it comes; of a scan, regions and own memory. */
struct residency_capture {
    bool open;
    uint32_t stream;
    struct residency header;
    struct residency_region *regions;
    size_t region_count, region_capacity;
    struct page_run *runs;
    size_t run_count, run_capacity;
    struct address_range *own; /* the recorder's memory */
    size_t own_count, own_capacity;
    bool cut; /* there was more than there is room for */
};

struct residency_model {
    const struct heap_model *heap;
    const struct mapping_model *maps;
    const struct module_table *modules;
    struct arena *arena;
    const char *trace;          /* the trace's path without folders */
    struct stack_range *stacks; /* by address */
    size_t stack_count, stack_capacity;
    struct residency_capture capture;
    struct residency *snapshots; /* by time */
    size_t count, capacity;
    struct residency_region *regions; /* of the newest, by address */
    size_t region_count;
    const char **names; /* interned */
    size_t name_count, name_capacity;
    struct hash_map by_name;
    uint64_t dropped, unfinished;
    uint64_t work;         /* live blocks gone through since it was RESIDENCY_WORK */
    uint64_t stride, next; /* one in so many snapshots is joined; how many are left until then */
    bool exited;           /* that of the exit was joined */
};

void residency_model_init(struct residency_model *model, const struct heap_model *heap,
                          const struct mapping_model *maps, const struct module_table *modules,
                          struct arena *arena, const char *trace_path);
void residency_model_release(struct residency_model *model);

/* Takes in RESIDENCY, REGION, PAGES, RESIDENCY_END, STACK and MAP.  False when out of memory. */
bool residency_model_apply(struct residency_model *model, uint32_t stream, uint32_t tid,
                           const struct event *event);

/* Adds a REGION record.  False when out of memory. */
bool residency_capture_region(struct residency_model *model, struct residency_capture *capture,
                              const struct event *event);
void residency_capture_release(struct residency_capture *capture);

/* Index of the first stack that ends behind `address`. */
size_t residency_stack_find(const struct residency_model *model, uint64_t address);

/* The newest, or NULL. */
const struct residency *residency_model_last(const struct residency_model *model);

#endif
