/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap: live blocks, totals, peak, and the errors that releases reveal.
 *
 * Invariants, whenever no realloc is half-way:
 *     live_blocks = allocations - frees - displaced
 *     live_bytes  = bytes_allocated - bytes_freed, if nothing was displaced
 *     live_blocks + inherited_blocks = blocks.count, if every allocation was recorded
 * In a sampled trace all sums of blocks and of their bytes, here and in sites, eras, threads and
 * the time line, are sums of weights (model/sample_weight.h).
 * Blocks that a forked child has from its parent (model/inherit.h) are in the table and in the sums
 * of their own sites, which are marked as inherited, but in no other: not in live_*, eras, peaks or
 * frees.  What becomes of them is counted in inherited_*:
 *     inherited_blocks = blocks taken over - those of inherited_frees that were known
 *                        - those that were displaced or are half-way through a realloc
 * A realloc that succeeds is one allocation of its new size and, if the old pointer was not
 * NULL, one free; as valgrind counts it.  Between its BEGIN and its outcome the old block is
 * in the stream's state, since another thread may already have been given its address; it still
 * lives, and is in moving_bytes and moving_blocks.
 */
#ifndef VMTRACE_MODEL_HEAP_MODEL_H
#define VMTRACE_MODEL_HEAP_MODEL_H

#include "decode/event.h"
#include "model/block_table.h"
#include "model/era_table.h"
#include "model/error_model.h"
#include "model/freed_history.h"
#include "model/owner_index.h"
#include "model/sample_weight.h"
#include "model/site_table.h"
#include "model/stream_state.h"
#include "model/thread_table.h"

struct heap_model {
    struct site_table *sites;
    struct stack_tree *stacks;
    struct error_model *errors;
    struct thread_table *threads;
    struct block_table blocks;
    struct era_table eras;
    struct freed_history history;
    struct owner_index owners;
    const struct stream_state *streams; /* all; set by the owner of the model */
    size_t stream_count;

    uint64_t sample_interval; /* of the file header */
    uint64_t samples;         /* allocations that were recorded */

    uint64_t allocations, frees, bytes_allocated, bytes_freed, reallocations, temporary;
    uint64_t failed; /* as recorded: all of them */
    struct sample_variance allocated_variance, live_variance, peak_variance;
    uint64_t live_bytes, live_blocks;
    uint64_t moving_bytes, moving_blocks; /* of reallocs that are half-way; not in the above */
    uint64_t peak_bytes, peak_blocks, peak_ticks; /* at the highest live_bytes, first time */
    uint64_t most_blocks, most_blocks_ticks;
    uint64_t phase_peak;      /* highest live_bytes since the timeline looked last */
    uint64_t inherited_frees; /* as recorded: of blocks of before a fork or the trace */
    uint64_t inherited_bytes, inherited_blocks; /* live, of those that are known */
    uint64_t inherited_moving;                  /* half-way through a realloc */
    uint64_t displaced; /* blocks that went unseen: their address was handed out again */
    uint64_t impossible;
    uint64_t attributed_minor, attributed_major;

    /* When a release of an unknown block is no error. */
    bool inherits; /* it may be from before the trace, or from a part that was lost */
    bool paused;
    uint32_t lost_streams; /* that do not record now */
    uint64_t seeing_since; /* ticks of the last end of a pause or a loss */
};

void heap_model_init(struct heap_model *heap, struct site_table *sites, struct stack_tree *stacks,
                     struct error_model *errors, struct thread_table *threads);
void heap_model_release(struct heap_model *heap);

/* Begins the era table; `quantum` is in ticks. */
bool heap_model_start(struct heap_model *heap, uint64_t start_ticks, uint64_t quantum);

/* A block of before the fork, of a site that is marked as inherited.  Before the first event. False
 * when out of memory. */
bool heap_model_inherit(struct heap_model *heap, const struct live_block *block);

/* Takes in the hot events but NODES.  `node` is the event's stack in the tree, STACK_NONE if it
 * has none.  False when out of memory. */
bool heap_model_apply(struct heap_model *heap, struct stream_state *stream,
                      const struct event *event, uint32_t node);

/* The next block that is half-way through a realloc, or NULL; *position is 0 at first. */
const struct live_block *heap_model_moving(const struct heap_model *heap, size_t *position);

/* A realloc without an outcome: the old block is what is left. */
bool heap_model_abandon(struct heap_model *heap, struct stream_state *stream);

/* Something was lost or not recorded up to now. */
void heap_model_blind(struct heap_model *heap, uint64_t ticks);

/* Whether releases at a later time than `ticks` may be of blocks that were never seen. */
bool heap_model_blind_since(const struct heap_model *heap, uint64_t ticks);

#endif
