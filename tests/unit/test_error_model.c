/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_model.h"

#include "unit_main.h"

START_TEST(error_model_same_stacks_are_counted)
{
    struct error_model model = {0};
    struct memory_error error = {.kind = ERROR_DOUBLE_FREE, .node = 3, .allocated = 4, .freed = 5};
    ck_assert_uint_eq(error_model_add(&model, &error), 0);
    error.address = 99;
    ck_assert_uint_eq(error_model_add(&model, &error), 0);
    ck_assert_uint_eq(model.errors[0].count, 2);
    ck_assert_uint_eq(model.errors[0].address, 0);
    error.freed = 6;
    ck_assert_uint_eq(error_model_add(&model, &error), 1);
    error.kind = ERROR_INVALID_FREE;
    ck_assert_uint_eq(error_model_add(&model, &error), 2);
    error_model_release(&model);
}
END_TEST

START_TEST(error_model_full_list_drops_new_ones_only)
{
    struct error_model model = {0};
    struct memory_error error = {.kind = ERROR_INVALID_FREE};
    for (error.node = 0; error.node < ERROR_MAX; error.node++)
        ck_assert_uint_ne(error_model_add(&model, &error), ERROR_NONE);
    ck_assert_uint_eq(error_model_add(&model, &error), ERROR_NONE);
    ck_assert_uint_eq(model.dropped, 1);
    error.node = 5;
    ck_assert_uint_eq(error_model_add(&model, &error), 5);
    error_model_release(&model);
}
END_TEST

UNIT_MAIN("error_model", error_model_same_stacks_are_counted,
          error_model_full_list_drops_new_ones_only)
