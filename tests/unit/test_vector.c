/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vector.h"

#include <stdint.h>

#include "unit_main.h"

START_TEST(vector_growing_keeps_the_items)
{
    size_t *items = NULL, capacity = 0;
    for (size_t i = 0; i < 1000; i++) {
        if (i == capacity)
            ck_assert(vector_grow(&items, &capacity, sizeof(*items)));
        items[i] = i;
    }
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(items[i], i);
    free(items);
}
END_TEST

START_TEST(vector_impossible_size_changes_nothing)
{
    int *items = NULL;
    size_t capacity = 0;
    ck_assert(!vector_reserve(&items, &capacity, SIZE_MAX / 2, sizeof(*items)));
    ck_assert_ptr_null(items);
    ck_assert_uint_eq(capacity, 0);
}
END_TEST

UNIT_MAIN("vector", vector_growing_keeps_the_items, vector_impossible_size_changes_nothing)
