/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing arrays: a pointer, a count and a capacity that stand in the owner's struct.
 *
 *     if (list->count == list->capacity &&
 *         !vector_grow(&list->items, &list->capacity, sizeof(*list->items)))
 *         return false;
 *     list->items[list->count++] = item;
 */
#ifndef VMTRACE_BASE_VECTOR_H
#define VMTRACE_BASE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for at least one more element (half as many again).  `items` is the address of
 * the array's pointer.  False, and nothing changed, when out of memory. */
bool vector_grow(void *items, size_t *capacity, size_t element_size);

/* Makes room for `wanted` elements. */
bool vector_reserve(void *items, size_t *capacity, size_t wanted, size_t element_size);

#endif
