/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mapping_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

void mapping_list_release(struct mapping_list *list)
{
    free(list->mappings);
    *list = (struct mapping_list){0};
}

size_t mapping_list_overlapping(const struct mapping_list *list, uint64_t start, uint64_t end,
                                size_t *first)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->mappings[middle].start >= end)
            low = middle + 1;
        else
            high = middle;
    }
    *first = low;
    while (low < list->count && list->mappings[low].end > start)
        low++;
    return low;
}

bool mapping_list_replace(struct mapping_list *list, size_t first, size_t last,
                          const struct mapping *mappings, size_t count)
{
    size_t total = list->count - (last - first) + count;
    while (total > list->capacity) {
        if (!vector_grow(&list->mappings, &list->capacity, sizeof(*list->mappings)))
            return false;
    }
    if (last != list->count)
        memmove(list->mappings + first + count, list->mappings + last,
                (list->count - last) * sizeof(*mappings));
    for (size_t i = 0; i < count; i++)
        list->mappings[first + i] = mappings[i];
    list->count = total;
    return true;
}

bool mapping_list_add(struct mapping_list *list, const struct mapping *mapping)
{
    size_t first;
    size_t last = mapping_list_overlapping(list, mapping->start, mapping->end, &first);
    return mapping_list_replace(list, first, last, mapping, 1);
}
