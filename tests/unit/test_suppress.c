/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <vmtrace/lsan_options.h>

#include "suppress/suppression.h"
#include "unit_main.h"

static struct suppression_list *list;
static struct error error;

static enum vmt_error parse(const char *text)
{
    suppression_list_free(list);
    list = suppression_list_new();
    ck_assert_ptr_nonnull(list);
    error = (struct error){.code = VMT_OK};
    return suppression_list_parse(list, "my.supp", text, strlen(text), &error);
}

static void parse_good(const char *text)
{
    ck_assert_msg(parse(text) == VMT_OK, "%s", error.message);
}

static void parse_bad(const char *text, const char *message)
{
    ck_assert_int_eq(parse(text), VMT_ERROR_FORMAT);
    ck_assert_msg(strncmp(error.message, message, strlen(message)) == 0, "%s", error.message);
}

/* malloc <- inner (inlined into outer) <- outer <- ns::f(int) <- main <- __libc_start_main */
static const struct suppression_place places[] = {
    {.names = {"malloc"}},
    {.names = {"inner"}, .file = "/src/inner.c", .line = 7, .module = "/bin/app", .inlined = true},
    {.names = {"outer"}, .file = "/src/outer.c", .line = 12, .module = "/bin/app"},
    {.names = {"ns::f(int)", "_ZN2ns1fEi"}, .module = "/lib/libplug.so.2"},
    {.module = "/lib/libnameless.so"},
    {.names = {"main"}, .file = "/src/main.c", .line = 3, .module = "/bin/app"},
    {.names = {"__libc_start_main", "(below main)"}, .module = "/lib/libc.so.6"},
};

static struct suppression *match(unsigned kind)
{
    return suppression_list_match(list,
                                  &(struct suppression_query){SUPPRESSION_LEAK, kind, places,
                                                              sizeof(places) / sizeof(*places)});
}

static bool suppresses(const char *text)
{
    parse_good(text);
    ck_assert_uint_eq(list->count, 1);
    return match(SUPPRESSION_DEFINITE) != NULL;
}

static bool block_suppresses(const char *frames)
{
    char text[1024];
    snprintf(text, sizeof(text), "{\n  name\n  Memcheck:Leak\n%s}\n", frames);
    return suppresses(text);
}

START_TEST(suppress_template_is_a_part_of_any_name)
{
    ck_assert(suppression_template("foo", "a foo b"));
    ck_assert(!suppression_template("foo", "fo"));
    ck_assert(suppression_template("^foo", "foobar"));
    ck_assert(!suppression_template("^foo", "afoo"));
    ck_assert(suppression_template("foo$", "foofoo"));
    ck_assert(!suppression_template("foo$", "foob"));
    ck_assert(suppression_template("^foo$", "foo"));
    ck_assert(!suppression_template("^foo$", "foofoo"));
    ck_assert(suppression_template("a*c", "xabbcx"));
    ck_assert(!suppression_template("a*c", "xcxa"));
    ck_assert(suppression_template("^a*c$", "acbc"));
    ck_assert(suppression_template("a?", "xa?"));
    ck_assert(!suppression_template("a?", "xab"));
    ck_assert(suppression_template("aab", "aaab"));
}
END_TEST

START_TEST(suppress_glob_is_of_the_whole_name)
{
    ck_assert(suppression_glob("foo", "foo"));
    ck_assert(!suppression_glob("foo", "foob"));
    ck_assert(!suppression_glob("foo", "afoo"));
    ck_assert(suppression_glob("f?o*", "fxobar"));
    ck_assert(suppression_glob("?xo", "fxo"));
    ck_assert(suppression_glob("", ""));
    ck_assert(suppression_glob("*", ""));
    ck_assert(!suppression_glob("?", ""));
    ck_assert(suppression_glob("*a*b", "xaxbab"));
}
END_TEST

START_TEST(suppress_leak_line_looks_at_function_file_and_module_of_any_frame)
{
    ck_assert(suppresses("leak:outer\n"));
    ck_assert(suppresses("# comment\n\n  leak:ns::f  \n"));
    ck_assert(suppresses("leak:^_ZN2ns1fEi$"));
    ck_assert(suppresses("leak:libplug.so"));
    ck_assert(suppresses("leak:/src/inner.c"));
    ck_assert(suppresses("leak:malloc"));
    ck_assert(!suppresses("leak:nothing"));
    parse_good("leak:main"); /* what is reachable is no leak to LeakSanitizer */
    ck_assert_ptr_null(match(SUPPRESSION_REACHABLE));
}
END_TEST

START_TEST(suppress_frames_fit_from_the_innermost_on)
{
    ck_assert(block_suppresses("fun:malloc\nfun:inner\nfun:outer\n"));
    ck_assert(!block_suppresses("fun:inner\n"));
    ck_assert(!block_suppresses("fun:malloc\nfun:main\n"));
    ck_assert(block_suppresses("fun:m*c\nobj:*/app\nsrc:outer.c:12\nfun:_ZN2ns1fEi\n"));
    ck_assert(block_suppresses("fun:malloc\n...\nsrc:/src/main.c\nfun:(below main)\n"));
    ck_assert(!block_suppresses("fun:malloc\n...\nsrc:outer.c:13\n"));
    ck_assert(!block_suppresses("fun:malloc\n...\nfun:inner\nfun:main\n"));
    ck_assert(block_suppresses("...\nfun:main\n...\n"));
    ck_assert(block_suppresses("...\nfun:ns::f(int)\nfun:???\nfun:main\n"));
    ck_assert(!block_suppresses("...\nfun:(below main)\nfun:*\n"));
}
END_TEST

