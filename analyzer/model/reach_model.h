/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scans of memory for pointers, and what they say of each block.
 *
 * A scan is collected from its SCAN to its SCAN_END record; the blocks are those that live at SCAN.
 * Of each scan sums are kept, and which sites had definite blocks; of the newest complete one
 * the graph and the class of each block, which a block that is still live has as long as its era is
 * before `era`: with a scan a new era begins.
 *
 * Memory grows with live blocks and the pointers to them, not with scans or events.
 */
#ifndef VMTRACE_MODEL_REACH_MODEL_H
#define VMTRACE_MODEL_REACH_MODEL_H

#include "base/arena.h"
#include "decode/event.h"
#include "model/heap_model.h"
#include "model/inherit.h"
#include "model/lsan_model.h"
#include "model/module_table.h"
#include "model/pool_model.h"
#include "model/reach_builder.h"
#include "model/reach_class.h"
#include "model/residency_model.h"
#include "model/stack_tree.h"

#define REACH_SCANS ((size_t)1024) /* later ones but that of the exit count as dropped */
/* Live blocks that all scans together may go through; each time it is reached, only half as many
 * of those that follow are judged.  That of the exit always is. */
#define REACH_WORK ((uint64_t)1 << 26)

/* aarch64 ignores the top byte of an address, where programs may keep tags. */
#define REACH_TAGGED_BITS ((UINT64_C(1) << 56) - 1)

struct reach_sum {
    uint64_t bytes, blocks; /* sums of weights */
};

/* Definite blocks of a site at a scan. */
struct reach_site {
    uint32_t site;
    struct reach_sum sum;
};

struct reach_scan {
    uint64_t ticks, number;
    uint32_t reason; /* enum vmt_scan */
    uint32_t stop;   /* enum vmt_stop */
    uint64_t threads, stopped;
    const char *name;
    uint64_t words, pointers, unreadable_bytes, pause_ns, duration_ns;
    const char *failure; /* why it says nothing; NULL: it is complete */
    bool all_stopped;    /* no thread went on meanwhile: what is definite is so for sure */
    bool all_blocks;     /* every block that lived was known */
    struct reach_sum sums[REACH_CLASSES];
    struct reach_site *definite; /* by site */
    size_t definite_count;
};

/* What one scan tells, as it comes. */
struct reach_capture {
    bool open, damaged;
    bool placed; /* threads and regions are complete, pointers come */
    uint32_t stream;
    size_t scan; /* index */
    uint32_t era;
    struct residency_capture regions;
    struct block_order order; /* until it is placed */
    struct reach_thread *threads;
    size_t thread_count, thread_capacity;
    bool *loader_sites;
    struct reach_builder builder;
};

struct reach_model {
    struct heap_model *heap;
    const struct pool_model *pools;
    struct residency_model *residency;
    const struct module_table *modules;
    const struct stack_tree *stacks;
    const struct inheritance *inheritance;
    const struct lsan_model *lsan; /* or NULL */
    uint32_t left_out;             /* 1 << enum reach_root_kind: pointers there do not count */
    struct arena *arena;
    uint64_t address_bits; /* those of a pointer that count */
    bool lossy;            /* events were lost, or a part of the file is damaged */
    struct reach_capture capture;
    struct reach_scan *scans; /* by time */
    size_t count, capacity;
    uint64_t dropped;
    uint64_t work, stride, next; /* as in the residency model */
    size_t judged;               /* which scan decides; SIZE_MAX: none was complete */
    struct reach_graph graph;    /* of that one, and: */
    struct reach_classes classes;
    struct reach_thread *threads; /* those that lived, by tid */
    size_t thread_count;
    uint32_t era; /* blocks of this one and later ones were allocated after it */
};

void reach_model_init(struct reach_model *model, struct heap_model *heap,
                      const struct pool_model *pools, struct residency_model *residency,
                      const struct module_table *modules, const struct stack_tree *stacks,
                      const struct inheritance *inheritance, struct arena *arena);
void reach_model_release(struct reach_model *model);

/* Takes in SCAN, REGION, SCAN_THREAD, POINTERS and SCAN_END.  False when out of memory. */
bool reach_model_apply(struct reach_model *model, uint32_t stream, const struct event *event);

/* A part of the stream is missing. */
void reach_model_gap(struct reach_model *model, uint32_t stream);

/* The trace is over. */
void reach_model_finish(struct reach_model *model);

/* The scan that decides, or NULL. */
const struct reach_scan *reach_model_judge(const struct reach_model *model);

/* Number in the graph of the block that `address` lies in; SIZE_MAX: none. */
size_t reach_graph_find(const struct reach_graph *graph, uint64_t address);

#endif
