/* SPDX-License-Identifier: Apache-2.0 */
/* Threads by tid, and what each did.  A tid that the kernel used twice is one entry. */
#ifndef VMTRACE_MODEL_THREAD_TABLE_H
#define VMTRACE_MODEL_THREAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash_map.h"
#include "decode/event.h"

#define THREAD_MAX ((size_t)1 << 20) /* later ones share the last entry */

struct thread_entry {
    uint32_t tid;
    const char *name; /* the last one it had, or NULL */
    uint64_t allocations, frees, bytes_allocated;
    uint64_t minor, major; /* faults that its events carried */
};

/* All zero is an empty table. */
struct thread_table {
    struct thread_entry *threads; /* in the order of appearance */
    size_t count, capacity;
    struct hash_map by_tid;
};

void thread_table_release(struct thread_table *table);

/* Index of the entry, made when it is new; UINT32_MAX when out of memory. */
uint32_t thread_table_get(struct thread_table *table, uint32_t tid);

/* 0: no such entry. */
static inline uint32_t thread_table_tid(const struct thread_table *table, uint32_t index)
{
    return index < table->count ? table->threads[index].tid : 0;
}

bool thread_table_name(struct thread_table *table, struct arena *arena, uint32_t tid,
                       const struct event_string *name);

#endif
