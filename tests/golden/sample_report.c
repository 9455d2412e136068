/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_report.h"

#include "sample_memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define APP "/opt/demo/bin/demo"

static struct report_frame load_frames[] = {
    {"strdup", NULL, NULL, 0, LIBC, 0x92a1f, 0x1f, false, false, false, 0},
    {"config_add", NULL, "sample_source.txt", 3, APP, 0x1193, 0x13, true, true, false, 1},
    {"config_load", NULL, "sample_source.txt", 7, APP, 0x1193, 0x43, false, true, false, 2},
    {"main", NULL, "sample_source.txt", 11, APP, 0x1250, 0x30, false, true, false, 3},
    {"__libc_start_call_main", NULL, NULL, 0, LIBC, 0x271ca, 0x7a, false, false, false, 4},
    {"__libc_start_main", NULL, NULL, 0, LIBC, 0x27285, 0x85, false, false, false, 5},
    {"_start", NULL, NULL, 0, APP, 0x10a1, 0x21, false, false, false, 6},
};
/* Names as a broken or malicious binary may have them. */
static const struct report_frame hostile_frames[] = {
    {"evil\033[31m;name\n\xff", NULL, NULL, 0, "/tmp/lib\033]0;title\007.so", 0x10, 0x4, false,
     true, false, 7},
    {NULL, NULL, NULL, 0, APP, 0x2000, 0, false, true, false, 8},
    {NULL, NULL, NULL, 0, NULL, 0x7f0012345678, 0, false, false, false, 9},
};
static const struct report_frame deep_frames[] = {
    {"operator new(unsigned long)", NULL, NULL, 0, "/usr/lib/libstdc++.so.6", 0xa0, 0x1c, false,
     false, false, 10},
    {"std::__new_allocator<std::pair<const std::string, int>>::allocate(unsigned long)", NULL, NULL,
     0, "/usr/lib/libstdc++.so.6", 0xb0, 0x10, true, false, false, 11},
    {"std::vector<int>::_M_realloc_insert<int const&>", NULL, NULL, 0, "/usr/lib/libstdc++.so.6",
     0xc0, 0x10, false, false, false, 12},
    {"std::vector<int>::push_back", NULL, NULL, 0, "/usr/lib/libstdc++.so.6", 0xc8, 0x10, false,
     false, false, 13},
    {"lib_a", NULL, NULL, 0, "/usr/lib/liba.so", 0xd0, 0x10, false, false, false, 14},
    {"lib_b", NULL, NULL, 0, "/usr/lib/libb.so", 0xe0, 0x10, false, false, false, 15},
    {"worker::step<std::map<std::string, std::vector<std::pair<int, double>>>>(unsigned long, "
     "std::string const&)",
     NULL, "/src/demo/worker.cc", 120, APP, 0x3000, 0x10, false, true, false, 16},
    {"worker_1", NULL, "/src/demo/worker.cc", 131, APP, 0x3001, 0x10, false, true, false, 17},
    {"worker_2", NULL, "/src/demo/worker.cc", 132, APP, 0x3002, 0x10, false, true, false, 18},
    {"worker_3", NULL, "/src/demo/worker.cc", 133, APP, 0x3003, 0x10, false, true, false, 19},
    {"worker_4", NULL, "/src/demo/worker.cc", 134, APP, 0x3004, 0x10, false, true, false, 20},
    {"worker_5", NULL, "/src/demo/worker.cc", 135, APP, 0x3005, 0x10, false, true, false, 21},
    {"worker_6", NULL, "/src/demo/worker.cc", 136, APP, 0x3006, 0x10, false, true, false, 22},
    {"worker_7", NULL, "/src/demo/worker.cc", 137, APP, 0x3007, 0x10, false, true, false, 23},
    {"worker_8", NULL, "/src/demo/worker.cc", 138, APP, 0x3008, 0x10, false, true, false, 24},
    {"worker_9", NULL, "/src/demo/worker.cc", 139, APP, 0x3009, 0x10, false, true, false, 25},
    {"worker_10", NULL, "/src/demo/worker.cc", 140, APP, 0x300a, 0x10, false, true, false, 26},
    {"worker_11", NULL, "/src/demo/worker.cc", 141, APP, 0x300b, 0x10, false, true, false, 27},
    {"start_thread", NULL, NULL, 0, LIBC, 0x891f5, 0x2d5, false, false, false, 28},
    {"clone3", NULL, NULL, 0, LIBC, 0x1098dc, 0x2c, false, false, false, 29},
};

static const struct report_stack load_stack = {load_frames, COUNT(load_frames), false, false};
static const struct report_stack hostile_stack = {hostile_frames, COUNT(hostile_frames), true,
                                                  false};
