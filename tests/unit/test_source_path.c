/* SPDX-License-Identifier: Apache-2.0 */
/* Each test runs in a process of its own, so each may have another root. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/source_path.h"
#include "unit_main.h"

static void expect(const char *file, const char *path)
{
    struct arena *arena = arena_new();
    ck_assert_str_eq(source_path(arena, file), path);
    arena_free(arena);
}

START_TEST(source_path_is_relative_to_the_workspace)
{
    setenv("GITHUB_WORKSPACE", "/ws//", 1);
    ck_assert_str_eq(source_root(), "/ws");
    expect("/ws/src/a.c", "src/a.c");
    expect("/ws2/src/a.c", "/ws2/src/a.c");
    expect("/ws", "/ws");
    expect("/usr/include/c++/12/new", "/usr/include/c++/12/new");
}
END_TEST

START_TEST(source_path_is_cleaned)
{
    setenv("GITHUB_WORKSPACE", "/ws", 1);
    expect("/ws/build/../src/a.c", "src/a.c");
    expect("/ws/build/sub/../../src/./b//c.c", "src/b/c.c");
    expect("/ws/../else/a.c", "/else/a.c");
    expect("/../../a.c", "/a.c");
    expect("./src/a.c", "src/a.c");
    expect("../csu/libc-start.c", "../csu/libc-start.c");
    expect("a/../../b/../c.c", "../c.c");
    expect("/ws/a..b/.../..c", "a..b/.../..c");
    expect("", "");
    expect("/", "/");
}
END_TEST

START_TEST(source_path_of_gitlab_or_a_relative_variable)
{
    setenv("GITHUB_WORKSPACE", "relative", 1);
    setenv("CI_PROJECT_DIR", "/builds/group/project", 1);
    expect("/builds/group/project/a.c", "a.c");
}
END_TEST

START_TEST(source_path_is_relative_to_the_repository)
{
    char folder[] = "/tmp/source_path.XXXXXX", text[PATH_MAX], link[PATH_MAX + 32];
    unsetenv("GITHUB_WORKSPACE");
    unsetenv("CI_PROJECT_DIR");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(mkdir(".git", 0700) | mkdir("build", 0700) | chdir("build"), 0);
    ck_assert_ptr_nonnull(realpath("..", text));
    ck_assert_str_eq(source_root(), text);
    snprintf(link, sizeof(link), "%s/build/../a.c", text);
    expect(link, "a.c");
    ck_assert_int_eq(chdir("/") | rmdir(strcat(text, "/build")), 0);
    snprintf(text, sizeof(text), "%s/.git", folder);
    ck_assert_int_eq(rmdir(text) | rmdir(folder), 0);
}
END_TEST

START_TEST(source_path_through_a_link_to_the_workspace)
{
    char folder[] = "/tmp/source_path.XXXXXX", link[64], file[PATH_MAX + 32], real[PATH_MAX];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(link, sizeof(link), "%s.link", folder);
    ck_assert_int_eq(symlink(folder, link), 0);
    setenv("GITHUB_WORKSPACE", link, 1);
    ck_assert_ptr_nonnull(realpath(folder, real));
    snprintf(file, sizeof(file), "%s/a.c", real);
    expect(file, "a.c");
    snprintf(file, sizeof(file), "%s/b.c", link);
    expect(file, "b.c");
    ck_assert_int_eq(unlink(link) | rmdir(folder), 0);
}
END_TEST

UNIT_MAIN("source_path", source_path_is_relative_to_the_workspace, source_path_is_cleaned,
          source_path_of_gitlab_or_a_relative_variable, source_path_is_relative_to_the_repository,
          source_path_through_a_link_to_the_workspace)
