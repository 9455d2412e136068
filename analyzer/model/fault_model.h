/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page faults, each joined with what lay at its address and with what touched it.
 *
 * A FAULTS record is of the time between the record before it in its stream and itself, so the
 * models of heap and mappings are asked as they are now.  Two things they cannot know yet:
 * - A block that malloc, calloc or realloc is about to return, whose pages it touches first.  What
 *   no block covers waits in the stream for the next allocation or release.
 * - A block that another thread released since the stream's last event: the newest release that
 *   covers the address is looked up.
 *
 * Where the kernel's ring was overrun there are fewer details than faults.  If those that are there
 * walk through one large block or mapping page by page, the lost ones were its pages next to them
 * that never faulted; they are counted, and marked as inferred.
 *
 * What has no details hangs on the stream's next event: counts by getrusage, and what was lost.
 *
 * Sums, over the trace:
 *     details + inferred + lost = minor + major of all FAULTS records that have details
 *     sum of the pairs = details + inferred
 */
#ifndef VMTRACE_MODEL_FAULT_MODEL_H
#define VMTRACE_MODEL_FAULT_MODEL_H

#include "decode/event.h"
#include "model/fault_table.h"
#include "model/heap_model.h"
#include "model/mapping_model.h"
#include "model/module_table.h"
#include "model/page_history.h"
#include "model/residency_model.h"
#include "model/stack_tree.h"
#include "model/stream_state.h"

#define FAULT_UNIT_SHIFT 16 /* of memory that nobody announced */

struct fault_region; /* 2 MiB of a large block or mapping */

struct fault_model {
    struct heap_model *heap;
    const struct mapping_model *maps;
    const struct residency_model *residency; /* knows the stacks */
    const struct module_table *modules;
    struct stack_tree *stacks;
    struct fault_table table;
    struct page_history pages;
    struct fault_region *regions;
    size_t region_count, region_capacity;
    struct hash_map region_by_number;
    unsigned page_shift;
    bool forked; /* the process began as a copy: its first touches may be of old pages */
    bool
        knows_inherited; /* `pages` holds those that its parent touched, as far as they were told */
    uint32_t fork_moment; /* of the last FORK; 0: none */
    uint32_t copies;      /* FORK records */
    uint64_t minor, major, inferred;
    uint64_t lost_minor, lost_major; /* not described and not inferred */
};

void fault_model_init(struct fault_model *faults, struct heap_model *heap,
                      const struct mapping_model *maps, const struct residency_model *residency,
                      const struct module_table *modules, struct stack_tree *stacks);
void fault_model_start(struct fault_model *faults, const struct vmt_file_header *header);
void fault_model_release(struct fault_model *faults);

/* Takes in FAULTS, FORK, and what gives pages back or moves them: ADVISE, MAP, UNMAP, REMAP_* and
 * BREAK; before the mapping model does.  `node` is the record's stack.  False when out of memory,
 * as below. */
bool fault_model_apply(struct fault_model *faults, struct stream_state *stream,
                       const struct event *event, uint32_t node);

/* Before the heap model takes in an allocation: a large block that realloc moved took its pages
 * along.  False when out of memory. */
bool fault_model_realloc(struct fault_model *faults, const struct stream_state *stream,
                         const struct event *event);

/* Before the heap model takes in the stream's next hot event: gives it the faults that are known by
 * their number only. */
bool fault_model_carry(struct fault_model *faults, struct stream_state *stream,
                       struct event *event);

/* The stream's next hot event was taken in by the heap model: what waited finds its owner.  A NULL
 * event: there is none. */
bool fault_model_settle(struct fault_model *faults, struct stream_state *stream,
                        const struct event *event);

/* The trace is over; every stream was settled.  `huge`: there may have been huge pages. */
void fault_model_finish(struct fault_model *faults, bool huge);

#endif
