/* SPDX-License-Identifier: Apache-2.0 */
/* Reports with a few leaks, made by hand. */
#ifndef VMTRACE_TESTS_FINDING_FIXTURE_H
#define VMTRACE_TESTS_FINDING_FIXTURE_H

#include <string.h>

#include "gate/finding.h"
#include "unit_main.h"

#define FIXTURE_COUNT(array) (sizeof(array) / sizeof(*(array)))

/* malloc <- xmalloc (a wrapper) <- parse <- main, of /opt/app */
static struct report_frame fixture_frames[] = {
    {.function = "malloc", .module = "/usr/lib/libvmtrace.so"},
    {.function = "xmalloc",
     .file = "/src/x.c",
     .line = 3,
     .module = "/opt/app",
     .application = true,
     .allocator = true},
    {.function = "parse",
     .file = "/src/parse.c",
     .line = 12,
     .module = "/opt/app",
     .application = true},
    {.function = "main",
     .file = "/src/main.c",
     .line = 40,
     .module = "/opt/app",
     .application = true},
    {.function = "__libc_start_main", .module = "/lib/libc.so.6"},
};
static const struct report_stack fixture_stack = {.frames = fixture_frames,
                                                  .count = FIXTURE_COUNT(fixture_frames)};
static const struct report_site fixture_site = {.kind = "malloc", .stack = &fixture_stack};

static inline struct report_leak fixture_leak(enum report_leak_class class, uint64_t bytes,
                                              uint64_t blocks)
{
    return (struct report_leak){
        .class = class, .site = &fixture_site, .bytes = bytes, .blocks = blocks};
}

static inline struct report fixture_report(uint32_t pid, const struct report_leak *leaks,
                                           size_t count)
{
    return (struct report){.pid = pid,
                           .exe = "/opt/app",
                           .trace_path = "app.vmt",
                           .scan = "complete",
                           .leaks = leaks,
                           .leak_count = count};
}

/* Findings of one report with the leaks. */
static inline void fixture_set(struct finding_set *set, const struct report_leak *leaks,
                               size_t count)
{
    struct report report = fixture_report(7, leaks, count);
    ck_assert(finding_set_init(set));
    ck_assert(finding_set_add(set, &report));
    ck_assert(finding_set_finish(set));
}

#endif