static const struct report_stack deep_stack = {deep_frames, COUNT(deep_frames), false, false};
static const struct report_stack lost_stack = {NULL, 0, false, true};

static struct report_site load_site = {
    .kind = "malloc",
    .stack = &load_stack,
    .allocations = 12345,
    .bytes_allocated = 4194304,
    .temporary = 17,
    .peak_bytes = 3145728,
    .peak_blocks = 9000,
    .own_peak_bytes = 3500000,
    .live_bytes = 2097152,
    .live_blocks = 6172,
    .first_ns = 1000000,
    .last_ns = 2500000000,
    .largest = 65536,
    .minor_faults = 1024,
    .major_faults = 2,
    .counted_minor = 1024,
    .counted_major = 2,
    .resident_bytes = REPORT_UNKNOWN,
    .swapped_bytes = REPORT_UNKNOWN,
};
static struct report_site deep_site = {
    .kind = "new",
    .stack = &deep_stack,
    .allocations = 500000,
    .bytes_allocated = 16000000,
    .temporary = 499000,
    .peak_bytes = 65536,
    .peak_blocks = 64,
    .own_peak_bytes = REPORT_UNKNOWN,
    .live_bytes = 1000,
    .live_blocks = 1,
    .first_ns = 5000000,
    .last_ns = 2900000000,
    .largest = 4096,
    .minor_faults = 12,
    .counted_minor = 12,
    .resident_bytes = REPORT_UNKNOWN,
    .swapped_bytes = REPORT_UNKNOWN,
};
static const struct report_site hostile_site = {
    .kind = "pool \033[2Jpool",
    .stack = &hostile_stack,
    .allocations = 3,
    .bytes_allocated = 300,
    .peak_bytes = 300,
    .peak_blocks = 3,
    .own_peak_bytes = 300,
    .live_bytes = 300,
    .live_blocks = 3,
    .first_ns = 2000000000,
    .last_ns = 2000000000,
    .largest = 100,
    .failed = 2,
    .resident_bytes = 4096,
    .swapped_bytes = 0,
};
static struct report_site lost_site = {
    .kind = "mixed",
    .stack = &lost_stack,
    .allocations = 1,
    .bytes_allocated = 8,
    .peak_bytes = 8,
    .peak_blocks = 1,
    .own_peak_bytes = 8,
    .live_bytes = 8,
    .live_blocks = 1,
    .first_ns = 3000000000,
    .last_ns = 3000000000,
    .largest = 8,
    .resident_bytes = REPORT_UNKNOWN,
    .swapped_bytes = REPORT_UNKNOWN,
};
static const struct report_site map_site = {
    .kind = "mmap",
    .stack = &load_stack,
    .allocations = 4,
    .bytes_allocated = 67108864,
    .own_peak_bytes = REPORT_UNKNOWN,
    .resident_bytes = REPORT_UNKNOWN,
    .swapped_bytes = REPORT_UNKNOWN,
};

/* Every frame once, by its number. */
static const struct report_frame
    *all_frames[COUNT(load_frames) + COUNT(hostile_frames) + COUNT(deep_frames)];

static const struct report_site *const by_bytes[] = {&deep_site, &load_site, &hostile_site,
                                                     &lost_site};
static const struct report_site *const by_peak[] = {&load_site, &deep_site, &hostile_site,
                                                    &lost_site};
static const struct report_site *const by_temporary[] = {&deep_site, &load_site};
static const struct report_site *const by_faults[] = {&load_site, &deep_site};

#define EXACT false, 0, {0, 0}, 0, 0, 0, 0, 0, NULL, NULL, 0

static struct report_leak leaks[] = {
    {REPORT_LEAK_UNSCANNED, &load_site, 2097152, 6172, 1000000, 2500000000, false, NULL, EXACT},
    {REPORT_LEAK_UNSCANNED, &deep_site, 1000, 1, 2900000000, 2900000000, false, NULL, EXACT},
    {REPORT_LEAK_UNSCANNED, &hostile_site, 300, 3, 2000000000, 2000000000, false, "\033[2Jpool",
     EXACT},
    {REPORT_LEAK_UNSCANNED, &lost_site, 8, 1, 3000000000, 3000000000, false, NULL, EXACT},
};
static const struct report_phase phases[] = {
    {"load", 1000000, 1500000000, true, 12000, 6000, 4000000, 0, 2000000, 2000000, 6000,
     REPORT_UNKNOWN, REPORT_UNKNOWN, 3500000},
    {"serve \xf0\x9f\x94\xa5", 1500000000, 3200000000, false, 488349, 488172, 16194612, 2000000,
     2098460, 98460, 177, REPORT_UNKNOWN, REPORT_UNKNOWN, 2200000},
};
static const struct report_snapshot snapshots[] = {
    {"after load", 1500000000, 2000000, 6000, REPORT_UNKNOWN, REPORT_NO_RESIDENCY}};
