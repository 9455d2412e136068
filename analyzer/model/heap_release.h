/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the heap model: what is wrong with a release. */
#ifndef VMTRACE_MODEL_HEAP_RELEASE_H
#define VMTRACE_MODEL_HEAP_RELEASE_H

#include "model/heap_model.h"

/* Neither is done in a sampled trace: what it happens to know of is no answer to what is wrong. */

/* A release of an address that is not a live block: double free, invalid free, or a block
 * of before.  True if it was an error. */
bool heap_release_unknown(struct heap_model *heap, struct stream_state *stream,
                          const struct event *event, uint32_t node);

/* Checks that `block` is released by the counterpart of what allocated it. */
void heap_release_check(struct heap_model *heap, struct stream_state *stream,
                        const struct event *event, uint32_t node, const struct live_block *block);

/* The outcome of a realloc, at `node`: that is where its release was, too. */
void heap_release_outcome(struct heap_model *heap, struct stream_state *stream, uint32_t node);

#endif
