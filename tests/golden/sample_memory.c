/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB(count) ((uint64_t)(count) << 20)
#define KIB(count) ((uint64_t)(count) << 10)
#define APP "/opt/demo/bin/demo"

static struct report_resident_site sites_before[] = {
    {NULL, REPORT_PART_LIVE, 2000, {MIB(1), KIB(900), 0}, KIB(124), 0, 0, 0, KIB(900)},
};
static struct report_resident_site sites_highest[] = {
    {NULL, REPORT_PART_LIVE, 6000, {MIB(4), MIB(4), 0}, 0, MIB(2), 0, KIB(300), MIB(3)},
    {NULL,
     REPORT_PART_MAPPINGS,
     1,
     {MIB(64), KIB(1536), KIB(512)},
     MIB(62),
     0,
     KIB(512),
     0,
     KIB(700)},
};
static struct report_resident_site sites_end[] = {
    {NULL,
     REPORT_PART_LIVE,
     6172,
     {MIB(2), KIB(1900), KIB(100)},
     KIB(48),
     0,
     0,
     KIB(1200),
     KIB(1900)},
    {NULL, REPORT_PART_MAPPINGS, 1, {MIB(16), KIB(800), 0}, KIB(15584), 0, 0, 0, KIB(400)},
    {NULL, REPORT_PART_LIVE, 1, {1000, 1000, 0}, 0, 0, 0, 0, 1000},
};
static const struct report_resident_file files[] = {
    {APP "\033[0m", {MIB(1), KIB(700), 0}},
    {"/lib/x86_64-linux-gnu/libc.so.6", {MIB(2), KIB(100), 0}},
    {NULL, {KIB(12), KIB(4), 0}},
};

/* size, resident, swapped of each part */
static struct report_residency residencies[] = {
    {.reason = "snapshot",
     .name = "start \033[1mhere",
     .t_ns = 100000000,
     .rss_bytes = MIB(2),
     .kernel_rss_bytes = MIB(2),
     .virtual_bytes = MIB(80),
     .parts = {{MIB(1), KIB(900), 0},
               {0, KIB(124), 0},
               {0, 0, 0},
               {0, KIB(804), 0},
               {0, KIB(20), 0},
               {0, KIB(180), 0},
               {0, KIB(20), 0}},
     .sites = sites_before,
     .site_count = COUNT(sites_before)},
    {.reason = "peak",
     .name = "",
     .t_ns = 1760000000,
     .rss_bytes = MIB(8),
     .kernel_rss_bytes = MIB(8),
     .virtual_bytes = MIB(140),
     .huge_bytes = MIB(2),
     .parts = {{MIB(4), MIB(4), 0},
               {0, MIB(1), 0},
               {MIB(64), MIB(1), KIB(512)},
               {0, KIB(1316), 0},
               {0, KIB(32), 0},
               {0, KIB(600), 0},
               {0, KIB(100), 0}},
     .sites = sites_highest,
     .site_count = COUNT(sites_highest),
     .files = files,
     .file_count = COUNT(files)},
    {.reason = "exit",
     .name = "",
     .t_ns = 3200000000,
     .rss_bytes = KIB(6000),
     .kernel_rss_bytes = KIB(6010),
     .virtual_bytes = MIB(92),
     .swap_bytes = KIB(100),
     .page_table_bytes = KIB(80),
     .locked_bytes = KIB(4),
     .pss_bytes = MIB(5),
     .anonymous_bytes = MIB(4),
     .shared_clean = KIB(640),
     .private_dirty = MIB(5),
     .error = 13,
     .duration_ns = 700000,
     .program_data = KIB(90),
     .free_pages = KIB(500),
     .pinned = KIB(1400),
     .guessed = KIB(10),
     .parts = {{MIB(2), KIB(1901), KIB(100)},
               {0, KIB(2000), 0},
               {MIB(16), KIB(800), 0},
               {0, KIB(804), 0},
               {0, KIB(32), 0},
               {0, KIB(363), 0},
               {0, KIB(100), 0}},
     .sites = sites_end,
     .site_count = COUNT(sites_end),
     .files = files,
     .file_count = COUNT(files)},
};

