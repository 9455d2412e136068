/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time in steps small enough for reports, and what is still live from each.
 *
 * A block remembers the number of its era in 32 bits instead of 64 bits of ticks.  A new era
 * begins with each phase and its end, with each scan, and whenever the current one has lasted
 * `quantum`; the quantum grows with the number of eras, so that their number stays near ERA_STEP *
 * log2(duration).  The live sums by era tell, without a walk over all blocks, what a phase left
 * behind:
 *
 *     survivors of a phase = sum of live over the eras from its first one on
 */
#ifndef VMTRACE_MODEL_ERA_TABLE_H
#define VMTRACE_MODEL_ERA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct era {
    uint64_t ticks;                   /* when it began */
    uint64_t live_bytes, live_blocks; /* heap blocks allocated in it and not yet released */
};

struct era_table {
    struct era *eras; /* at least one after era_table_init */
    size_t count, capacity;
    uint64_t quantum; /* ticks */
};

bool era_table_init(struct era_table *table, uint64_t start_ticks, uint64_t quantum);
void era_table_release(struct era_table *table);

/* Begins a new era now.  False when out of memory. */
bool era_table_begin(struct era_table *table, uint64_t ticks);

/* The current era at `ticks`; when out of memory the old one just goes on. */
static inline uint32_t era_table_at(struct era_table *table, uint64_t ticks)
{
    const struct era *last = &table->eras[table->count - 1];
    if (__builtin_expect(ticks > last->ticks && ticks - last->ticks > table->quantum, 0))
        (void)era_table_begin(table, ticks);
    return (uint32_t)(table->count - 1);
}

#endif