static const struct report_thread threads[] = {
    {4711, "demo", 12349, 6173, 4194612, 1024, 2},
    {4712, NULL, 500000, 499999, 16000000, 12, 0},
};
static const struct report_pool pools[] = {{"\033[2Jpool", 3, 0, 300, 300, 3, 300}};
static const struct report_mapping mappings[] = {
    {&map_site, 4, 67108864, 16777216, 1, "/var/tmp/data\n.bin"},
};
static const struct report_error errors[] = {
    {"double-free", 0xdeadbeefdeadbeef, 2100000000, 4712, 3, &deep_stack, &load_stack, &deep_stack,
     .detail = "0 bytes into a block of 40 bytes, freed"},
    {"segfault", 0, 3190000000, 4711, 1, &load_stack, .detail = NULL},
};
static const struct report_module modules[] = {
    {APP, 0x400000, 0x410000, "00112233445566778899aabbccddeeff00112233"},
    {LIBC, 0x7f0000000000, 0x7f0000200000, ""},
};
static const struct report_untraced untraced[] = {
    {.pid = 4711, .path = "./\033tool", .reason = "statically linked", .t_ns = 5000, .count = 1},
    {.path = "/bin/su", .reason = "setuid, setgid or with capabilities", .t_ns = 6000, .count = 12},
};
static const char *const notes[] = {"libfoo.so: build-id differs from the one that ran\033[0m"};
static const char *const arguments[] = {"./demo", "--name", "it's a \033[1mtest", "\xff\xfe", ""};
static const struct {
    const char *key, *value;
} facts[] = {{"kernel", "Linux 6.1.0"}, {"page_size", "4096"}};

enum { SAMPLES = 40 };
static struct report_sample samples[SAMPLES];

/* A ramp with one high point off the even grid. */
static void fill_samples(void)
{
    for (uint64_t i = 0; i < SAMPLES; i++)
        samples[i] = (struct report_sample){i * 80000000,
                                            2000000 + i * 100000,
                                            20000000 + i * 4096,
                                            i * 53000,
                                            100 + i * 25,
                                            i / 20,
                                            i < 30 ? 0 : (i - 29) * 40960,
                                            REPORT_UNKNOWN};
    samples[22].free_heap_bytes = 3000000;
    samples[SAMPLES - 1].free_heap_bytes = 1500000;
    samples[22].rss_bytes = 9000000;
}

static struct report make(void)
{
    return (struct report){
        .pid = 4711,
        .ppid = 4000,
        .exe = APP,
        .argv = arguments,
        .argc = COUNT(arguments),
        .start_time_ns = UINT64_C(1767225600000000000),
        .duration_ns = 3200000000,
        .end = REPORT_END_SIGNAL,
        .exit_status = -1,
        .signal = 11,
        .trace_path = "vmtrace.demo.4711.vmt",
        .facts = (const void *)facts,
        .fact_count = COUNT(facts),
        .allocations = 512349,
        .frees = 506172,
        .bytes_allocated = 20194612,
        .bytes_freed = 18096152,
        .failed_allocations = 2,
        .reallocations = 4400,
        .temporary = 499017,
        .peak_live_bytes = 3211572,
        .peak_live_blocks = 9068,
        .peak_t_ns = 1760000000,
        .most_live_blocks = 9100,
        .most_live_blocks_t_ns = 1500000000,
        .live_bytes_at_end = 2098460,
        .live_blocks_at_end = 6177,
        .leaked_bytes = 2098460,
        .leaked_blocks = 6177,
        .mapped_bytes = 67108864,
        .unmapped_bytes = 50331648,
        .map_calls = 4,
        .unmap_calls = 3,
        .live_mapped_bytes = 16777216,
        .minor_faults = REPORT_UNKNOWN,
        .major_faults = REPORT_UNKNOWN,
        .attributed_minor = 1036,
        .attributed_major = 2,
        .fault_source = "perf",
        .exact_faults = true,
        .peak_rss_bytes = 9000000,
        .rss_at_end_bytes = 5900000,
        .virtual_at_end_bytes = 20159744,
        .lost_events = 12,
        .inherited_frees = 3,
        .scan = "off",
        .threads_seen = 2,
        .user_cpu_ns = REPORT_UNKNOWN,
        .system_cpu_ns = REPORT_UNKNOWN,
        .trace_bytes = 2400000,
        .trace_events = 1018521,
        .frames = all_frames,
        .frame_count = COUNT(all_frames),
        .sites = by_bytes,
        .site_count = COUNT(by_bytes),
        .peak_sites = by_peak,
        .peak_site_count = COUNT(by_peak),
        .temporary_sites = by_temporary,
        .temporary_site_count = COUNT(by_temporary),
        .fault_sites = by_faults,
        .fault_site_count = COUNT(by_faults),
        .growth_sites = by_peak,
        .growth_site_count = COUNT(by_peak),
        .leaks = leaks,
        .leak_count = COUNT(leaks),
        .samples = samples,
        .sample_count = SAMPLES,
        .phases = phases,
        .phase_count = COUNT(phases),
        .snapshots = snapshots,
        .snapshot_count = COUNT(snapshots),
        .threads = threads,
        .thread_count = COUNT(threads),
        .mappings = mappings,
        .mapping_count = COUNT(mappings),
        .pools = pools,
        .pool_count = COUNT(pools),
        .errors = errors,
        .error_count = COUNT(errors),
        .untraced = untraced,
        .untraced_count = COUNT(untraced),
        .modules = modules,
        .module_count = COUNT(modules),
        .notes = notes,
        .note_count = COUNT(notes),
    };
}

