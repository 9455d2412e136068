/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate.h"
#include "gate/gate_only.h"

#include <stdlib.h>
#include <unistd.h>

#include "finding_fixture.h"
#include "render/findings_render.h"

enum { DEFINITE = 1u << REPORT_LEAK_DEFINITE, ALL = 0x1f };

static enum gate_verdict judge(const struct report_leak *leak, struct gate gate)
{
    struct finding_set set;
    fixture_set(&set, leak, 1);
    enum gate_verdict verdict = gate_judge(&gate, &set);
    finding_set_release(&set);
    return verdict;
}

START_TEST(gate_trips_on_its_classes)
{
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    ck_assert_int_eq(judge(&leak, (struct gate){.classes = DEFINITE}), GATE_TRIPPED);
    leak.class = REPORT_LEAK_POSSIBLE;
    ck_assert_int_eq(judge(&leak, (struct gate){.classes = DEFINITE}), GATE_PASSED);
}
END_TEST

START_TEST(gate_threshold_is_the_least_that_trips)
{
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    struct gate gate = {.classes = DEFINITE, .threshold = 97};
    ck_assert_int_eq(judge(&leak, gate), GATE_PASSED);
    gate.threshold = 96;
    ck_assert_int_eq(judge(&leak, gate), GATE_TRIPPED);
}
END_TEST

START_TEST(gate_only_one_module_or_path)
{
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    static const char *const hits[] = {"app", "/src/", "parse.c"}, *const misses[] = {"lib", "ap"};
    for (size_t i = 0; i < FIXTURE_COUNT(hits); i++)
        ck_assert_int_eq(
            judge(&leak, (struct gate){.classes = DEFINITE, .only = &hits[i], .only_count = 1}),
            GATE_TRIPPED);
    for (size_t i = 0; i < FIXTURE_COUNT(misses); i++)
        ck_assert_int_eq(
            judge(&leak, (struct gate){.classes = DEFINITE, .only = &misses[i], .only_count = 1}),
            GATE_PASSED);
}
END_TEST

/* What --only says of the function `file` names in `module`. */
static enum finding_whose whose(const char *name, const char *file, const char *module)
{
    struct report_frame frames[] = {
        {.function = "f", .file = file, .module = module, .application = true},
        {.function = "_start", .module = module, .application = true}};
    struct finding_stack stack = {.frames = frames, .count = 2};
    struct gate_only *only = gate_only_new(&name, 1);
    enum finding_whose result = gate_only_judge(only, &stack);
    gate_only_free(only);
    return result;
}

START_TEST(only_takes_whole_names_and_components)
{
    static const struct {
        const char *name, *file, *module;
        enum finding_whose whose;
    } cases[] = {
        {"src/", "/home/u/src/a.c", "/home/u/app", FINDING_MINE},
        {"./src/", "/home/u/src/a.c", "/home/u/app", FINDING_MINE},
        {"src/", "/home/u/build/../src/a.c", "/home/u/app", FINDING_MINE},
        {"src/a", "/home/u/src/a.c", "/home/u/app", FINDING_OTHERS},
        {"src/", "/home/u/othersrc/a.c", "/home/u/app", FINDING_OTHERS},
        {"a.c", "/home/u/src/a.c", "/home/u/app", FINDING_MINE},
        {"a.c", "/home/u/src/aa.c", "/home/u/app", FINDING_OTHERS},
        {"libx.so", "/x.c", "/home/u/libx.so.1.2", FINDING_MINE},
        {"libx.so.1", "/x.c", "/home/u/libx.so.1.2", FINDING_MINE},
        {"libx", "/x.c", "/home/u/libx.so", FINDING_MINE},
        {"libx", "/x.c", "/home/u/libxy.so", FINDING_OTHERS},
        {"APP", "/x.c", "/home/u/app", FINDING_OTHERS},
        {"lib/", "/home/u/x.c", "/usr/lib/libz.so.1", FINDING_OTHERS},
        {"lib/", "/home/u/x.c", "/home/u/lib/libz.so.1", FINDING_MINE},
        {"/usr/lib", "/home/u/x.c", "/usr/lib/libz.so.1", FINDING_MINE},
        {"build/app", "/x.c", "/home/u/build/app", FINDING_MINE},
    };
    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++)
        ck_assert_msg(whose(cases[i].name, cases[i].file, cases[i].module) == cases[i].whose, "%s",
                      cases[i].name);
}
END_TEST

START_TEST(only_hides_nothing_for_want_of_debug_information)
{
    ck_assert_int_eq(whose("src/", NULL, "/home/u/build/app"), FINDING_UNKNOWN);
    ck_assert_int_eq(whose("a.c", NULL, "/home/u/build/app"), FINDING_UNKNOWN);
    ck_assert_int_eq(whose("app", NULL, "/home/u/build/app"), FINDING_MINE);
    ck_assert_int_eq(whose("libx.so", NULL, "/home/u/build/app"), FINDING_OTHERS);
    ck_assert_int_eq(whose("src/", NULL, "/usr/bin/python3"), FINDING_OTHERS);
    ck_assert_int_eq(whose("src/", "/other/x.c", "/home/u/build/app"), FINDING_OTHERS);
}
END_TEST

