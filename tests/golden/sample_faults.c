/* SPDX-License-Identifier: Apache-2.0 */
/* The sample report with page faults that were described. */
#include <stddef.h>

#include "sample_report.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct report_frame touching[] = {
    {"fill_row", NULL, "/SOURCE/table.c", 88, "/opt/app/bin/app", 0x1200, 0x20, true, true, false,
     0},
    {"parse_table(std::istream&)", NULL, "/SOURCE/table.c", 120, "/opt/app/bin/app", 0x1200, 0x90,
     false, true, false, 0},
};
static const struct report_frame copying = {
    "memcpy", NULL, NULL, 0, "/lib/libc.so.6", 0x9000, 0x40, false, false, false, 0};
static const struct report_stack touch_stack = {touching, COUNT(touching), false, false};
static const struct report_stack copy_stack = {&copying, 1, false, false};
static const struct report_stack own_stack = {NULL, 0, false, false};

static struct report_fault_code codes[] = {
    {&touch_stack, {3000, 0, {[REPORT_FAULT_FIRST] = 1000, [REPORT_FAULT_RETURN] = 2000}, 0, 500}},
    {&copy_stack, {70, 30, {[REPORT_FAULT_CACHED] = 70, [REPORT_FAULT_DISK] = 30}, 0, 0}},
    {NULL, {9, 0, {[REPORT_FAULT_HUGE] = 9}, 9, 0}},
    {&own_stack, {45, 0, {[REPORT_FAULT_CACHED] = 45}, 0, 0}},
};
static struct report_fault_target targets[] = {
    {.kind = "heap", .name = "malloc", .giver = &copy_stack},
    {.kind = "file",
     .name = "/data/\033[2Jrows \377.bin",
     .first_offset = 4096,
     .last_offset = 1 << 20},
    {.kind = "mapping", .name = "mmap"},
    {.kind = "tracer"},
    {.kind = "stack", .name = "thread 4712, worker"},
    {.kind = "data", .name = "row_cache", .module = "/opt/app/bin/app"},
    {.kind = "code", .module = "/lib/libc.so.6"},
    {.kind = "allocator"},
    {.kind = "other",
     .name = "memory inherited from the parent process, whose trace knows the owner"},
    {.kind = "other"},
    {.kind = "stack", .name = "thread 4713, worker"},
};
static struct report_fault faults[] = {
    {&codes[0], &targets[0], {0}},
    {&codes[1], &targets[1], {0}},
    {&codes[2], &targets[2], {0}},
    {&codes[3], &targets[3], {0}},
    {&codes[1], &targets[4], {20, 0, {[REPORT_FAULT_STACK] = 20}, 0, 0}},
    {&codes[1], &targets[5], {1, 0, {[REPORT_FAULT_WRITE] = 1}, 0, 0}},
    {&codes[1], &targets[6], {1, 0, {[REPORT_FAULT_CACHED] = 1}, 0, 0}},
    {&codes[1], &targets[7], {1, 0, {[REPORT_FAULT_FIRST] = 1}, 0, 0}},
    {&codes[1], &targets[8], {1, 0, {[REPORT_FAULT_COPY] = 1}, 0, 0}},
    {&codes[1], &targets[9], {0, 1, {[REPORT_FAULT_SWAP] = 1}, 0, 0}},
    {&codes[1], &targets[10], {20, 0, {[REPORT_FAULT_STACK] = 20}, 0, 0}},
};
static const struct report_fault_code *by_code[COUNT(codes)];
static const struct report_fault_target *by_target[COUNT(targets)];
static const char *const hints[] = {
    "malloc gives the memory of fill_row (table.c:88) back to the kernel at each free.",
    "30 times the program waited for the disk in /data/\033[2Jrows \377.bin.",
};

const struct report *sample_report_faults(const char *source)
{
    static struct report report;
    report = *sample_report(source);
    targets[0].site = report.fault_sites[0];
    targets[1].site = report.mappings[0].site;
    targets[2].site = report.mappings[0].site;
    for (size_t i = 0; i < COUNT(codes); i++) {
        by_code[i] = &codes[i];
        faults[i].counts = codes[i].counts;
    }
    for (size_t i = 0; i < COUNT(targets); i++) {
        by_target[i] = &targets[i];
        targets[i].counts = faults[i].counts;
        if (targets[i].last_offset == 0)
            targets[i].first_offset = targets[i].last_offset = REPORT_UNKNOWN;
    }
    report.faults = faults;
    report.fault_count = COUNT(faults);
    report.fault_codes = by_code;
    report.fault_code_count = COUNT(codes);
    report.fault_targets = by_target;
    report.fault_target_count = COUNT(targets);
    report.fault_hints = hints;
    report.fault_hint_count = COUNT(hints);
    report.minor_faults = 3479;
    report.major_faults = 31;
    report.fault_totals = (struct report_fault_totals){.total = 3510,
                                                       .described = 2699,
                                                       .inferred = 500,
                                                       .counted = 66,
                                                       .lost = 45,
                                                       .before = 150,
                                                       .unseen = 50,
                                                       .owned = 3197,
                                                       .minor_ns = 1000,
                                                       .major_ns = 100000,
                                                       .estimated_ns = 6500000,
                                                       .fastest = 30000,
                                                       .fastest_ns = 1200000000,
                                                       .fastest_length_ns = 100000000};
    return &report;
}

/* Start-up alone, of a process that was killed, where the kernel tells all. */
const struct report *sample_report_few_faults(void)
{
    static struct report report;
    static struct report_fault fault = {
        &codes[2], &targets[9], {1, 0, {[REPORT_FAULT_FIRST] = 1}, 1, 0}};
    report = *sample_report_empty();
    report.fault_source = "perf";
    report.kernel_faults = true;
    report.faults = &fault;
    report.fault_count = 1;
    report.fault_totals = (struct report_fault_totals){
        .total = 10, .at_least = true, .described = 1, .before = 5, .unseen = 4};
    return &report;
}
