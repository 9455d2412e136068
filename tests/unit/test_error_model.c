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

START_TEST(error_model_stack_that_comes_later_may_be_known)
{
    struct error_model model = {0};
    struct memory_error known = {.kind = ERROR_INVALID_FREE, .node = 7};
    struct memory_error late = {.kind = ERROR_INVALID_FREE, .node = STACK_NONE};
    error_model_add(&model, &known);
    ck_assert_uint_eq(error_model_add(&model, &late), 1);
    error_model_set_stack(&model, 1, 7);
    ck_assert_uint_eq(model.count, 1);
    ck_assert_uint_eq(model.errors[0].count, 2);
    error_model_set_stack(&model, 0, 9); /* it has one */
    ck_assert_uint_eq(model.errors[0].node, 7);
    ck_assert_uint_eq(error_model_add(&model, &late), 1);
    error_model_set_stack(&model, 1, 8);
    ck_assert_uint_eq(model.count, 2);
    ck_assert_uint_eq(model.errors[1].node, 8);
    error_model_release(&model);
}
END_TEST

START_TEST(error_model_what_did_not_happen_is_taken_back)
{
    struct error_model model = {0};
    struct memory_error first = {.kind = ERROR_UNMAPPED_HEAP, .node = 1}, second = first;
    second.node = 2;
    error_model_add(&model, &first);
    error_model_add(&model, &first);
    error_model_add(&model, &second);
    error_model_take_back(&model, 0);
    ck_assert_uint_eq(model.errors[0].count, 1);
    error_model_take_back(&model, 1);
    ck_assert_uint_eq(model.count, 1);
    error_model_take_back(&model, 1); /* it has gone */
    ck_assert_uint_eq(model.count, 1);
    error_model_release(&model);
}
END_TEST

UNIT_MAIN("error_model", error_model_same_stacks_are_counted,
          error_model_full_list_drops_new_ones_only,
          error_model_stack_that_comes_later_may_be_known,
          error_model_what_did_not_happen_is_taken_back)
