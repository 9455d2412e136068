/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/source.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmtrace/trace_format.h>

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

/* The folders that the parts of a trace are in. */
static void make_folders(char *folder, size_t size)
{
    char first[96];
    snprintf(folder, size, "/tmp/vmtrace-source-%d.d", (int)getpid());
    snprintf(first, sizeof(first), "%s/" VMT_CHECK_FIRST, folder);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_eq(mkdir(first, 0700), 0);
}

static void write_part(const char *folder, const char *name, uint64_t offset, char byte,
                       size_t size)
{
    char part[128];
    snprintf(part, sizeof(part), "%s/%s", folder, name);
    FILE *file = fopen(part, "w");
    ck_assert_ptr_nonnull(file);
    fseek(file, (long)offset, SEEK_SET);
    for (size_t i = 0; i < size; i++)
        fputc(byte, file);
    fclose(file);
}

static void remove_folders(const char *folder)
{
    static const char *const names[] = {VMT_CHECK_FIRST "/t.vmt", VMT_CHECK_FIRST, "t.vmt", ""};
    char part[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(part, sizeof(part), "%s/%s", folder, names[i]);
        remove(part);
    }
}

START_TEST(source_of_two_files_is_one)
{
    char folder[64], trace[96], scratch[32];
    const uint64_t end = VMT_CHUNK_SIZE;
    struct source *source;
    uint64_t size;
    size_t got;
    make_folders(folder, sizeof(folder));
    snprintf(trace, sizeof(trace), "%s/t.vmt", folder);
    write_part(folder, VMT_CHECK_FIRST "/t.vmt", 0, 'a', 20000);
    for (int written = 0; written < 2; written++) { /* without another chunk, with an empty file */
        ck_assert_int_eq(source_open(trace, &source, NULL), VMT_OK);
        ck_assert_uint_eq(source_size(source), 20000);
        ck_assert_int_eq(source_view(source, 19999, 8, scratch, &got)[0], 'a');
        ck_assert_uint_eq(got, 1);
        source_free(source);
        write_part(folder, "t.vmt", 0, 0, 0);
    }
    write_part(folder, "t.vmt", end, 'b', 9);
    ck_assert_int_eq(source_open(trace, &source, NULL), VMT_OK);
    ck_assert_uint_eq(source_size(source), end + 9);
    ck_assert_int_eq(memcmp(source_view(source, 19998, 4, scratch, &got), "aa\0\0", 4), 0);
    ck_assert_uint_eq(got, 4);
    ck_assert_int_eq(memcmp(source_view(source, end - 2, 16, scratch, &got), "\0\0bbbbbbbbb", 11),
                     0);
    ck_assert_uint_eq(got, 11);
    ck_assert_int_eq(memcmp(source_view(source, end + 1, 4, scratch, &got), "bbbb", 4), 0);
    source_free(source);
    ck_assert(source_is_file(trace, &size));
    ck_assert_uint_eq(size, end + 9);
    write_part(folder, "t.vmt", 0, 'c', 100); /* whole: another process's of the same name */
    ck_assert_int_eq(source_open(trace, &source, NULL), VMT_OK);
    ck_assert_int_eq(source_view(source, 0, 1, scratch, &got)[0], 'c');
    source_free(source);
    remove_folders(folder);
    ck_assert(!source_is_file(trace, &size));
}
END_TEST

UNIT_MAIN("source", source_memory_and_file_answer_alike, source_file_that_shrinks_gives_less,
          source_small_file_is_read_when_it_is_opened, source_pipe_is_read_whole,
          source_missing_file_and_directory_are_errors, source_of_two_files_is_one)
