/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/baseline.h"

#include <unistd.h>

#include "finding_fixture.h"

enum { ALL = 0x1f };

static enum vmt_error load(struct baseline *baseline, const char *text, size_t size,
                           struct error *error)
{
    char path[] = "/tmp/baseline-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fwrite(text, 1, size, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert(baseline_init(baseline));
    enum vmt_error code = baseline_load(baseline, path, error);
    unlink(path);
    return code;
}

START_TEST(baseline_is_read_as_editors_and_git_leave_it)
{
    static const char *const texts[] = {
        "# vmtrace baseline 1\r\n\r\ndefinite-leak blocks=3 bytes=96\r\n    parse @ app\r\n",
        "\xef\xbb\xbf# vmtrace baseline 1\ndefinite-leak blocks=3 bytes=96  \n\tparse @ app \n",
        "# vmtrace baseline 1\n# JIRA-7\ndefinite-leak blocks=3 bytes=96\n  # why\n  parse @ app",
        ("# vmtrace baseline 1\ndefinite-leak blocks=3 bytes=90\n    parse @ app\n"
         "definite-leak blocks=1 bytes=96\n    parse @ app\n")};
    for (size_t i = 0; i < FIXTURE_COUNT(texts); i++) {
        struct baseline baseline;
        struct error error = {.code = VMT_OK};
        ck_assert_msg(load(&baseline, texts[i], strlen(texts[i]), &error) == VMT_OK, "%s",
                      error.message);
        ck_assert_uint_eq(baseline.count, 1);
        ck_assert_str_eq(baseline.entries[0].key, "definite-leak\nparse @ app\n");
        ck_assert_uint_eq(baseline.entries[0].blocks, 3);
        ck_assert_uint_eq(baseline.entries[0].bytes, 96);
        baseline_release(&baseline);
    }
}
END_TEST

START_TEST(baseline_keeps_notes_with_their_entries)
{
    static const char text[] = "# vmtrace baseline 1\n# of the file\n\n"
                               "# above\ndefinite-leak blocks=3 bytes=96\n    b @ app\n"
                               "    # within\n    main @ app\n# below\n\n# of nothing\n\n"
                               "definite-leak blocks=1 bytes=1\n    a @ app\n"
                               "# above without a blank line\ndouble-free times=1\n    c @ app\n";
    struct baseline baseline;
    struct error error = {.code = VMT_OK};
    char *written = NULL;
    size_t size = 0;
    ck_assert_int_eq(load(&baseline, text, strlen(text), &error), VMT_OK);
    FILE *out = open_memstream(&written, &size);
    baseline_write(&baseline, out);
    fclose(out);
    baseline_release(&baseline);
    ck_assert_str_eq(strchr(written, '\n') + 1,
                     "# Known findings: a gate with this baseline trips on what is not here, or "
                     "has grown.\n# Delete an entry to have it reported again.\n\n"
                     "definite-leak blocks=1 bytes=1\n    a @ app\n\n"
                     "# above\n# within\n# below\ndefinite-leak blocks=3 bytes=96\n    b @ app\n"
                     "    main @ app\n\n"
                     "# above without a blank line\ndouble-free times=1\n    c @ app\n");
    ck_assert_int_eq(load(&baseline, written, size, &error), VMT_OK); /* and they stay */
    ck_assert_str_eq(baseline.entries[1].note, "# above\n# within\n# below\n");
    baseline_release(&baseline);
    free(written);
}
END_TEST

START_TEST(baseline_names_the_line_that_is_wrong)
{
    static const struct {
        const char *text, *where;
        size_t size;
    } cases[] = {
#define CASE(text, where) {text, where, sizeof(text) - 1}
        CASE("# vmtrace baseline 2\n", ":1: not a baseline of this version"),
        CASE("# vmtrace baseline 1\n<<<<<<< HEAD\n", ":2: a merge conflict"),
        CASE("# vmtrace baseline 1\n\n>>>>>>> theirs\n", ":3: a merge conflict"),
        CASE("# vmtrace baseline 1\ndefinite-leek blocks=1 bytes=1\n", ":2: no kind of finding"),
        CASE("# vmtrace baseline 1\ndefinite-leak blocks=1 bytes=1\n  a\0b\n", ":3: a byte 0"),
#undef CASE
    };
    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        struct baseline baseline;
        struct error error = {.code = VMT_OK};
        ck_assert_int_eq(load(&baseline, cases[i].text, cases[i].size, &error), VMT_ERROR_FORMAT);
        ck_assert_msg(strstr(error.message, cases[i].where) != NULL, "%s", error.message);
        baseline_release(&baseline);
    }
}
END_TEST

/* A leak of /opt/app. */
struct one_leak {
    enum report_leak_class class;
    uint64_t blocks, bytes;
    const char *functions[6]; /* innermost first */
};