START_TEST(only_judges_what_would_fail)
{
    static const char *const mine[] = {"other/"};
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    struct gate gate = {.classes = DEFINITE, .only = mine, .only_count = 1};
    struct finding_set set;
    fixture_set(&set, &leak, 1);
    ck_assert_int_eq(gate_judge(&gate, &set), GATE_PASSED);
    ck_assert_int_eq(set.findings[0].whose, FINDING_OTHERS);
    finding_set_release(&set);
    leak.class = REPORT_LEAK_POSSIBLE;
    fixture_set(&set, &leak, 1);
    ck_assert_int_eq(gate_judge(&gate, &set), GATE_PASSED);
    ck_assert_int_eq(set.findings[0].whose, FINDING_MINE); /* it was not left out by that */
    finding_set_release(&set);
}
END_TEST

/* What the check says of a leak from there.  The caller frees it. */
static char *verdict_text(struct report_frame *frames, size_t count, enum finding_whose *whose)
{
    const struct report_stack stack = {.frames = frames, .count = count};
    const struct report_site site = {.kind = "malloc", .stack = &stack};
    struct report_leak leak = {.class = REPORT_LEAK_DEFINITE, .site = &site, .blocks = 1};
    struct render_options options = {.leak_classes = ALL};
    struct finding_set set;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fixture_set(&set, &leak, 1);
    ck_assert_int_eq(gate_judge(&(struct gate){.classes = DEFINITE}, &set), GATE_TRIPPED);
    ck_assert(check_render(&set, &options, out));
    fclose(out);
    *whose = set.findings[0].whose;
    finding_set_release(&set);
    return text;
}

START_TEST(gate_tells_what_only_systems_programs_lost)
{
    static const struct {
        const char *module;
        enum finding_whose whose;
    } cases[] = {
        {"/usr/bin/sed", FINDING_SYSTEMS}, {"/home/u/app", FINDING_MINE}, {NULL, FINDING_MINE}};
    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        struct report_frame frames[] = {{.function = "xmalloc", .module = "/usr/bin/sed"},
                                        {.function = "main", .module = cases[i].module},
                                        {.function = "_start", .module = "/lib/libc.so.6"}};
        enum finding_whose whose;
        char *text = verdict_text(frames, FIXTURE_COUNT(frames), &whose);
        bool told = strstr(text, "1 of 1 finding is in a program of the system; with --only=.");
        ck_assert_int_eq(whose, cases[i].whose);
        ck_assert_int_eq(told, whose == FINDING_SYSTEMS);
        free(text);
    }
}
END_TEST

/* An interpreter without debug information that runs the module in question. */
START_TEST(verdict_shows_the_first_frame_with_a_line)
{
    struct report_frame frames[20];
    enum finding_whose whose;
    for (size_t i = 0; i < FIXTURE_COUNT(frames); i++)
        frames[i] = (struct report_frame){
            .function = "run", .offset = i, .module = "/usr/bin/perl", .application = true};
    frames[13].function = "decode";
    frames[13].file = "/home/u/decode.xs";
    frames[13].line = 31;
    char *text = verdict_text(frames, FIXTURE_COUNT(frames), &whose);
    ck_assert_ptr_nonnull(strstr(text, "7 more frames"));
    ck_assert_ptr_nonnull(strstr(text, "        decode  u/decode.xs:31\n"));
    ck_assert_ptr_nonnull(strstr(text, "6 more frames"));
    free(text);
}
END_TEST

START_TEST(gate_is_unjudged_without_a_scan)
{
    struct report report = fixture_report(10, NULL, 0);
    struct gate leaks = {.classes = DEFINITE}, errors = {.errors = true};
    struct finding_set set;
    report.scan = "off";
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &report));
    ck_assert_int_eq(gate_judge(&leaks, &set), GATE_UNJUDGED);
    ck_assert_int_eq(gate_judge(&errors, &set), GATE_PASSED);
    report.scan = "complete";
    ck_assert(finding_set_add(&set, &report));
    ck_assert_int_eq(gate_judge(&leaks, &set), GATE_PASSED);
    leaks.strict = true;
    ck_assert_int_eq(gate_judge(&leaks, &set), GATE_UNJUDGED);
    ck_assert(finding_set_add_unread(&set, 0, "x", true, "empty"));
    ck_assert_int_eq(gate_judge(&errors, &set), GATE_UNJUDGED);
    leaks.strict = false;
    leaks.lenient = errors.lenient = true;
    ck_assert_int_eq(gate_judge(&leaks, &set), GATE_PASSED);
    ck_assert_int_eq(gate_judge(&errors, &set), GATE_PASSED);
    errors.strict = true;
    ck_assert_int_eq(gate_judge(&errors, &set), GATE_UNJUDGED);
    finding_set_release(&set);
}
END_TEST

