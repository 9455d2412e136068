/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own mappings (mmap, shmat, sbrk), by the stack that made each.
 *
 * What is live always adds up:  mapped_bytes - unmapped_bytes = live_bytes.  What a forked
 * child has from its parent is in none of these, but in its sites.  A mapping that is overlaid by
 * MAP_FIXED counts as unmapped, an mremap as unmapped and mapped.  sbrk'd memory and what the
 * allocator maps for its blocks are kept apart from these sums.
 *
 * A removal is recorded before the real call; the pieces stay with the stream so that a
 * failure can put them back.
 */
#ifndef VMTRACE_MODEL_MAPPING_MODEL_H
#define VMTRACE_MODEL_MAPPING_MODEL_H

#include "base/arena.h"
#include "decode/event.h"
#include "model/site_table.h"
#include "model/stream_state.h"

struct mapping_model {
    struct site_table *sites;
    struct stack_tree *stacks;
    struct arena *arena;
    struct mapping_list list;
    uint64_t page_size;
    uint64_t map_calls, unmap_calls; /* the program's; mremap is neither */
    uint64_t mapped_bytes, unmapped_bytes, live_bytes;
    uint64_t advise_calls, advised_bytes; /* madvise(DONTNEED) and (FREE) */
    uint64_t impossible;                  /* ranges that wrap around */
};

void mapping_model_init(struct mapping_model *model, struct site_table *sites,
                        struct stack_tree *stacks, struct arena *arena, uint64_t page_size);
void mapping_model_release(struct mapping_model *model);

/* A mapping of before the fork, of a site that is marked as inherited unless it is the allocator's.
 * False when out of memory. */
bool mapping_model_inherit(struct mapping_model *model, const struct mapping *mapping);

/* Takes in MAP, UNMAP, UNMAP_FAILED, REMAP_BEGIN, REMAP_END, BREAK and ADVISE.  `node` is the
 * record's stack in the tree.  False when out of memory. */
bool mapping_model_apply(struct mapping_model *model, struct stream_state *stream,
                         const struct event *event, uint32_t node);

#endif
