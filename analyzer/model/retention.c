/* SPDX-License-Identifier: Apache-2.0 */
#include "model/retention.h"

#include <stdlib.h>

#include "model/retention_parts.h"

bool retention_init(struct retention *retention, const struct retention_input *input)
{
    *retention = (struct retention){
        .groups = calloc(input->group_count + 1, sizeof(*retention->groups)),
        .places = calloc(input->place_count + 1, sizeof(*retention->places)),
    };
    bool good = retention->groups && retention->places;
    for (size_t i = 0; good && i < input->place_count; i++)
        retention->places[i].way = RETENTION_NONE;
    if (good && retention_find_ways(retention, input) && retention_dominate(retention, input))
        return true;
    retention_release(retention);
    return false;
}

void retention_release(struct retention *retention)
{
    free(retention->groups);
    free(retention->places);
    free(retention->ways);
    *retention = (struct retention){0};
}
