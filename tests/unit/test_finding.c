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
    ck_assert_uint_eq(set.findings[0].tally->worst_bytes, 96);
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

/* In each process, like the sums of all others. */
START_TEST(findings_message_tells_what_hangs_on_lost_blocks)
{
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 40, 1);
    struct finding_set set;
    leak.indirect_bytes = 100;
    fixture_set(&set, &leak, 1);
    struct report report = fixture_report(8, &leak, 1);
    ck_assert_str_eq(finding_message(set.arena, &set.findings[0]),
                     "40 bytes in 1 block is definitely lost (and 100 bytes that hang on it), "
                     "allocated by parse");
    finding_set_release(&set);
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &report) && finding_set_add(&set, &report));
    ck_assert_str_eq(finding_message(set.arena, &set.findings[0]),
                     "80 bytes in 2 blocks are definitely lost (and 200 bytes that hang on them), "
                     "allocated by parse");
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
    ck_assert_str_eq(set.findings[0].key, "definite-leak\nwalk @ libtree.so\n? @ app\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_key_of_system_code_alone)
{
    struct report_frame frames[] = {{.function = "__strdup", .module = "/lib/libc.so.6"},
                                    {.module = "/lib/libc.so.6", .offset = 16},
                                    {.function = "setlocale", .module = "/lib/libc.so.6"},
                                    {.function = "start_thread", .module = "/lib/libc.so.6"}};
    struct report_stack stack = {.frames = frames, .count = FIXTURE_COUNT(frames)};
    struct report_site site = {.kind = "malloc", .stack = &stack};
    struct report_leak leak = fixture_leak(REPORT_LEAK_INDIRECT, 1, 1);
    struct finding_set set;
    leak.site = &site;
    fixture_set(&set, &leak, 1);
    ck_assert_str_eq(set.findings[0].key, "indirect-leak\nstrdup @ libc.so\nsetlocale @ libc.so\n");
    finding_set_release(&set);
}
END_TEST

/* The key of a leak with these functions of /opt/app, innermost first. */
static const char *key_of(struct finding_set *set, const char *const *functions, size_t count)
{
    struct report_frame frames[8] = {0};
    for (size_t i = 0; i < count; i++)
        frames[i] = (struct report_frame){
            .function = functions[i], .module = "/opt/app", .application = true};
    struct report_stack stack = {.frames = frames, .count = count};
    struct report_site site = {.kind = "malloc", .stack = &stack};
    struct report_leak leak = fixture_leak(REPORT_LEAK_DEFINITE, 1, 1);
    leak.site = &site;
    fixture_set(set, &leak, 1);
    return set->findings[0].key;
}

START_TEST(findings_key_has_each_function_once)
{
    static const char *const functions[] = {"odd", "even", "odd", "even", "main", "_start"};
    struct finding_set set;
    ck_assert_str_eq(key_of(&set, functions, FIXTURE_COUNT(functions)),
                     "definite-leak\nodd @ app\neven @ app\nmain @ app\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_key_without_symbols_has_its_depth)
{
    static const char *const functions[] = {NULL, NULL};
    struct finding_set set;
    ck_assert_str_eq(key_of(&set, functions, 2), "definite-leak\n? @ app\n? @ app\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_key_without_parts_of_the_library)
{
    static const char *const functions[] = {"lambdas()::$_5 std::for_each<int*>(int*)", "lambdas()",
                                            "__gthread_once(int*, void (*)())", "_start"};
    struct finding_set set;
    ck_assert_str_eq(key_of(&set, functions, 4), "definite-leak\nlambdas @ app\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_key_reads_back_as_it_is)
{
    static const char *const functions[] = {"#x\n\ty", "a\033b"};
    struct finding_set set;
    ck_assert_str_eq(key_of(&set, functions, 2), "definite-leak\n?x  y @ app\na b @ app\n");
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_worst_process_has_all_of_its_leaks)
{
    struct report_frame frames[2] = {{.function = "f", .module = "/opt/app", .application = true}};
    struct report_stack stacks[] = {{.frames = frames, .count = 1}, {.frames = frames, .count = 1}};
    struct report_site sites[] = {{.kind = "malloc", .stack = &stacks[0]},
                                  {.kind = "malloc", .stack = &stacks[1]}};
    struct report_leak leaks[] = {fixture_leak(REPORT_LEAK_DEFINITE, 10, 2),
                                  fixture_leak(REPORT_LEAK_DEFINITE, 30, 3)};
    for (size_t i = 0; i < 2; i++)
        leaks[i].site = &sites[i]; /* two places that are one without line numbers */
    struct report one = fixture_report(10, leaks, 2), two = fixture_report(11, leaks, 1);
    struct finding_set set;
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &one));
    ck_assert(finding_set_add(&set, &two));
    ck_assert_uint_eq(set.count, 1);
    ck_assert_uint_eq(set.findings[0].tally->worst_blocks, 5);
    ck_assert_uint_eq(set.findings[0].tally->worst_bytes, 40);
    ck_assert_uint_eq(set.findings[0].blocks, 7);
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_worst_process_of_all_lines)
{
    struct report_frame lines[2];
    struct report_stack stacks[2];
    struct report_site sites[2];
    struct report_leak leaks[2];
    for (int i = 0; i < 2; i++) {
        lines[i] = (struct report_frame){
            .function = "f", .file = "f.c", .line = i, .module = "/opt/app", .application = true};
        stacks[i] = (struct report_stack){.frames = &lines[i], .count = 1};
        sites[i] = (struct report_site){.kind = "malloc", .stack = &stacks[i]};
        leaks[i] = fixture_leak(REPORT_LEAK_DEFINITE, 10, 2);
        leaks[i].site = &sites[i];
    }
    struct report one = fixture_report(10, leaks, 1), two = fixture_report(11, leaks + 1, 1);
    struct finding_set set;
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &one));
    ck_assert(finding_set_add(&set, &two));
    ck_assert_uint_eq(set.count, 2);
    ck_assert_ptr_eq(set.findings[0].tally, set.findings[1].tally);
    ck_assert_uint_eq(set.findings[0].tally->worst_blocks, 2); /* neither process had more */
    finding_set_release(&set);
}
END_TEST

START_TEST(findings_worst_process_has_all_of_its_errors)
{
    struct report_error errors[] = {{.kind = "invalid-free", .count = 2, .address = 16},
                                    {.kind = "invalid-free", .count = 1, .address = 32}};
    struct report report = fixture_report(10, NULL, 0);
    struct finding_set set;
    report.errors = errors;
    report.error_count = 2;
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add(&set, &report));
    report.error_count = 1;
    ck_assert(finding_set_add(&set, &report));
    ck_assert_uint_eq(set.count, 1);
    ck_assert_uint_eq(set.findings[0].count, 5);
    ck_assert_uint_eq(set.findings[0].tally->worst_blocks, 3);
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
    ck_assert(finding_set_add_unread(&set, 12, "x.vmt", true, "not a trace"));
    ck_assert_str_eq(set.processes[0].unchecked, "the process was killed");
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
          findings_key_of_system_code_alone, findings_key_has_each_function_once,
          findings_key_without_symbols_has_its_depth, findings_key_without_parts_of_the_library,
          findings_key_reads_back_as_it_is, findings_worst_process_has_all_of_its_leaks,
          findings_worst_process_has_all_of_its_errors, findings_worst_process_of_all_lines,
          findings_of_unscanned_processes_are_unchecked,
          findings_message_tells_what_hangs_on_lost_blocks)