/* The baseline of the set, written and read again. */
static void round_trip(struct baseline *baseline, const struct finding_set *set)
{
    struct baseline made;
    char path[] = "/tmp/baseline-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    struct error error;
    ck_assert(baseline_init(&made));
    ck_assert(baseline_add(&made, set, ALL));
    baseline_write(&made, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert(baseline_init(baseline));
    ck_assert_msg(baseline_load(baseline, path, &error) == VMT_OK, "%s", error.message);
    unlink(path);
    baseline_release(&made);
}

START_TEST(baseline_tells_new_grown_and_known)
{
    struct report_leak before = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3), after = before;
    struct gate gate = {.classes = DEFINITE};
    struct finding_set old, new;
    struct baseline baseline;
    fixture_set(&old, &before, 1);
    round_trip(&baseline, &old);
    static const struct {
        uint64_t bytes, blocks;
        enum finding_state state;
    } cases[] = {{96, 3, FINDING_KNOWN},
                 {50, 1, FINDING_KNOWN},
                 {96, 4, FINDING_GROWN},
                 {96 + 24 + 1024, 3, FINDING_KNOWN},
                 {96 + 24 + 1025, 3, FINDING_GROWN}};
    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        after.bytes = cases[i].bytes;
        after.blocks = cases[i].blocks;
        fixture_set(&new, &after, 1);
        ck_assert(baseline_compare(&baseline, &new));
        ck_assert_int_eq(new.findings[0].state, cases[i].state);
        ck_assert_int_eq(gate_judge(&gate, &new),
                         cases[i].state == FINDING_KNOWN ? GATE_PASSED : GATE_TRIPPED);
        finding_set_release(&new);
    }
    after.class = REPORT_LEAK_POSSIBLE;
    fixture_set(&new, &after, 1);
    ck_assert(baseline_compare(&baseline, &new));
    ck_assert_int_eq(new.findings[0].state, FINDING_NEW);
    ck_assert(baseline.entries[0].seen); /* by the cases above */
    finding_set_release(&new);
    finding_set_release(&old);
    baseline_release(&baseline);
}
END_TEST

START_TEST(baselines_are_merged)
{
    struct report_leak few = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    struct report_leak many = fixture_leak(REPORT_LEAK_DEFINITE, 90, 5);
    struct finding_set one, two;
    struct baseline baseline;
    fixture_set(&one, &few, 1);
    fixture_set(&two, &many, 1);
    ck_assert(baseline_init(&baseline));
    ck_assert(baseline_add(&baseline, &one, ALL));
    ck_assert(baseline_add(&baseline, &two, ALL));
    ck_assert_uint_eq(baseline.count, 1);
    ck_assert_uint_eq(baseline.entries[0].blocks, 5);
    ck_assert_uint_eq(baseline.entries[0].bytes, 96);
    baseline_release(&baseline);
    finding_set_release(&one);
    finding_set_release(&two);
}
END_TEST

START_TEST(baseline_refuses_what_it_does_not_understand)
{
    static const struct {
        const char *text, *where;
    } cases[] = {{"", ": empty"},
                 {"# something else\n", ":1: not a baseline"},
                 {"# vmtrace baseline 1\n    main @ app\n", ":2: a frame"},
                 {"# vmtrace baseline 1\n\ndefinite-leak blocks=x bytes=1\n", ":3: expected"},
                 {"# vmtrace baseline 1\ndefinite-leak blocks=1 bytes=1 more\n", ":2: expected"}};
    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        struct baseline baseline;
        struct error error = {.code = VMT_OK};
        char path[] = "/tmp/baseline-XXXXXX";
        FILE *file = fdopen(mkstemp(path), "w");
        fputs(cases[i].text, file);
        fclose(file);
        ck_assert(baseline_init(&baseline));
        ck_assert_int_eq(baseline_load(&baseline, path, &error), VMT_ERROR_FORMAT);
        ck_assert_msg(strstr(error.message, cases[i].where) != NULL, "%s", error.message);
        baseline_release(&baseline);
        unlink(path);
    }
}
END_TEST

UNIT_MAIN("gate", gate_trips_on_its_classes, gate_threshold_is_the_least_that_trips,
          gate_only_one_module_or_path, only_takes_whole_names_and_components,
          only_hides_nothing_for_want_of_debug_information, only_judges_what_would_fail,
          gate_tells_what_only_systems_programs_lost, verdict_shows_the_first_frame_with_a_line,
          gate_is_unjudged_without_a_scan, baseline_tells_new_grown_and_known, baselines_are_merged,
          baseline_refuses_what_it_does_not_understand)
