/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_findings.h"

#include <stdlib.h>

#include "gate/gate.h"
#include "sample_report.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Names as no compiler makes them, but files may hold: markup of XML and Markdown, commands of
 * GitHub's log, of terminals (0x9b is one), bytes that are not UTF-8, characters beyond 16 bits. */
#define EVIL "ev<il>&\"'\n::error::%0A|`x`|\033[31m]]>\xff\xc2\x9b\xf0\x9f\x98\x80"

static struct report_frame own_frames[] = {
    {.function = "xmalloc",
     .module = "/ws/app",
     .offset = 0x1200,
     .file = "/ws/src/x.c",
     .line = 3,
     .application = true,
     .allocator = true},
    {.function = "ns::parse_row<int>(char const*)",
     .linkage = "_ZN2ns9parse_rowIiEEvPKc",
     .module = "/ws/app",
     .offset = 0x1234,
     .file = "/ws/src/a b,c:d%.c",
     .line = 12,
     .application = true},
    {.function = "main",
     .module = "/ws/app",
     .offset = 0x1300,
     .file = "/ws/src/main.c",
     .line = 40,
     .application = true},
    {.function = "__libc_start_main", .module = "/lib/libc.so.6", .offset = 0x27304},
};
static struct report_frame evil_frames[] = {
    {.function = EVIL,
     .module = "/opt/" EVIL,
     .offset = 0x10,
     .file = "/else/" EVIL ".c",
     .line = 7,
     .application = true},
    {.module = "/opt/stripped.so.1.2", .offset = 0xabc, .application = true},
    {.offset = 0x7ffff0001000},
};
static struct report_stack own = {.frames = own_frames, .count = COUNT(own_frames)};
static struct report_stack evil = {.frames = evil_frames, .count = COUNT(evil_frames), .cut = true};
static struct report_stack empty;
static const struct report_site own_site = {.kind = "malloc", .stack = &own};
static const struct report_site evil_site = {.kind = "new", .stack = &evil};
static const struct report_site empty_site = {.kind = "malloc", .stack = &empty};

static const struct report_leak leaks[] = {
    {.class = REPORT_LEAK_DEFINITE, .site = &own_site, .bytes = 96, .blocks = 3},
    {.class = REPORT_LEAK_INDIRECT, .site = &evil_site, .bytes = 1, .blocks = 1},
    {.class = REPORT_LEAK_POSSIBLE, .site = &empty_site, .bytes = 64, .blocks = 2},
    {.class = REPORT_LEAK_REACHABLE, .site = &own_site, .bytes = 4096, .blocks = 1},
    {.class = REPORT_LEAK_DEFINITE,
     .site = &evil_site,
     .bytes = 500,
     .blocks = 5,
     .suppressed = true},
};
static const struct report_error errors[] = {
    {.kind = "double-free",
     .address = 0x5555000010,
     .count = 2,
     .detail = "the start of a block of 16 bytes of " EVIL,
     .stack = &own,
     .allocated = &evil,
     .freed = &own},
    {.kind = "segfault", .address = 0, .count = 1, .stack = &evil},
};
static const char *const arguments[] = {"/ws/app", ("--name=" EVIL), "two words"};

static const struct report first = {
    .pid = 100,
    .ppid = 99,
    .exe = "/ws/app",
    .argv = arguments,
    .argc = COUNT(arguments),
    .trace_path = "/tmp/app.100.0.vmt",
    .start_time_ns = 1,
    .duration_ns = 1234567890,
    .end = REPORT_END_SIGNAL,
    .exit_status = -1,
    .signal = 11,
    .scan = "complete",
    .allocations = 50,
    .bytes_allocated = 9000,
    .frees = 38,
    .live_bytes_at_end = 4757,
    .live_blocks_at_end = 12,
    .leaks = leaks,
    .leak_count = COUNT(leaks),
    .errors = errors,
    .error_count = COUNT(errors),
};
static const struct report second = {
    .pid = 101,
    .ppid = 100,
    .exe = "/ws/app",
    .argv = arguments,
    .argc = 1,
    .trace_path = "/tmp/app.101.0.vmt",
    .start_time_ns = 2,
    .duration_ns = 1000000,
    .end = REPORT_END_EXIT,
    .scan = "complete",
    .leaks = leaks,
    .leak_count = 1,
};
static const struct report third = {
    .pid = 102,
    .ppid = 100,
    .exe = "/ws/app",
    .argv = arguments,
    .argc = 2,
    .trace_path = "/tmp/app.102.0.vmt",
    .start_time_ns = 3,
    .end = REPORT_END_KILLED,
    .scan = "failed: the process was killed " EVIL,
};

static bool fill(struct finding_set *set, bool many)
{
    return finding_set_init(set) && finding_set_add(set, &first) &&
           (!many || (finding_set_add(set, &second) && finding_set_add(set, &third) &&
                      finding_set_add_unread(set, 0, "/tmp/" EVIL ".vmt", true, "it is " EVIL))) &&
           finding_set_finish(set);
}

bool sample_findings(struct finding_set *set, bool many)
{
    const struct gate gate = {.classes = 1u << REPORT_LEAK_DEFINITE | 1u << REPORT_LEAK_INDIRECT,
                              .errors = true};
    setenv("GITHUB_WORKSPACE", "/ws/", 1);
    if (!fill(set, many))
        return false;
    if (many) { /* as after a comparison with a baseline */
        for (size_t i = 0; i < set->count; i++)
            set->findings[i].state =
                set->findings[i].class == REPORT_LEAK_INDIRECT ? FINDING_KNOWN : FINDING_NEW;
    }
    gate_judge(&gate, set);
    return true;
}

bool sample_findings_none(struct finding_set *set)
{
    struct report clean = second;
    const struct gate gate = {.errors = true};
    setenv("GITHUB_WORKSPACE", "/ws/", 1);
    clean.leak_count = 0;
    if (!finding_set_init(set) || !finding_set_add(set, &clean) || !finding_set_finish(set))
        return false;
    gate_judge(&gate, set);
    return true;
}