static struct report_cause causes_all[] = {
    {REPORT_PART_FREE, (int64_t)KIB(2000), NULL, NULL},
    {REPORT_PART_LIVE, (int64_t)KIB(1900), NULL, NULL},
    {REPORT_PART_MAPPINGS, (int64_t)KIB(800), NULL, NULL},
    {REPORT_PART_FILES, (int64_t)KIB(700), NULL, APP "\033[0m"},
    {REPORT_PART_TRACER, (int64_t)KIB(363), NULL, NULL},
    {REPORT_PART_OTHER, (int64_t)KIB(237), NULL, NULL},
};
static struct report_cause causes_down[] = {
    {REPORT_PART_LIVE, -(int64_t)KIB(2196), NULL, NULL},
    {REPORT_PART_FREE, (int64_t)KIB(976), NULL, NULL},
    {REPORT_PART_FILES, -(int64_t)KIB(512), NULL, NULL},
    {REPORT_PART_MAPPINGS, -(int64_t)KIB(224), NULL, NULL},
    {REPORT_PART_TRACER, -(int64_t)KIB(236), NULL, NULL},
};
static const struct report_cause causes_up[] = {
    {REPORT_PART_LIVE, (int64_t)KIB(5120), NULL, NULL},
    {REPORT_PART_STACKS, (int64_t)KIB(924), NULL, NULL},
    {REPORT_PART_OTHER, (int64_t)KIB(100), NULL, NULL},
};
static struct report_interval intervals[] = {
    {.from = REPORT_START,
     .to = 2,
     .bytes = (int64_t)KIB(6000),
     .causes = causes_all,
     .cause_count = COUNT(causes_all)},
    {.from = 1,
     .to = 2,
     .bytes = -(int64_t)KIB(2192),
     .causes = causes_down,
     .cause_count = COUNT(causes_down)},
    {.from = 0,
     .to = 1,
     .bytes = (int64_t)MIB(6),
     .causes = causes_up,
     .cause_count = COUNT(causes_up)},
    {.from = 1, .to = 1, .bytes = 1000},
};

static struct report_region regions[] = {
    {.start = 0x400000,
     .end = 0x410000,
     .readable = true,
     .executable = true,
     .name = APP,
     .rss = KIB(60),
     .faulted = 15,
     .clean = KIB(60),
     .owner = REPORT_PART_FILES,
     .module = APP},
    {.start = 0x410000,
     .end = 0x440000,
     .readable = true,
     .writable = true,
     .name = "",
     .rss = KIB(90),
     .dirty = KIB(90),
     .owner = REPORT_PART_OTHER,
     .module = APP},
    {.start = 0x555555600000,
     .end = 0x555555a00000,
     .readable = true,
     .writable = true,
     .name = "[heap]",
     .rss = MIB(4),
     .faulted = REPORT_UNKNOWN,
     .dirty = MIB(4),
     .swap = KIB(100),
     .parts = {KIB(1901), KIB(2000)},
     .owner = REPORT_PART_FREE},
    {.start = 0x7f0000000000,
     .end = 0x7f0001000000,
     .readable = true,
     .writable = true,
     .shared = true,
     .name = "/var/tmp/data\n.bin",
     .rss = KIB(800),
     .dirty = KIB(700),
     .owner = REPORT_PART_MAPPINGS},
    {.start = 0x7f1000000000,
     .end = 0x7f1000800000,
     .readable = true,
     .writable = true,
     .name = "",
     .rss = KIB(32),
     .owner = REPORT_PART_STACKS,
     .tid = 4712,
     .thread = "wor\033ker"},
    {.start = 0x7f2000000000,
     .end = 0x7f2000010000,
     .readable = true,
     .writable = true,
     .shared = true,
     .name = "/tmp/vmtrace.demo.4711.vmt",
     .rss = KIB(64),
     .dirty = KIB(64),
     .owner = REPORT_PART_TRACER},
    {.start = 0x7ffffffde000,
     .end = 0x7ffffffff000,
     .name = "[stack]",
     .owner = REPORT_PART_STACKS},
};
static const struct report_segments segments[] = {
    {APP, false, {KIB(64), KIB(60), 0}, {KIB(32), KIB(20), 0}, {0, 0, 0}, {KIB(192), KIB(90), 0}},
    {"/usr/lib/libvmtrace.so",
     true,
     {KIB(96), KIB(64), 0},
     {0, 0, 0},
     {KIB(4), KIB(4), 0},
     {MIB(11), KIB(120), 0}},
};

static const struct report_memory memory = {
    .residencies = residencies,
    .residency_count = COUNT(residencies),
    .highest = 1,
    .intervals = intervals,
    .interval_count = COUNT(intervals),
    .trend = {.kind = REPORT_TREND_STEADY,
              .from_ns = 1280000000,
              .to_ns = 3200000000,
              .points = 24,
              .slope = 1250000.4,
              .slope_low = 1200000,
              .slope_high = 1300000,
              .confidence = 0.999},
    .regions = regions,
    .region_count = COUNT(regions),
    .segments = segments,
    .segment_count = COUNT(segments),
};

const struct report_memory *sample_memory(const struct report_site *first,
                                          const struct report_site *second,
                                          const struct report_site *mapped)
{
    sites_before[0].site = sites_highest[0].site = sites_end[0].site = first;
    sites_highest[1].site = sites_end[1].site = mapped;
    sites_end[2].site = second;
    causes_all[1].site = causes_down[0].site = first;
    causes_all[2].site = regions[3].site = mapped;
    return &memory;
}

const struct report_memory *sample_memory_none(void)
{
    static const struct report_memory none = {.residency_count = 0};
    return &none;
}
