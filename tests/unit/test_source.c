/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit_main.h"

static char path[64];

static void write_file(const char *text)
{
    snprintf(path, sizeof(path), "/tmp/vmtrace-source-%d", (int)getpid());
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* So large that it is not read when it is opened. */
static void write_large_file(const char *text)
{
    write_file(text);
    ck_assert_int_eq(truncate(path, 1 << 20), 0);
}

START_TEST(source_memory_and_file_answer_alike)
{
    struct source *sources[2];
    char scratch[16];
    size_t got;
    write_file("0123456789");
    ck_assert_int_eq(source_open(path, &sources[0], NULL), VMT_OK);
    ck_assert_int_eq(source_from_memory("0123456789", 10, &sources[1], NULL), VMT_OK);
    unlink(path);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(source_size(sources[i]), 10);
        ck_assert_int_eq(memcmp(source_view(sources[i], 2, 5, scratch, &got), "23456", 5), 0);
        ck_assert_uint_eq(got, 5);
        ck_assert_int_eq(source_view(sources[i], 9, 5, scratch, &got)[0], '9');
        ck_assert_uint_eq(got, 1);
        source_view(sources[i], 10, 1, scratch, &got);
        ck_assert_uint_eq(got, 0);
        source_view(sources[i], UINT64_MAX, 16, scratch, &got);
        ck_assert_uint_eq(got, 0);
        source_free(sources[i]);
    }
}
END_TEST

START_TEST(source_file_that_shrinks_gives_less)
{
    struct source *source;
    char scratch[16];
    size_t got;
    write_large_file("0123456789");
    ck_assert_int_eq(source_open(path, &source, NULL), VMT_OK);
    ck_assert_int_eq(memcmp(source_view(source, 8, 4, scratch, &got), "89\0\0", 4), 0);
    ck_assert_int_eq(truncate(path, 4), 0);
    source_view(source, 2, 8, scratch, &got);
    ck_assert_uint_eq(got, 2);
    ck_assert_uint_eq(source_size(source), 1 << 20);
    unlink(path);
    source_free(source);
}
END_TEST

START_TEST(source_small_file_is_read_when_it_is_opened)
{
    struct source *source;
    char scratch[16];
    size_t got;
    write_file("0123456789");
    ck_assert_int_eq(source_open(path, &source, NULL), VMT_OK);
    write_file("abc");
    unlink(path);
    ck_assert_int_eq(memcmp(source_view(source, 2, 8, scratch, &got), "23456789", 8), 0);
    ck_assert_uint_eq(got, 8);
    source_free(source);
}
END_TEST

START_TEST(source_pipe_is_read_whole)
{
    struct source *source;
    int ends[2];
    size_t got;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "hello", 5), 5);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    ck_assert_int_eq(source_open("-", &source, NULL), VMT_OK);
    ck_assert_uint_eq(source_size(source), 5);
    ck_assert_int_eq(memcmp(source_view(source, 1, 4, NULL, &got), "ello", 4), 0);
    source_free(source);
    close(ends[0]);
}
END_TEST

START_TEST(source_missing_file_and_directory_are_errors)
{
    struct source *source;
    struct error error;
    ck_assert_int_eq(source_open("/nonexistent/x", &source, &error), VMT_ERROR_OPEN);
    ck_assert_ptr_null(source);
    ck_assert_ptr_nonnull(strstr(error.message, "No such file"));
    ck_assert_int_eq(source_open("/tmp", &source, &error), VMT_ERROR_OPEN);
    ck_assert_str_eq(error.message, "is a directory");
}
END_TEST

UNIT_MAIN("source", source_memory_and_file_answer_alike, source_file_that_shrinks_gives_less,
          source_small_file_is_read_when_it_is_opened, source_pipe_is_read_whole,
          source_missing_file_and_directory_are_errors)
