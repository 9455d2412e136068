/* SPDX-License-Identifier: Apache-2.0 */
/* The newest UNMAP_HISTORY_SIZE pieces of mappings that the program has unmapped. */
#ifndef VMTRACE_MODEL_UNMAP_HISTORY_H
#define VMTRACE_MODEL_UNMAP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define UNMAP_HISTORY_SIZE 4096u

struct unmapped_piece {
    uint64_t start, end;
    uint32_t site; /* of the mapping */
    uint32_t node; /* who unmapped it, or STACK_NONE */
};

/* All zero is an empty history. */
struct unmap_history {
    struct unmapped_piece *ring;
    uint64_t count; /* ever pushed */
};

void unmap_history_release(struct unmap_history *history);

/* False when out of memory. */
bool unmap_history_push(struct unmap_history *history, const struct unmapped_piece *piece);

/* The newest piece that covers `address`, or NULL. */
const struct unmapped_piece *unmap_history_covering(const struct unmap_history *history,
                                                    uint64_t address);

#endif
