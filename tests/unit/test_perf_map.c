/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbol/perf_map.h"

static char directory[] = "/tmp/vmtrace-perf-map-XXXXXX";
static char path[128];
static struct perf_map map;

static void setup(void)
{
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/map", directory);
}

static void teardown(void)
{
    perf_map_release(&map);
    unlink(path);
    rmdir(directory);
}

static void read_map(const char *text, size_t length)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    fclose(file);
    ck_assert_int_eq(perf_map_init(&map, path), 0);
}

static const char *find(uint64_t address)
{
    uint64_t offset = 0;
    return perf_map_find(&map, address, &offset);
}

START_TEST(perf_map_lines_become_functions)
{
    static const char text[] = "1000 10 first function\n0x2000 0x20 second\n3000 8 cut off";
    uint64_t offset = 99;

    read_map(text, strlen(text));
    ck_assert_pstr_eq(perf_map_find(&map, 0x100f, &offset), "first function");
    ck_assert_uint_eq(offset, 0xf);
    ck_assert_ptr_null(find(0x1010));
    ck_assert_pstr_eq(find(0x2000), "second");
    ck_assert_pstr_eq(find(0x3007), "cut off");
    ck_assert_ptr_null(find(0));
}
END_TEST

START_TEST(perf_map_reused_memory_gives_the_youngest_name)
{
    static const char text[] = "1000 100 old\n1040 10 stale\n1000 80 young\n";

    read_map(text, strlen(text));
    ck_assert_pstr_eq(find(0x1045), "young");
    ck_assert_pstr_eq(find(0x1001), "young");
    ck_assert_pstr_eq(find(0x1090), "old");
}
END_TEST

START_TEST(perf_map_bad_lines_are_passed_over)
{
    static const char text[] = "\n \nnonsense\n1000\n1000 \n1000 zz name\n-5 10 minus\n"
                               "ffffffffffffffff 10 wraps\n11112222333344445 10 too long\n"
                               "2000 0 empty\n4000 10 \0binary\n3000 10 good\n";

    read_map(text, sizeof(text) - 1);
    ck_assert_uint_eq(map.functions.count, 1);
    ck_assert_pstr_eq(find(0x3000), "good");
}
END_TEST

START_TEST(perf_map_long_name_is_cut)
{
    size_t length = 100000;
    char *text = malloc(length);
    const char *name;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', length);
    memcpy(text, "1000 10 ", 8);
    read_map(text, length);
    free(text);
    name = find(0x1000);
    ck_assert_ptr_nonnull(name);
    ck_assert_uint_lt(strlen(name), 5000);
}
END_TEST

START_TEST(perf_map_other_kinds_of_file_are_empty)
{
    ck_assert_int_eq(perf_map_init(&map, "/nowhere/perf-1.map"), 0);
    ck_assert_ptr_null(find(0x1000));
    ck_assert_int_eq(perf_map_init(&map, "/dev/zero"), 0);
    ck_assert_ptr_null(find(0x1000));
    ck_assert_int_eq(perf_map_init(&map, "/tmp"), 0);
    ck_assert_ptr_null(find(0x1000));
    /* Nobody writes to it: an open that waits would never return. */
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(perf_map_init(&map, path), 0);
    ck_assert_ptr_null(find(0x1000));
    unlink(path);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(perf_map_init(&map, path), 0);
    ck_assert_ptr_null(map.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("perf_map");
    TCase *tests = tcase_create("perf_map");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, perf_map_lines_become_functions);
    tcase_add_test(tests, perf_map_reused_memory_gives_the_youngest_name);
    tcase_add_test(tests, perf_map_bad_lines_are_passed_over);
    tcase_add_test(tests, perf_map_long_name_is_cut);
    tcase_add_test(tests, perf_map_other_kinds_of_file_are_empty);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
