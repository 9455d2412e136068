/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_report.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct report_scan scans[] = {
    {.number = 1,
     .reason = "snapshot",
     .name = "after \033[1mload",
     .t_ns = 1500000000,
     .stop = "ptrace",
     .threads = 8,
     .stopped = 8,
     .pause_ns = 4200000,
     .duration_ns = 81000000,
     .pointers = 123456,
     .certain = true,
     .all_blocks = true,
     .classes = {{300, 3}, {80, 1}, {0, 0}, {2000000, 6000}}},
    {.number = 2,
     .reason = "signal",
     .name = "",
     .t_ns = 2500000000,
     .stop = "ptrace",
     .threads = 8,
     .stopped = 8,
     .failure = "it took too long"},
    {.number = 3,
     .reason = "exit",
     .name = "",
     .t_ns = 3190000000,
     .stop = "signal",
     .threads = 8,
     .stopped = 7,
     .pause_ns = 9000000,
     .duration_ns = 90000000,
     .pointers = 123400,
     .unreadable_bytes = 8192,
     .certain = true,
     .all_blocks = true,
     .classes = {{2900, 10}, {4096, 7}, {1000, 1}, {2090000, 6160}}},
};

static struct report_leak leaks[] = {
    {.class = REPORT_LEAK_DEFINITE,
     .bytes = 900,
     .blocks = 9,
     .oldest_ns = 1000000,
     .newest_ns = 2500000000,
     .indirect_bytes = 4096,
     .indirect_blocks = 7,
     .scans_seen = 2,
     .before_bytes = 300,
     .before_blocks = 3,
     .before = &scans[0]},
    {.class = REPORT_LEAK_DEFINITE,
     .bytes = 2000,
     .blocks = 1,
     .oldest_ns = 1000000,
     .newest_ns = 1000000},
    {.class = REPORT_LEAK_INDIRECT,
     .bytes = 4096,
     .blocks = 7,
     .oldest_ns = 1000000,
     .newest_ns = 2500000000},
    {.class = REPORT_LEAK_POSSIBLE,
     .bytes = 1000,
     .blocks = 1,
     .oldest_ns = 2900000000,
     .newest_ns = 2900000000},
    {.class = REPORT_LEAK_REACHABLE,
     .bytes = 2090000,
     .blocks = 6160,
     .oldest_ns = 1000000,
     .newest_ns = 3000000000},
    {.class = REPORT_LEAK_UNSCANNED,
     .bytes = 32,
     .blocks = 2,
     .oldest_ns = 3195000000,
     .newest_ns = 3195000000},
};

const struct report *sample_report_leaks(const char *source)
{
    static struct report report;
    static struct report_phase loading;
    report = *sample_report(source);
    for (size_t i = 0; i < COUNT(leaks); i++)
        leaks[i].site = report.sites[i % 3];
    loading = report.phases[0];
    loading.leaked_bytes = 300;
    loading.leaked_blocks = 3;
    report.phases = &loading;
    report.phase_count = 1;
    report.scan = "complete";
    report.scans = scans;
    report.scan_count = COUNT(scans);
    report.judge = &scans[2];
    report.leaks = leaks;
    report.leak_count = COUNT(leaks);
    report.leaked_bytes = 6996;
    report.leaked_blocks = 17;
    return &report;
}

/* The same by the snapshot's scan, which did not stop all threads and did not know all blocks. */
const struct report *sample_report_possible(const char *source)
{
    static struct report report;
    static struct report_scan doubtful;
    report = *sample_report_leaks(source);
    doubtful = scans[0];
    doubtful.stop = "none";
    doubtful.stopped = 1;
    doubtful.certain = doubtful.all_blocks = false;
    report.judge = report.scans = &doubtful;
    report.scan_count = 1;
    report.leaks = &leaks[3];
    report.leak_count = COUNT(leaks) - 3;
    report.leaked_bytes = report.leaked_blocks = 0;
    return &report;
}

const struct report *sample_report_no_leaks(const char *source)
{
    static struct report report;
    report = *sample_report_leaks(source);
    report.leaks = &leaks[4];
    report.leak_count = 1;
    report.leaked_bytes = report.leaked_blocks = 0;
    return &report;
}
