/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fault_table.h"

#include <stdlib.h>

#include "base/vector.h"

/* A key is 4 bits of owner, 28 of id, 32 of page: those of a large trace that do not fit share
 * an entry. */
#define TARGET_ID_BITS 28

void fault_table_release(struct fault_table *table)
{
    free(table->targets);
    free(table->pairs);
    hash_map_release(&table->target_by_key);
    hash_map_release(&table->pair_by_key);
    *table = (struct fault_table){0};
}

uint32_t fault_table_target(struct fault_table *table, const struct fault_target *target)
{
    uint64_t id = target->id & ((UINT32_C(1) << TARGET_ID_BITS) - 1);
    uint64_t key = ((uint64_t)target->owner << TARGET_ID_BITS | id) << 32 |
                   (uint32_t)(target->page ^ target->page >> 32);
    uint32_t index = hash_map_get(&table->target_by_key, key);
    if (index != HASH_MAP_NONE)
        return index;
    if ((table->target_count == table->target_capacity &&
         !vector_grow(&table->targets, &table->target_capacity, sizeof(*table->targets))) ||
        !hash_map_put(&table->target_by_key, key, (uint32_t)table->target_count))
        return UINT32_MAX;
    table->targets[table->target_count] = *target;
    return (uint32_t)table->target_count++;
}

uint32_t fault_table_pair(struct fault_table *table, uint32_t code, uint32_t target)
{
    uint64_t key = (uint64_t)code << 32 | target;
    uint32_t index = hash_map_get(&table->pair_by_key, key);
    if (index != HASH_MAP_NONE)
        return index;
    if ((table->pair_count == table->pair_capacity &&
         !vector_grow(&table->pairs, &table->pair_capacity, sizeof(*table->pairs))) ||
        !hash_map_put(&table->pair_by_key, key, (uint32_t)table->pair_count))
        return UINT32_MAX;
    table->pairs[table->pair_count] = (struct fault_pair){.code = code, .target = target};
    return (uint32_t)table->pair_count++;
}
