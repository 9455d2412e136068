/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool vector_reserve(void *items, size_t *capacity, size_t wanted, size_t element_size)
{
    if (wanted <= *capacity)
        return true;
    if (wanted > SIZE_MAX / 2 / element_size)
        return false;
    void *old;
    memcpy(&old, items, sizeof(old)); /* any pointer type, without aliasing trouble */
    void *grown = realloc(old, wanted * element_size);
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof(grown));
    *capacity = wanted;
    return true;
}

bool vector_grow(void *items, size_t *capacity, size_t element_size)
{
    size_t wanted = *capacity < 8 ? 8 : *capacity + *capacity / 2;
    return vector_reserve(items, capacity, wanted, element_size);
}