START_TEST(suppress_frames_fit_with_and_without_inlined_ones)
{
    ck_assert(block_suppresses("fun:malloc\nfun:outer\nfun:_ZN2ns1fEi\n"));
    ck_assert(block_suppresses("fun:malloc\n...\nfun:outer\nfun:_ZN*\n"));
    ck_assert(!block_suppresses("fun:malloc\nfun:inner\nfun:_ZN*\n"));
}
END_TEST

START_TEST(suppress_kinds_are_those_that_are_named)
{
    parse_good("{\nn\nMemcheck:Leak\nmatch-leak-kinds: indirect,  possible\nfun:malloc\n}\n");
    ck_assert_ptr_null(match(SUPPRESSION_DEFINITE));
    ck_assert_ptr_nonnull(match(SUPPRESSION_INDIRECT));
    ck_assert_ptr_nonnull(match(SUPPRESSION_POSSIBLE));
    ck_assert_ptr_null(match(SUPPRESSION_REACHABLE));
    parse_good("{\nn\nHelgrind,Memcheck:Leak\nmatch-leak-kinds:all\nfun:malloc\n}\n");
    ck_assert_ptr_nonnull(match(SUPPRESSION_REACHABLE));
}
END_TEST

START_TEST(suppress_first_match_counts_and_keeps_its_place)
{
    parse_good("leak:nothing\n{\n  the name\n  Memcheck:Leak\n  fun:malloc\n}\nleak:main\n");
    struct suppression *found = match(SUPPRESSION_DEFINITE);
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->name, "the name");
    ck_assert_str_eq(found->file, "my.supp");
    ck_assert_uint_eq(found->line, 2);
    ck_assert_uint_eq(list->items[2].line, 7);
}
END_TEST

START_TEST(suppress_free_is_for_wrong_releases_only)
{
    parse_good("{\nn\nMemcheck:Free\nfun:malloc\n}\n");
    ck_assert_ptr_null(match(SUPPRESSION_DEFINITE));
    ck_assert_ptr_nonnull(
        suppression_list_match(list, &(struct suppression_query){SUPPRESSION_FREE, 0, places, 2}));
}
END_TEST

START_TEST(suppress_other_tools_are_counted_and_left_out)
{
    parse_good("race:foo\nthread:bar\n"
               "{\n n\n Memcheck:Cond\n fun:x\n}\n"
               "{\n n\n Memcheck:Param\n write(buf)\n fun:x\n}\n"
               "{\n n\n Helgrind:Race\n obj:*\n}\nleak:main\n");
    ck_assert_uint_eq(list->count, 1);
    ck_assert_uint_eq(list->skip_count, 1);
    ck_assert_uint_eq(list->skips[0].count, 5);
    ck_assert_uint_eq(list->skips[0].line, 1);
    ck_assert_str_eq(list->skips[0].first, "race:foo");
}
END_TEST

START_TEST(suppress_bad_lines_are_told_with_their_place)
{
    parse_bad("leak:a\nnonsense\n", "my.supp:2: \"nonsense\"");
    parse_bad("leak:\n", "my.supp:1: leak: without a pattern");
    parse_bad("Leak:a\n", "my.supp:1: \"Leak:a\"");
    parse_bad("}\n", "my.supp:1: \"}\"");
    parse_bad("# c\n{\n", "my.supp:2: the suppression that begins here has no closing }");
    parse_bad("{\nn\n", "my.supp:1: the suppression that begins here has no closing }");
    parse_bad("{\nn\nMemcheck:Leak\nfun:a\n", "my.supp:1: the suppression that begins here");
    parse_bad("{\nn\nMemcheck:Cond\nfun:a\n", "my.supp:1: the suppression that begins here");
    parse_bad("{\nn\n}\n", "my.supp:3: \"}\"");
    parse_bad("{\nn\nfun:a\n}\n", "my.supp:3: \"fun:a\"");
    parse_bad("{\nn\nMemcheck:Leak\nfn:a\n}\n", "my.supp:4: \"fn:a\"");
    parse_bad("{\nn\nMemcheck:Leak\nfun:\n}\n", "my.supp:4: \"fun:\"");
    parse_bad("{\nn\nMemcheck:Leak\n...\n}\n", "my.supp:1: this suppression names no frame");
    parse_bad("{\nn\nMemcheck:Leak\n}\n", "my.supp:1: this suppression names no frame");
    parse_bad("{\nn\nMemcheck:Leak\nmatch-leak-kinds: lost\nfun:a\n}\n",
              "my.supp:4: match-leak-kinds: \"lost\" is no kind");
}
END_TEST