static void make_set(struct finding_set *set, const struct one_leak *wanted, size_t count)
{
    static struct report_frame frames[4][6];
    static struct report_stack stacks[4];
    static struct report_site sites[4];
    struct report_leak leaks[4];
    for (size_t i = 0; i < count; i++) {
        size_t depth = 0;
        for (; depth < 6 && wanted[i].functions[depth]; depth++)
            frames[i][depth] = (struct report_frame){
                .function = wanted[i].functions[depth], .module = "/opt/app", .application = true};
        stacks[i] = (struct report_stack){.frames = frames[i], .count = depth};
        sites[i] = (struct report_site){.kind = "malloc", .stack = &stacks[i]};
        leaks[i] = fixture_leak(wanted[i].class, wanted[i].bytes, wanted[i].blocks);
        leaks[i].site = &sites[i];
    }
    fixture_set(set, leaks, count);
}

/* The states of the findings of one run against a baseline of another, known ones as 'k', new ones
 * as 'n' and grown ones as 'g', in the order in which the second run has them. */
static const char *states(const struct one_leak *before, size_t before_count,
                          const struct one_leak *after, size_t after_count)
{
    static char text[8];
    struct finding_set old, new;
    struct baseline baseline;
    make_set(&old, before, before_count);
    ck_assert(baseline_init(&baseline));
    ck_assert(baseline_add(&baseline, &old, ALL));
    make_set(&new, after, after_count);
    ck_assert(baseline_compare(&baseline, &new));
    for (size_t i = 0; i < new.count; i++)
        text[i] = new.findings[i].state == FINDING_KNOWN ? 'k'
                  : new.findings[i].state == FINDING_NEW ? 'n'
                                                         : 'g';
    text[new.count] = '\0';
    finding_set_release(&old);
    finding_set_release(&new);
    baseline_release(&baseline);
    return text;
}

#define STATES(before, after) states(before, FIXTURE_COUNT(before), after, FIXTURE_COUNT(after))

START_TEST(baseline_refuses_what_has_no_end)
{
    struct baseline baseline;
    struct error error = {.code = VMT_OK};
    ck_assert(baseline_init(&baseline));
    ck_assert_int_eq(baseline_load(&baseline, "/dev/zero", &error), VMT_ERROR_FORMAT);
    ck_assert_str_eq(error.message, "/dev/zero:1: a byte 0: not a baseline");
    baseline_release(&baseline);
    enum { MIB = 1 << 20 };
    static char line[MIB + 64] = "# vmtrace baseline 1\n";
    size_t first = strlen(line);
    memset(line + first, '#', MIB);
    ck_assert_int_eq(load(&baseline, line, first + MIB - 1, &error), VMT_OK);
    baseline_release(&baseline);
    ck_assert_int_eq(load(&baseline, line, first + MIB, &error), VMT_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.message, ":2: a line of 1 MiB or more"));
    baseline_release(&baseline);
}
END_TEST

START_TEST(baseline_knows_a_leak_whose_callers_were_optimized_away)
{
    struct one_leak whole[] = {{REPORT_LEAK_DEFINITE, 2, 64, {"make", "load", "main"}}};
    struct one_leak part[] = {{REPORT_LEAK_DEFINITE, 2, 64, {"make", "main"}}};
    ck_assert_str_eq(STATES(whole, part), "k");
    ck_assert_str_eq(STATES(part, whole), "k");
    part[0].bytes = 60; /* other blocks */
    ck_assert_str_eq(STATES(whole, part), "n");
    part[0] = (struct one_leak){REPORT_LEAK_DEFINITE, 3, 96, {"make", "main"}}; /* more of them */
    ck_assert_str_eq(STATES(whole, part), "n");
    part[0] = (struct one_leak){REPORT_LEAK_DEFINITE, 2, 64, {"main"}}; /* too little in common */
    ck_assert_str_eq(STATES(whole, part), "n");
    ck_assert_str_eq(STATES(part, whole), "n");
    part[0] = (struct one_leak){REPORT_LEAK_DEFINITE, 2, 64, {"other", "load", "main"}};
    ck_assert_str_eq(STATES(whole, part), "n");
}
END_TEST

START_TEST(baseline_gives_each_known_block_once)
{
    struct one_leak before[] = {{REPORT_LEAK_DEFINITE, 1, 32, {"make", "load", "main"}}};
    struct one_leak both[] = {{REPORT_LEAK_DEFINITE, 1, 32, {"make", "load", "main"}},
                              {REPORT_LEAK_DEFINITE, 1, 32, {"make", "main"}}};
    struct one_leak merged[] = {{REPORT_LEAK_DEFINITE, 2, 64, {"make", "main"}}};
    ck_assert_str_eq(STATES(before, both), "kn");
    ck_assert_str_eq(STATES(both, merged), "k");
    ck_assert_str_eq(STATES(before, merged), "n");
    merged[0].blocks = 3;
    merged[0].bytes = 96;
    ck_assert_str_eq(STATES(both, merged), "g");
}
END_TEST

