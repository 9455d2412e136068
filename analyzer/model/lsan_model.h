/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program said by LeakSanitizer's functions and options: blocks that are not to count as
 * leaks, memory whose pointers are roots, and kinds of roots that do not count.
 *
 * Memory grows with the addresses at which blocks were ever to be ignored.
 */
#ifndef VMTRACE_MODEL_LSAN_MODEL_H
#define VMTRACE_MODEL_LSAN_MODEL_H

#include "base/hash_map.h"
#include "decode/event.h"
#include "model/stream_state.h"

struct lsan_region {
    uint64_t start, end;
};

/* All zero is what is known at first. */
struct lsan_model {
    struct hash_map ignored; /* address of a block -> whether the one that lives there is */
    size_t ignored_count;    /* addresses that were, at some time */
    struct lsan_region *regions;
    size_t region_count, region_capacity;
};

struct heap_model;

void lsan_model_release(struct lsan_model *model);

/* Takes in IGNORE_*, ROOT_REGION* and THREAD; before `heap`'s next event.  False when out of
 * memory.
 */
bool lsan_model_apply(struct lsan_model *model, struct stream_state *stream,
                      const struct heap_model *heap, const struct event *event);

bool lsan_model_put(struct lsan_model *model, uint64_t address, bool ignored);

/* A block was handed out. */
static inline bool lsan_model_alloc(struct lsan_model *model, const struct stream_state *stream,
                                    uint64_t address)
{
    return (!stream->ignoring && model->ignored_count == 0) ||
           lsan_model_put(model, address, stream->ignoring);
}

/* Of a live block. */
static inline bool lsan_model_ignores(const struct lsan_model *model, uint64_t address)
{
    return model->ignored_count && hash_map_get(&model->ignored, address) == 1;
}

/* Which roots LSAN_OPTIONS (or NULL) rules out: 1 << enum reach_root_kind. */
uint32_t lsan_roots_left_out(const char *options);

#endif