static void number_frames(const struct report_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        all_frames[frames[i].number] = &frames[i];
}

const struct report *sample_report(const char *source)
{
    static struct report report;
    fill_samples();
    number_frames(load_frames, COUNT(load_frames));
    number_frames(hostile_frames, COUNT(hostile_frames));
    number_frames(deep_frames, COUNT(deep_frames));
    for (size_t i = 1; i <= 3; i++)
        load_frames[i].file = source;
    report = make();
    report.memory = sample_memory_none();
    return &report;
}

const struct report *sample_report_memory(const char *source)
{
    static struct report report;
    report = *sample_report(source);
    report.memory = sample_memory(&load_site, &deep_site, &map_site);
    load_site.resident_bytes = 1900 << 10;
    load_site.swapped_bytes = 100 << 10;
    deep_site.resident_bytes = 1000;
    deep_site.swapped_bytes = 0;
    return &report;
}

static void estimate(struct report_site *site, struct report_leak *leak, uint64_t recorded)
{
    site->estimated = leak->estimated = true;
    site->recorded = recorded;
    leak->recorded = recorded / 2 + 1;
    site->allocated_margin =
        (struct report_margin){site->bytes_allocated / recorded, site->allocations / 2};
    leak->margin = site->live_margin = (struct report_margin){leak->bytes * 3 / 2, leak->blocks};
    site->peak_margin = (struct report_margin){site->peak_bytes / 5, 0};
}

const struct report *sample_report_sampled(const char *source)
{
    static struct report report;
    report = *sample_report(source);
    report.sample_interval = 512 * 1024;
    report.recorded = 33;
    report.allocated_margin = (struct report_margin){3000000, 160000};
    report.freed_margin = (struct report_margin){2900000, 160000};
    report.live_margin = report.leaked_margin = (struct report_margin){1000000, 3000};
    report.peak_margin = (struct report_margin){16, 9999};
    estimate(&load_site, &leaks[0], 5);
    estimate(&deep_site, &leaks[1], 28);
    estimate(&lost_site, &leaks[3], 1);
    return &report;
}

const struct report *sample_report_sampled_away(void)
{
    static struct report report;
    report = *sample_report_empty();
    report.sample_interval = 512 * 1024;
    report.allocations = report.frees = 9000;
    report.bytes_allocated = report.bytes_freed = 2000000;
    report.allocated_margin = report.freed_margin = (struct report_margin){1000000, 6000};
    report.live_margin = report.leaked_margin = (struct report_margin){1570627, 1570627};
    report.peak_margin = report.live_margin;
    return &report;
}

const struct report *sample_report_empty(void)
{
    static const char *const argument[] = {"/bin/true"};
    static struct report report = {
        .pid = 1,
        .exe = "/bin/true",
        .argv = argument,
        .argc = 1,
        .exit_status = 0,
        .trace_path = "empty.vmt",
        .fault_source = "off",
        .scan = "off",
        .threads_seen = 1,
        .minor_faults = 90,
        .peak_rss_bytes = REPORT_UNKNOWN,
        .rss_at_end_bytes = REPORT_UNKNOWN,
        .virtual_at_end_bytes = REPORT_UNKNOWN,
        .user_cpu_ns = 1000000,
        .system_cpu_ns = 2000000,
    };
    report.memory = sample_memory_none();
    return &report;
}
