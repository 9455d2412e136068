/* SPDX-License-Identifier: Apache-2.0 */
#include "base/huge_array.h"

#include <stdint.h>
#include <stdlib.h>

#include "unit_main.h"

#define MIB ((size_t)1 << 20)

START_TEST(huge_array_of_any_size_can_be_written)
{
    static const size_t sizes[] = {0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        uint8_t *array = huge_array(sizes[i], 1);
        ck_assert_ptr_nonnull(array);
        array[0] = 1;
        array[sizes[i] ? sizes[i] - 1 : 0] = 2;
        free(array);
    }
}
END_TEST

START_TEST(huge_array_beyond_all_memory_is_refused)
{
    ck_assert_ptr_null(huge_array(SIZE_MAX / 8 + 2, 8));
    ck_assert_ptr_null(huge_array(SIZE_MAX, 1));
}
END_TEST

START_TEST(huge_array_collapsed_keeps_what_it_holds)
{
    size_t count = 3 * MIB, wrong = 0;
    uint32_t *array = malloc(count * sizeof(*array));
    ck_assert_ptr_nonnull(array);
    for (size_t i = 0; i < count; i++)
        array[i] = (uint32_t)i;
    huge_array_collapse(array, count, sizeof(*array));
    huge_array_collapse(array, 1, sizeof(*array));
    huge_array_collapse(NULL, 0, sizeof(*array));
    for (size_t i = 0; i < count; i++)
        wrong += array[i] != (uint32_t)i;
    free(array);
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

UNIT_MAIN("huge_array", huge_array_of_any_size_can_be_written,
          huge_array_beyond_all_memory_is_refused, huge_array_collapsed_keeps_what_it_holds)
