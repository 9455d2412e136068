/* SPDX-License-Identifier: Apache-2.0 */
/* Children that left no trace: as a trace tells them, in a report, and among the findings. */
#include "gate/finding.h"

#include <stdio.h>
#include <string.h>

#include "model_fixture.h"
#include "unit_main.h"

#define OWN_PID 100

static struct trace_builder *builder;
static struct builder_stream *stream;
static struct report *report;

static void setup(void)
{
    builder = trace_builder_new();
    trace_builder_header(builder)->pid = OWN_PID;
    stream = trace_builder_stream(builder, OWN_PID);
}

static void tell(uint64_t pid, uint64_t why, const char *path)
{
    builder_cold(stream, VMT_OP_UNFOLLOWED, "uus", pid, why, path);
}

static bool has_note(const char *text)
{
    for (size_t i = 0; i < report->note_count; i++)
        if (strcmp(report->notes[i], text) == 0)
            return true;
    return false;
}

START_TEST(untraced_children_are_in_the_report)
{
    setup();
    tell(7, VMT_UNFOLLOWED_STATIC, "./tool");
    tell(0, VMT_UNFOLLOWED_PRELOAD, "/bin/sh");
    report = fixture_report(builder);
    ck_assert_uint_eq(report->untraced_count, 2);
    ck_assert_uint_eq(report->untraced[0].pid, 7);
    ck_assert_str_eq(report->untraced[0].path, "./tool");
    ck_assert_str_eq(report->untraced[0].reason, "statically linked");
    ck_assert_uint_eq(report->untraced[1].pid, 0);
    ck_assert_uint_eq(report->untraced[1].count, 1);
    ck_assert(has_note("2 child processes left no trace: ./tool (statically linked), /bin/sh "
                       "(started without libvmtrace.so in LD_PRELOAD)"));
    report_free(report);
}
END_TEST

START_TEST(untraced_children_that_were_taken_back_are_not)
{
    setup();
    struct builder_stream *other = trace_builder_stream(builder, 101);
    tell(7, VMT_UNFOLLOWED_STATIC, "./tool");
    builder_at(other, AT(1));
    builder_cold(other, VMT_OP_UNFOLLOWED, "uus", U(8), U(VMT_UNFOLLOWED_STATIC), "./other");
    builder_at(stream, AT(2));
    tell(7, VMT_FOLLOWED, "");
    tell(7, VMT_FOLLOWED, ""); /* nothing is left to take back */
    report = fixture_report(builder);
    ck_assert_uint_eq(report->untraced_count, 1);
    ck_assert_str_eq(report->untraced[0].path, "./other");
    report_free(report);
}
END_TEST

START_TEST(untraced_children_without_number_are_told_by_path_and_reason)
{
    setup();
    for (uint64_t i = 0; i < 5000; i++) {
        tell(1000 + i, VMT_UNFOLLOWED_STATIC, i & 1 ? "./odd" : "./even");
        if (i == 4999)
            tell(1000 + i, VMT_FOLLOWED, "");
    }
    tell(9, VMT_UNFOLLOWED_PRELOAD, "./odd");
    report = fixture_report(builder);
    ck_assert_uint_eq(report->untraced_count, UNTRACED_SINGLE + 3);
    ck_assert_uint_eq(report->untraced[UNTRACED_SINGLE - 1].pid, 1000 + UNTRACED_SINGLE - 1);
    ck_assert_uint_eq(report->untraced[UNTRACED_SINGLE].pid, 0);
    ck_assert_uint_eq(report->untraced[UNTRACED_SINGLE].count, 2000);
    ck_assert_uint_eq(report->untraced[UNTRACED_SINGLE + 1].count, 1999);
    ck_assert_uint_eq(report->untraced[UNTRACED_SINGLE + 2].count, 1);
    report_free(report);
}
END_TEST

START_TEST(untraced_children_of_too_many_sorts_are_told_together)
{
    setup();
    for (uint64_t i = 0; i < 3000; i++) {
        char path[16];
        snprintf(path, sizeof(path), "./%u", (unsigned)i);
        tell(1000 + i, VMT_UNFOLLOWED_STATIC, path);
    }
    tell(1, VMT_UNFOLLOWED_STATIC, "./1500");
    report = fixture_report(builder);
    ck_assert_uint_eq(report->untraced_count, UNTRACED_MOST);
    ck_assert_uint_eq(report->untraced[1500].count, 2);
    ck_assert_uint_eq(report->untraced[UNTRACED_MOST - 1].count, 3000 - UNTRACED_MOST + 1);
    ck_assert_str_eq(report->untraced[UNTRACED_MOST - 1].path, "(several programs)");
    report_free(report);
}
END_TEST

START_TEST(untraced_attempts_take_no_entries)
{
    setup();
    for (uint64_t i = 0; i < 3000; i++) {
        tell(5, VMT_UNFOLLOWED_STATIC, "./tool");
        tell(5, VMT_FOLLOWED, "");
    }
    tell(6, VMT_UNFOLLOWED_STATIC, "./tool");
    report = fixture_report(builder);
    ck_assert_uint_eq(report->untraced_count, 1);
    ck_assert_uint_eq(report->untraced[0].pid, 6);
    report_free(report);
}
END_TEST

