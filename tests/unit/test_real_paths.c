/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/real_paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit_main.h"

static char folder[] = "/tmp/vmtrace-real-XXXXXX";

static const char *in_folder(char path[PATH_MAX], const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

START_TEST(real_paths_follows_links_once)
{
    struct real_paths paths = {0};
    char link[PATH_MAX], missing[PATH_MAX], *whole;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    whole = realpath(folder, NULL);
    ck_assert_int_eq(symlink(folder, in_folder(link, "link")), 0);
    ck_assert_str_eq(real_paths_find(&paths, link), whole);
    ck_assert_ptr_null(real_paths_find(&paths, in_folder(missing, "missing")));
    unlink(link);
    rmdir(folder);
    ck_assert_str_eq(real_paths_find(&paths, link), whole); /* it is not looked up again */
    ck_assert_ptr_null(real_paths_find(&paths, missing));
    ck_assert_uint_eq(paths.count, 2);
    real_paths_release(&paths);
    free(whole);
}
END_TEST

START_TEST(real_paths_knows_many)
{
    struct real_paths paths = {0};
    char path[64];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 500; i++) {
            snprintf(path, sizeof(path), "/%d/..", i); /* of a folder that is not there */
            ck_assert_ptr_null(real_paths_find(&paths, path));
        }
    ck_assert_uint_eq(paths.count, 500);
    ck_assert_str_eq(real_paths_find(&paths, "/"), "/");
    real_paths_release(&paths);
}
END_TEST

UNIT_MAIN("real_paths", real_paths_follows_links_once, real_paths_knows_many)
