/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <string.h>

#include "unit_main.h"

START_TEST(error_long_message_is_cut)
{
    struct error error;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(error_set(&error, VMT_ERROR_OPEN, "%s", text), VMT_ERROR_OPEN);
    ck_assert_int_eq(error.code, VMT_ERROR_OPEN);
    ck_assert_uint_eq(strlen(error.message), sizeof(error.message) - 1);
}
END_TEST

START_TEST(error_without_a_place_is_still_returned)
{
    ck_assert_int_eq(error_set(NULL, VMT_ERROR_VERSION, "x"), VMT_ERROR_VERSION);
    ck_assert_int_eq(error_no_memory(NULL), VMT_ERROR_MEMORY);
}
END_TEST

UNIT_MAIN("error", error_long_message_is_cut, error_without_a_place_is_still_returned)