static const char *successor(bool fails, bool execs)
{
    static char text[64];
    setup();
    tell(OWN_PID, VMT_UNFOLLOWED_PRIVILEGED, "/bin/su");
    if (execs)
        builder_cold(stream, VMT_OP_EXEC, "s", "/bin/su");
    if (fails)
        tell(OWN_PID, VMT_FOLLOWED, "");
    report = fixture_report(builder);
    ck_assert_uint_eq(report->untraced_count, 0);
    snprintf(text, sizeof(text), "%s", report->successor ? report->successor : "none");
    report_free(report);
    return text;
}

START_TEST(untraced_successor_is_told_with_its_path)
{
    ck_assert_str_eq(successor(false, true), "/bin/su (setuid, setgid or with capabilities)");
    ck_assert_str_eq(successor(true, true), "none");
    ck_assert_str_eq(successor(false, false), "none");
}
END_TEST

/* ---- among the findings ---- */

static struct finding_set set;

static void add(uint32_t pid, uint64_t start_ns, const struct report_untraced *children,
                size_t count)
{
    struct report process = {.pid = pid,
                             .start_time_ns = start_ns,
                             .scan = "complete",
                             .trace_path = "x.vmt",
                             .untraced = children,
                             .untraced_count = count};
    ck_assert(finding_set_add(&set, &process));
}

START_TEST(untraced_children_are_unchecked_processes)
{
    const struct report_untraced children[] = {
        {.pid = 7, .path = "./tool", .reason = "statically linked", .count = 1},
        {.pid = 8, .path = "./many", .reason = "statically linked", .count = 1},
        {.pid = 9, .path = "./many", .reason = "statically linked", .count = 1},
        {.path = "./many", .reason = "statically linked", .count = 5},
    };
    ck_assert(finding_set_init(&set));
    add(6, 5, children, 4);
    add(5, 5, children + 1, 1);
    ck_assert(finding_set_finish(&set));
    ck_assert_uint_eq(set.process_count, 4);
    ck_assert_uint_eq(finding_set_checked(&set), 2);
    ck_assert_uint_eq(finding_set_unchecked(&set), 9);
    ck_assert_uint_eq(set.processes[2].pid, 7);
    ck_assert_uint_eq(set.processes[2].ppid, 6);
    ck_assert_str_eq(set.processes[2].command, "./tool");
    ck_assert_str_eq(set.processes[2].unchecked, "left no trace: statically linked");
    ck_assert_uint_eq(set.processes[3].pid, 0);
    ck_assert_str_eq(set.processes[3].unchecked, "8 of them left no trace: statically linked");
    finding_set_release(&set);
}
END_TEST

START_TEST(untraced_children_that_left_a_trace_are_not)
{
    const uint64_t second = 1000000000;
    const struct report_untraced child = {
        .pid = 7, .path = "./tool", .reason = "statically linked", .t_ns = 10 * second, .count = 1};
    ck_assert(finding_set_init(&set));
    add(6, 0, &child, 1);
    add(7, 10 * second, NULL, 0);
    ck_assert(finding_set_finish(&set));
    ck_assert_uint_eq(finding_set_unchecked(&set), 0);
    finding_set_release(&set);
    ck_assert(finding_set_init(&set)); /* one long before had that pid, too */
    add(6, 20 * second, &child, 1);
    add(7, 28 * second, NULL, 0);
    ck_assert(finding_set_finish(&set));
    ck_assert_uint_eq(finding_set_unchecked(&set), 1);
    finding_set_release(&set);
}
END_TEST

START_TEST(untraced_child_that_runs_on_is_told_once)
{
    const struct report_untraced child = {
        .pid = 7, .path = "./tool", .reason = "statically linked", .count = 1};
    ck_assert(finding_set_init(&set));
    ck_assert(finding_set_add_untraced(&set, 7, "tool", "it still runs"));
    ck_assert(finding_set_add_untraced(&set, 9, "other", "it still runs"));
    add(6, 5, &child, 1);
    ck_assert(finding_set_finish(&set));
    ck_assert_uint_eq(set.process_count, 3);
    ck_assert_uint_eq(set.processes[1].pid, 9);
    ck_assert_str_eq(set.processes[2].unchecked, "left no trace: statically linked");
    finding_set_release(&set);
}
END_TEST

UNIT_MAIN("untraced", untraced_child_that_runs_on_is_told_once, untraced_children_are_in_the_report,
          untraced_children_that_were_taken_back_are_not,
          untraced_children_without_number_are_told_by_path_and_reason,
          untraced_children_of_too_many_sorts_are_told_together, untraced_attempts_take_no_entries,
          untraced_successor_is_told_with_its_path, untraced_children_are_unchecked_processes,
          untraced_children_that_left_a_trace_are_not)