START_TEST(baseline_takes_the_first_entry_of_that_size_that_is_alike)
{
    struct one_leak before[] = {{REPORT_LEAK_DEFINITE, 1, 64, {"make", "find", "main"}},
                                {REPORT_LEAK_DEFINITE, 2, 64, {"make", "read", "main"}},
                                {REPORT_LEAK_DEFINITE, 1, 32, {"make", "load", "main"}},
                                {REPORT_LEAK_DEFINITE, 1, 32, {"take", "init", "main"}}};
    struct one_leak after[] = {{REPORT_LEAK_DEFINITE, 2, 64, {"make", "main"}}};
    static const uint64_t used[] = {0, 1, 1, 0}; /* by key: find, load, read, init */
    struct finding_set old, new;
    struct baseline baseline;
    make_set(&old, before, FIXTURE_COUNT(before));
    ck_assert(baseline_init(&baseline));
    ck_assert(baseline_add(&baseline, &old, ALL));
    make_set(&new, after, FIXTURE_COUNT(after));
    ck_assert(baseline_compare(&baseline, &new));
    ck_assert_int_eq(new.findings[0].state, FINDING_KNOWN);
    for (size_t i = 0; i < FIXTURE_COUNT(used); i++)
        ck_assert_msg(baseline.entries[i].used == used[i], "%s", baseline.entries[i].key);
    finding_set_release(&old);
    finding_set_release(&new);
    baseline_release(&baseline);
}
END_TEST

START_TEST(baseline_excuses_no_blocks_that_became_larger)
{
    struct one_leak before[] = {{REPORT_LEAK_DEFINITE, 2, 64, {"make", "main"}},
                                {REPORT_LEAK_DEFINITE, 1, 4096, {"make", "load", "main"}}};
    struct one_leak after[] = {{REPORT_LEAK_DEFINITE, 3, 3 * 4096, {"make", "main"}}};
    ck_assert_str_eq(STATES(before, after), "g");
    before[0].bytes = 2 * 4096;
    ck_assert_str_eq(STATES(before, after), "k");
}
END_TEST

START_TEST(baseline_compares_sizes_that_no_product_holds)
{
    struct one_leak before[] = {
        {REPORT_LEAK_DEFINITE, 2, UINT64_C(1) << 63, {"make", "load", "main"}}};
    struct one_leak after[] = {{REPORT_LEAK_DEFINITE, 2, 0, {"make", "main"}}};
    ck_assert_str_eq(STATES(before, after), "n");
    after[0].bytes = before[0].bytes;
    ck_assert_str_eq(STATES(before, after), "k");
}
END_TEST

START_TEST(baseline_knows_a_leak_that_is_less_lost)
{
    struct one_leak before[] = {{REPORT_LEAK_DEFINITE, 1, 32, {"make", "main"}}}, after[1];
    memcpy(after, before, sizeof(after));
    after[0].class = REPORT_LEAK_INDIRECT; /* of a cycle any block may be the first */
    ck_assert_str_eq(STATES(before, after), "k");
    ck_assert_str_eq(STATES(after, before), "k");
    after[0].class = REPORT_LEAK_POSSIBLE;
    ck_assert_str_eq(STATES(before, after), "k");
    ck_assert_str_eq(STATES(after, before), "n");
}
END_TEST

START_TEST(baseline_knows_a_library_whose_symbols_are_missing)
{
    struct one_leak before[] = {{REPORT_LEAK_DEFINITE, 1, 32, {"each", "inner", "main"}}};
    struct one_leak after[] = {{REPORT_LEAK_DEFINITE, 1, 32, {"each", "?", "main"}}};
    ck_assert_str_eq(STATES(before, after), "k");
    ck_assert_str_eq(STATES(after, before), "k");
    after[0] = (struct one_leak){REPORT_LEAK_DEFINITE, 1, 32, {"?", "?", "?"}}; /* says nothing */
    ck_assert_str_eq(STATES(before, after), "n");
}
END_TEST

UNIT_MAIN("baseline", baseline_keeps_notes_with_their_entries,
          baseline_is_read_as_editors_and_git_leave_it, baseline_names_the_line_that_is_wrong,
          baseline_refuses_what_has_no_end, baseline_knows_a_leak_whose_callers_were_optimized_away,
          baseline_gives_each_known_block_once,
          baseline_takes_the_first_entry_of_that_size_that_is_alike,
          baseline_excuses_no_blocks_that_became_larger,
          baseline_compares_sizes_that_no_product_holds, baseline_knows_a_leak_that_is_less_lost,
          baseline_knows_a_library_whose_symbols_are_missing)
