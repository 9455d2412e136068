/* SPDX-License-Identifier: Apache-2.0 */
#include "model/era_table.h"

#include <stdlib.h>

#include "base/vector.h"

#define ERA_STEP ((size_t)16384) /* the quantum doubles after each so many eras */

bool era_table_init(struct era_table *table, uint64_t start_ticks, uint64_t quantum)
{
    *table = (struct era_table){.quantum = quantum};
    return era_table_begin(table, start_ticks);
}

void era_table_release(struct era_table *table)
{
    free(table->eras);
    *table = (struct era_table){0};
}

bool era_table_begin(struct era_table *table, uint64_t ticks)
{
    if (table->count == table->capacity &&
        !vector_grow(&table->eras, &table->capacity, sizeof(*table->eras)))
        return false;
    table->eras[table->count++] = (struct era){.ticks = ticks};
    if (table->count % ERA_STEP == 0 && table->quantum < UINT64_MAX / 2)
        table->quantum *= 2;
    return true;
}
