/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread-caching allocator of any sort (jemalloc, tcmalloc, mimalloc): a request gets the block
 * of its size class that its thread released last, else new memory behind what the class got last.
 */
#ifndef VMTRACE_COMPACT_HEAP_PLAIN_H
#define VMTRACE_COMPACT_HEAP_PLAIN_H

#include "compact/heap_guess.h"

/* *number is SPAN_NONE if there is no span at the address yet; 0: no guess. */
uint64_t plain_allocate(struct heap_guess *heap, struct heap_lane *lane, uint64_t size,
                        uint32_t *number);

/* A block that is live and in no cohort. */
void plain_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t number);

/* The guess was wrong. */
void plain_take_back(struct heap_guess *heap, struct heap_lane *lane, uint32_t number);

/* A block turned up at `address`. */
uint32_t plain_claim(struct heap_guess *heap, struct heap_lane *lane, uint64_t address,
                     uint64_t size);

#endif
