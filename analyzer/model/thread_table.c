/* SPDX-License-Identifier: Apache-2.0 */
#include "model/thread_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

void thread_table_release(struct thread_table *table)
{
    free(table->threads);
    hash_map_release(&table->by_tid);
    *table = (struct thread_table){0};
}

uint32_t thread_table_get(struct thread_table *table, uint32_t tid)
{
    uint32_t index = hash_map_get(&table->by_tid, tid);
    if (index != HASH_MAP_NONE)
        return index;
    if (table->count == THREAD_MAX)
        return (uint32_t)(THREAD_MAX - 1);
    if ((table->count == table->capacity &&
         !vector_grow(&table->threads, &table->capacity, sizeof(*table->threads))) ||
        !hash_map_put(&table->by_tid, tid, (uint32_t)table->count))
        return UINT32_MAX;
    table->threads[table->count] = (struct thread_entry){.tid = tid};
    return (uint32_t)table->count++;
}

bool thread_table_name(struct thread_table *table, struct arena *arena, uint32_t tid,
                       const struct event_string *name)
{
    uint32_t index = thread_table_get(table, tid);
    if (index == UINT32_MAX)
        return false;
    struct thread_entry *thread = &table->threads[index];
    if (thread->name && strlen(thread->name) == name->length &&
        memcmp(thread->name, name->bytes, name->length) == 0)
        return true;
    thread->name = arena_string(arena, name->bytes, name->length);
    return thread->name != NULL;
}
