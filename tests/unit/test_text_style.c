/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "render/text_report.h"

#include "unit_main.h"

/* What text_path writes; the caller frees it. */
static char *path_of(const char *path, size_t columns, bool utf8, bool full)
{
    const struct render_options options = {.utf8 = utf8, .full_stacks = full};
    char *written = NULL;
    size_t size = 0;
    struct text text = {.out = open_memstream(&written, &size), .options = &options};
    ck_assert_ptr_nonnull(text.out);
    text_path(&text, path, columns);
    ck_assert_int_eq(fclose(text.out), 0);
    return written;
}

static void check(const char *path, bool utf8, bool full, const char *expected)
{
    char *written = path_of(path, 16, utf8, full);
    ck_assert_str_eq(written, expected);
    free(written);
}

START_TEST(text_path_that_fits_is_whole)
{
    check("", true, false, "");
    check("/home/ann/build1", true, false, "/home/ann/build1");
    check("/h\xc3\xb6me/ann/build1", true, false, "/h\xc3\xb6me/ann/build1");
    check("/home/ann/build/tests", true, true, "/home/ann/build/tests");
}
END_TEST

START_TEST(text_path_too_long_keeps_beginning_and_end)
{
    check("/home/ann/build/tests", true, false, "/ho\xe2\x80\xa6/build/tests");
    check("/home/ann/build/tests", false, false, "/.../build/tests");
    check("a_file_name_without_any_folder", true, false, "a_f\xe2\x80\xa6t_any_folder");
}
END_TEST

START_TEST(text_path_is_cut_between_characters)
{
    char path[512] = "";
    for (int i = 0; i < 100; i++)
        strcat(path, "\xc3\xb6");
    check(path, true, false,
          "\xc3\xb6\xc3\xb6\xc3\xb6\xe2\x80\xa6"
          "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6"
          "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6");
    check("\x80/bytes/that/are/no/text\xff", true, false,
          "\xe2\x80\xa6"
          "are/no/text\\xff");
}
END_TEST

START_TEST(text_header_ends_a_long_path_with_its_name)
{
    const struct render_options options = {.utf8 = true};
    char exe[1024] = "/home/ann", *written = NULL;
    size_t size = 0;
    for (int i = 0; i < 50; i++)
        strcat(exe, "/some/folder");
    strcat(exe, "/tests/test_rows");
    struct report report = {.exe = exe, .pid = 7};
    struct text text = {
        .out = open_memstream(&written, &size), .options = &options, .report = &report};
    ck_assert_ptr_nonnull(text.out);
    text_header(&text);
    ck_assert_int_eq(fclose(text.out), 0);
    ck_assert_ptr_nonnull(strstr(written, "/tests/test_rows\n"));
    ck_assert_ptr_nonnull(strstr(written, "/tests/test_rows, pid 7"));
    free(written);
}
END_TEST

UNIT_MAIN("text_style", text_path_that_fits_is_whole, text_path_too_long_keeps_beginning_and_end,
          text_path_is_cut_between_characters, text_header_ends_a_long_path_with_its_name)
