/* SPDX-License-Identifier: Apache-2.0 */
#include "finding_fixture.h"

START_TEST(findings_of_processes_are_merged)
{
    struct report_leak here = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    struct report_leak there = fixture_leak(REPORT_LEAK_DEFINITE, 32, 1);
    struct report one = fixture_report(10, &here, 1), two = fixture_report(11, &there, 1);
    struct finding_set set;
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &one));
    ck_assert(finding_set_add(&set, &two));
    ck_assert(finding_set_finish(&set));
    ck_assert_uint_eq(set.count, 1);
    ck_assert_uint_eq(set.findings[0].bytes, 128);
    ck_assert_uint_eq(set.findings[0].blocks, 4);
    ck_assert_uint_eq(set.findings[0].worst_bytes, 96);
    ck_assert_uint_eq(set.findings[0].process_count, 2);
    ck_assert_uint_eq(set.processes[set.findings[0].processes[1]].pid, 11);
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_of_classes_and_lines_are_apart)
{
    struct report_frame frames[FIXTURE_COUNT(fixture_frames)];
    memcpy(frames, fixture_frames, sizeof(frames));
    frames[2].line++;
    struct report_stack stack = {.frames = frames, .count = FIXTURE_COUNT(frames)};
    struct report_site site = {.kind = "malloc", .stack = &stack};
    struct report_leak leaks[] = {fixture_leak(REPORT_LEAK_POSSIBLE, 500, 1),
                                  fixture_leak(REPORT_LEAK_DEFINITE, 8, 1),
                                  fixture_leak(REPORT_LEAK_DEFINITE, 9, 1)};
    leaks[2].site = &site;
    struct finding_set set;
    fixture_set(&set, leaks, 3);
    ck_assert_uint_eq(set.count, 3);
    ck_assert_uint_eq(set.findings[0].bytes, 9); /* definite ones first, the largest first */
    ck_assert_uint_eq(set.findings[1].bytes, 8);
    ck_assert_int_eq(set.findings[2].class, REPORT_LEAK_POSSIBLE);
    ck_assert_str_eq(set.findings[0].key, set.findings[1].key);
    ck_assert_uint_ne(set.findings[0].fingerprint, set.findings[1].fingerprint);
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_without_suppressed_ones_and_pools)
{
    struct report_leak leaks[] = {fixture_leak(REPORT_LEAK_DEFINITE, 96, 3),
                                  fixture_leak(REPORT_LEAK_INDIRECT, 32, 1)};
    struct report_error errors[] = {{.kind = "double-free", .suppressed = true, .count = 1},
                                    {.kind = "invalid-free", .count = 2, .address = 16}};
    struct report report = fixture_report(10, leaks, 2);
    struct finding_set set;
    leaks[0].suppressed = true;
    leaks[1].pool = "arena";
    report.errors = errors;
    report.error_count = 2;
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &report));
    ck_assert_uint_eq(set.count, 1);
    ck_assert_str_eq(set.findings[0].rule, "invalid-free");
    ck_assert_uint_eq(set.findings[0].count, 2);
    ck_assert_uint_eq(set.processes[0].suppressed_bytes, 96);
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_place_is_the_programs_own_line)
{
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 96, 3);
    struct finding_set set;
    fixture_set(&set, &leak, 1);
    ck_assert_str_eq(finding_place(&set.findings[0].stack)->function, "parse");
    ck_assert_str_eq(finding_message(set.arena, &set.findings[0]),
                     "96 bytes in 3 blocks are definitely lost, allocated by parse");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_key_has_no_lines_and_no_wrappers)
{
    struct report_frame frames[] = {
        {.function = "operator new(unsigned long)", .module = "/lib/libstdc++.so.6"},
        {.function = "walk(int) [clone .isra.0]",
         .module = "/opt/lib/libtree.so.1.2",
         .file = "a.cc",
         .line = 5,
         .application = true},
        {.function = "walk(int)", .module = "/opt/lib/libtree.so.1.2", .application = true},
        {.function = "qsort", .module = "/lib/libc.so.6"},
        {.module = "/opt/app", .offset = 0x1234, .application = true},
    };
    struct report_stack stack = {.frames = frames, .count = FIXTURE_COUNT(frames)};
    struct report_site site = {.kind = "new", .stack = &stack};
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 1, 1);
    struct finding_set set;
    leak.site = &site;
    fixture_set(&set, &leak, 1);
    ck_assert_str_eq(set.findings[0].key, "definite-leak\nwalk(int) @ libtree.so\n? @ app\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_key_of_system_code_alone)
{
    struct report_frame frames[] = {{.function = "strdup", .module = "/lib/libc.so.6"},
                                    {.function = "setlocale", .module = "/lib/libc.so.6"}};
    struct report_stack stack = {.frames = frames, .count = 2};
    struct report_site site = {.kind = "malloc", .stack = &stack};
    struct report_leak leak = fixture_leak(REPORT_LEAK_INDIRECT, 1, 1);
    struct finding_set set;
    leak.site = &site;
    fixture_set(&set, &leak, 1);
    ck_assert_str_eq(set.findings[0].key, "indirect-leak\nstrdup @ libc.so\nsetlocale @ libc.so\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_of_unscanned_processes_are_unchecked)
{
    struct report report = fixture_report(10, NULL, 0);
    struct finding_set set;
    report.scan = "failed: the process was killed";
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &report));
    ck_assert(finding_set_add_unread(&set, 12, "x.vmt", "not a trace"));
    ck_assert_str_eq(set.processes[0].unchecked, "failed: the process was killed");
    ck_assert(!set.processes[0].unread);
    ck_assert(set.processes[1].unread);
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_of_what_became_untraceable_are_unchecked)
{
    struct report before = fixture_report(10, NULL, 0), after = before, lost = before;
    struct finding_set set;
    before.end = lost.end = REPORT_END_EXEC;
    before.start_time_ns = 5;
    after.start_time_ns = 6;
    lost.pid = 11;
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &after)); /* in any order */
    ck_assert(finding_set_add(&set, &before));
    ck_assert(finding_set_add(&set, &lost));
    ck_assert(finding_set_finish(&set));
    ck_assert(!set.processes[0].unchecked);
    ck_assert(!set.processes[1].unchecked);
    ck_assert_ptr_nonnull(strstr(set.processes[2].unchecked, "left no trace"));
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_fingerprints_do_not_depend_on_sums)
{
    struct report_frame frames[FIXTURE_COUNT(fixture_frames)];
    memcpy(frames, fixture_frames, sizeof(frames));
    frames[2].line++;
    struct report_stack stack = {.frames = frames, .count = FIXTURE_COUNT(frames)};
    struct report_site site = {.kind = "malloc", .stack = &stack};
    uint64_t later[2];
    for (uint64_t i = 0; i < 2; i++) {
        struct report_leak leaks[] = {fixture_leak(REPORT_LEAK_DEFINITE, 8, 1),
                                      fixture_leak(REPORT_LEAK_DEFINITE, 7 + 2 * i, 1)};
        struct finding_set set;
        leaks[1].site = &site;
        fixture_set(&set, leaks, 2);
        later[i] = set.findings[i ? 0 : 1].fingerprint; /* the larger one comes first */
        finding_set_release(&set);
    }
    ck_assert_uint_eq(later[0], later[1]);
}
END_TEST

UNIT_MAIN("finding", findings_of_what_became_untraceable_are_unchecked,
          findings_fingerprints_do_not_depend_on_sums, findings_of_processes_are_merged,
          findings_of_classes_and_lines_are_apart, findings_without_suppressed_ones_and_pools,
          findings_place_is_the_programs_own_line, findings_key_has_no_lines_and_no_wrappers,
          findings_key_of_system_code_alone, findings_of_unscanned_processes_are_unchecked)