START_TEST(suppress_file_that_is_missing_is_named)
{
    parse_good("");
    ck_assert_int_eq(suppression_list_read(list, "/nonexistent/x.supp", &error), VMT_ERROR_OPEN);
    ck_assert(strncmp(error.message, "/nonexistent/x.supp: ", 21) == 0);
}
END_TEST

START_TEST(suppress_joined_lists_begin_to_count_anew)
{
    parse_good("leak:main\nrace:x\n");
    list->items[0].matches = list->items[0].bytes = 5;
    struct suppression_list *other = suppression_list_new();
    ck_assert(suppression_list_join(other, list));
    ck_assert_uint_eq(other->count, 1);
    ck_assert_uint_eq(other->skip_count, 1);
    ck_assert_uint_eq(other->items[0].matches + other->items[0].bytes, 0);
    suppression_list_free(other);
}
END_TEST

START_TEST(suppress_builtin_hides_the_loaders_and_not_the_programs)
{
    static const struct suppression_place tls[] = {
        {.names = {"malloc"}},
        {.names = {"tls_get_addr_tail"}, .module = "/lib64/ld-linux-x86-64.so.2"},
        {.names = {"__tls_get_addr"}, .module = "/lib64/ld-linux-x86-64.so.2"},
        {.names = {"main"}, .module = "/bin/app"},
    };
    parse_good("");
    ck_assert_int_eq(suppression_list_add_builtin(list, &error), VMT_OK);
    ck_assert(list->count > 0 && list->items[0].builtin);
    ck_assert_ptr_null(match(SUPPRESSION_DEFINITE));
    struct suppression_query query = {SUPPRESSION_LEAK, SUPPRESSION_POSSIBLE, tls, 4};
    ck_assert_ptr_nonnull(suppression_list_match(list, &query));
    query.kind = SUPPRESSION_REACHABLE;
    ck_assert_ptr_null(suppression_list_match(list, &query));
}
END_TEST

START_TEST(suppress_library_caches_are_hidden_while_reachable_only)
{
    static const struct suppression_place stream[] = {
        {.names = {"malloc"}},
        {.names = {"_IO_file_doallocate"}, .module = "/lib/libc.so.6"},
        {.names = {"printf"}, .module = "/lib/libc.so.6"},
        {.names = {"main"}, .module = "/bin/app"},
    };
    static const struct suppression_place copied[] = {
        {.names = {"malloc"}},
        {.names = {"strdup"}, .module = "/lib/libc.so.6"},
        {.names = {"main"}, .module = "/bin/app"},
    };
    parse_good("");
    ck_assert_int_eq(suppression_list_add_library_caches(list, &error), VMT_OK);
    struct suppression_query query = {SUPPRESSION_LEAK, SUPPRESSION_REACHABLE, stream, 4};
    ck_assert(suppression_list_match(list, &query)->builtin);
    query.kind = SUPPRESSION_DEFINITE;
    ck_assert_ptr_null(suppression_list_match(list, &query));
    query = (struct suppression_query){SUPPRESSION_LEAK, SUPPRESSION_REACHABLE, copied, 3};
    ck_assert_ptr_null(suppression_list_match(list, &query));
}
END_TEST

START_TEST(suppress_lsan_options_last_one_counts)
{
    static const char options[] = "use_tls=0:suppressions='a b:c',use_tls=1 exitcode=7:x";
    size_t length = 0;
    const char *value = lsan_option(options, "suppressions", &length);
    ck_assert_uint_eq(length, 5);
    ck_assert(memcmp(value, "a b:c", 5) == 0);
    ck_assert(lsan_option_is(options, "use_tls", false));
    ck_assert(!lsan_option_is("use_tls=false", "use_tls", true));
    ck_assert(lsan_option_is(options, "exitcode", true));
    ck_assert(!lsan_option_is(options, "exitcode", false));
    ck_assert_ptr_null(lsan_option(options, "tls", &length));
    ck_assert_ptr_null(lsan_option(options, "x", &length));
    ck_assert_ptr_null(lsan_option(NULL, "x", &length));
    ck_assert_ptr_nonnull(lsan_option("a='b", "a", &length));
    ck_assert_uint_eq(length, 1);
}
END_TEST

UNIT_MAIN("suppress", suppress_template_is_a_part_of_any_name, suppress_glob_is_of_the_whole_name,
          suppress_leak_line_looks_at_function_file_and_module_of_any_frame,
          suppress_frames_fit_from_the_innermost_on,
          suppress_frames_fit_with_and_without_inlined_ones,
          suppress_kinds_are_those_that_are_named, suppress_first_match_counts_and_keeps_its_place,
          suppress_free_is_for_wrong_releases_only, suppress_other_tools_are_counted_and_left_out,
          suppress_bad_lines_are_told_with_their_place, suppress_file_that_is_missing_is_named,
          suppress_joined_lists_begin_to_count_anew,
          suppress_builtin_hides_the_loaders_and_not_the_programs,
          suppress_library_caches_are_hidden_while_reachable_only,
          suppress_lsan_options_last_one_counts)
