/* SPDX-License-Identifier: Apache-2.0 */
/* query/: what a report says about traces whose contents are known. */
#include "query/report.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model_fixture.h"
#include "suppress/suppression.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct builder_stream *stream;
static uint32_t a, b;
static struct report *report;

static void load_module(uint64_t start, uint64_t end, const char *path, uint64_t flags)
{
    builder_cold(stream, VMT_OP_MODULE_LOAD, "uuussu", start, start, end, "\x12\xab", path, flags);
}

static void setup(void)
{
    builder = trace_builder_new();
    stream = trace_builder_stream(builder, 1);
    load_module(0x400000, 0x500000, "/opt/app", VMT_MODULE_MAIN);
    load_module(0x700000, 0x800000, "/usr/lib/libc.so.6", 0);
    load_module(0x800000, 0x900000, "/usr/lib/libvmtrace.so", VMT_MODULE_TRACER);
    a = builder_stack(stream, 4, U(0x700010), U(0x401000), U(0x402000), U(0x800500));
    b = builder_stack(stream, 2, U(0x401000), U(0x403000));
}

static bool has_note(const char *part)
{
    for (size_t i = 0; i < report->note_count; i++) {
        if (strstr(report->notes[i], part))
            return true;
    }
    return false;
}

static void end_record(uint64_t status)
{
    builder_cold(stream, VMT_OP_END, "uuuuuuu", U(0), status, U(900), U(7), U(50000), U(11), U(22));
}

START_TEST(report_frames_go_from_the_allocator_outward)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 10, a);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->site_count, 1);
    const struct report_stack *stack = report->sites[0]->stack;
    ck_assert_uint_eq(stack->count, 3); /* the tracer's own frame is not shown */
    ck_assert(!stack->cut && !stack->lost);
    ck_assert_uint_eq(stack->frames[0].offset, 0x1fff); /* within the call */
    ck_assert_str_eq(stack->frames[0].module, "/opt/app");
    ck_assert(stack->frames[0].application);
    ck_assert_uint_eq(stack->frames[1].offset, 0xfff);
    ck_assert_str_eq(stack->frames[2].module, "/usr/lib/libc.so.6");
    ck_assert(!stack->frames[2].application);
    ck_assert_ptr_null(stack->frames[0].function);
    ck_assert_uint_eq(report->module_count, 3);
    ck_assert_str_eq(report->modules[0].build_id, "12ab");
    report_free(report);
}
END_TEST

START_TEST(report_exact_pcs_and_unknown_modules)
{
    setup();
    uint32_t jit = builder_stack(stream, 2, U(0x9990000), VMT_PC_EXACT | 0x401234);
    uint32_t cut = builder_nodes(stream, VMT_NODE_CUT, (uint64_t[]){0x401000}, 1);
    builder_alloc(stream, VMT_MALLOC, 0x1000, 10, jit);
    builder_alloc(stream, VMT_MALLOC, 0x2000, 5, cut);
    builder_alloc(stream, VMT_MALLOC, 0x3000, 1, VMT_NODE_EMPTY);
    report = fixture_report(builder);
    const struct report_stack *stack = report->sites[0]->stack;
    ck_assert_uint_eq(stack->frames[0].offset, 0x1234);
    ck_assert_ptr_null(stack->frames[1].module);
    ck_assert_uint_eq(stack->frames[1].offset, 0x998ffff);
    ck_assert(stack->frames[1].application);
    ck_assert(report->sites[1]->stack->cut);
    ck_assert_uint_eq(report->sites[2]->stack->count, 0);
    report_free(report);
}
END_TEST

START_TEST(report_lists_are_sorted_and_add_up)
{
    uint64_t live = 0, peak = 0;
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 10, a);
    builder_alloc(stream, VMT_CALLOC, 0x2000, 500, b);
    builder_faults(stream, 3, 1);
    builder_alloc(stream, VMT_NEW_ARRAY, 0x3000, 100, b);
    builder_free(stream, VMT_FREE, 0x2000);
    builder_alloc(stream, VMT_MALLOC, 0x4000, 1, a);
    builder_free(stream, VMT_FREE, 0x4000);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->site_count, 3);
    ck_assert_str_eq(report->sites[0]->kind, "calloc");
    ck_assert_str_eq(report->sites[1]->kind, "new[]");
    for (size_t i = 0; i < report->peak_site_count; i++)
        peak += report->peak_sites[i]->peak_bytes;
    for (size_t i = 0; i < report->leak_count; i++) {
        live += report->leaks[i].bytes;
        ck_assert_int_eq(report->leaks[i].class, REPORT_LEAK_UNSCANNED);
    }
    ck_assert_uint_eq(peak, report->peak_live_bytes);
    ck_assert_uint_eq(peak, 610);
    ck_assert_uint_eq(live, report->live_bytes_at_end);
    ck_assert_uint_eq(report->leaked_bytes, 110);
    ck_assert_uint_eq(report->leaked_blocks, 2);
    ck_assert_uint_eq(report->leaks[0].bytes, 100);
    ck_assert_str_eq(report->scan, "off");
    ck_assert_uint_eq(report->temporary_site_count, 1);
    ck_assert_uint_eq(report->fault_site_count, 1);
    ck_assert_uint_eq(report->fault_sites[0]->minor_faults, 3);
    ck_assert_uint_eq(report->attributed_major, 1);
    ck_assert_uint_eq(report->growth_site_count, 2);
    report_free(report);
}
END_TEST

START_TEST(report_mappings_and_pools_have_lists_of_their_own)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 4096, a);
    builder_cold(stream, VMT_OP_MAP, "uuuuuuks", U(0), U(0x7f0000000000), U(8192), U(3), U(0x22),
                 U(0), b, "/data/file");
    builder_cold(stream, VMT_OP_POOL, "us", U(1), "nodes");
    builder_cold(stream, VMT_OP_POOL_ALLOC, "uuuk", U(1), U(0x1010), U(24), b);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->site_count, 3);
    ck_assert_uint_eq(report->peak_site_count, 1);
    ck_assert_uint_eq(report->mapping_count, 1);
    ck_assert_str_eq(report->mappings[0].name, "/data/file");
    ck_assert_uint_eq(report->mappings[0].live_bytes, 8192);
    ck_assert_str_eq(report->mappings[0].site->kind, "mmap");
    ck_assert_uint_eq(report->growth_site_count, 2);
    ck_assert_uint_eq(report->leak_count, 2);
    ck_assert_str_eq(report->leaks[1].pool, "nodes");
    ck_assert_str_eq(report->leaks[1].site->kind, "pool nodes");
    ck_assert_uint_eq(report->leaked_bytes, 4096);
    ck_assert_uint_eq(report->pool_count, 1);
    ck_assert_uint_eq(report->pools[0].live_bytes, 24);
    ck_assert_uint_eq(report->live_mapped_bytes, 8192);
    report_free(report);
}
END_TEST

START_TEST(report_process_and_orderly_end)
{
    setup();
    builder_cold(stream, VMT_OP_ARGUMENT, "us", U(1), "--fast");
    builder_cold(stream, VMT_OP_ARGUMENT, "us", U(0), "app");
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_at(stream, AT(5000));
    end_record(0x103);
    report = fixture_report(builder);
    ck_assert_int_eq(report->end, REPORT_END_EXIT);
    ck_assert_int_eq(report->exit_status, 3);
    ck_assert_int_eq(report->signal, 0);
    ck_assert_uint_eq(report->argc, 2);
    ck_assert_str_eq(report->argv[0], "app");
    ck_assert_str_eq(report->argv[1], "--fast");
    ck_assert_ptr_null(report->argv[2]);
    ck_assert_str_eq(report->exe, "/opt/app");
    ck_assert_uint_eq(report->duration_ns, 5000);
    ck_assert_uint_eq(report->minor_faults, 900);
    ck_assert_uint_eq(report->peak_rss_bytes, 50000);
    ck_assert_uint_eq(report->rss_at_end_bytes, REPORT_UNKNOWN);
    ck_assert_uint_eq(report->user_cpu_ns, 11);
    ck_assert_uint_eq(report->note_count, 0);
    report_free(report);
}
END_TEST

static void expect_end(enum report_end end, int signal, int status)
{
    report = fixture_report(builder);
    ck_assert_int_eq(report->end, end);
    ck_assert_int_eq(report->signal, signal);
    ck_assert_int_eq(report->exit_status, status);
    report_free(report);
}

START_TEST(report_other_ends)
{
    setup();
    expect_end(REPORT_END_KILLED, 0, -1);
    setup();
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(SIGSEGV), (int64_t)1, U(8), a);
    expect_end(REPORT_END_SIGNAL, SIGSEGV, -1);
    setup();
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(SIGSEGV), (int64_t)1, U(8), a);
    end_record(1); /* it was handled */
    expect_end(REPORT_END_EXIT, 0, 1);
    setup();
    builder_cold(stream, VMT_OP_EXEC, "s", "/bin/ls");
    expect_end(REPORT_END_EXEC, 0, -1);
    setup();
    builder_cold(stream, VMT_OP_EXEC, "s", "/bin/ls");
    builder_cold(stream, VMT_OP_EXEC_FAILED, "u", U(2));
    expect_end(REPORT_END_KILLED, 0, -1);
    setup();
    trace_builder_header(builder)->end_state = VMT_END_EXIT; /* the record itself was lost */
    trace_builder_header(builder)->end_status = 7;
    expect_end(REPORT_END_EXIT, 0, 7);
}
END_TEST

static size_t damage_with_end_state(uint32_t state, bool end)
{
    setup();
    trace_builder_header(builder)->end_state = state;
    if (end)
        end_record(1);
    report = fixture_report(builder);
    size_t count = report->damage_count;
    report_free(report);
    return count;
}

START_TEST(report_promised_end_that_is_missing_is_damage)
{
    ck_assert_uint_eq(damage_with_end_state(VMT_END_EXIT, false), 1);
    ck_assert_uint_eq(damage_with_end_state(VMT_END_SIGNAL, false), 1);
    ck_assert_uint_eq(damage_with_end_state(VMT_END_EXEC, false), 1);
    ck_assert_uint_eq(damage_with_end_state(VMT_END_EXIT, true), 0);
    ck_assert_uint_eq(damage_with_end_state(VMT_END_NONE, false), 0);
}
END_TEST

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(clock, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t own_boot_id(void)
{
    unsigned first = 0, second = 0, third = 0;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%8x-%4x-%4x", &first, &second, &third), 3);
    fclose(file);
    return (uint64_t)first << 32 | second << 16 | third;
}

/* A trace of this very process, begun `ago` ns before now. */
static struct vmt_file_header *own_trace(uint64_t boot_id, uint64_t ago)
{
    setup();
    struct vmt_file_header *header = trace_builder_header(builder);
    header->pid = (uint32_t)getpid();
    header->boot_id = boot_id;
    header->start_boottime_ns = clock_ns(CLOCK_BOOTTIME) - ago;
    header->start_realtime_ns = clock_ns(CLOCK_REALTIME) - ago;
    return header;
}

START_TEST(report_process_that_began_before_its_trace_is_running)
{
    own_trace(own_boot_id(), 0);
    expect_end(REPORT_END_RUNNING, 0, -1);
    own_trace(0, 0);
    expect_end(REPORT_END_RUNNING, 0, -1);
}
END_TEST

START_TEST(report_process_that_began_after_the_trace_is_another)
{
    own_trace(own_boot_id(), UINT64_C(3600000000000));
    expect_end(REPORT_END_KILLED, 0, -1);
    own_trace(0, UINT64_C(3600000000000));
    expect_end(REPORT_END_KILLED, 0, -1);
}
END_TEST

START_TEST(report_process_of_another_boot_is_another)
{
    own_trace(own_boot_id() ^ 1, 0);
    expect_end(REPORT_END_KILLED, 0, -1);
    own_trace(0, 0)->start_realtime_ns -= UINT64_C(3600000000000);
    expect_end(REPORT_END_KILLED, 0, -1);
}
END_TEST

START_TEST(report_errors_say_what_happened)
{
    setup();
    builder_alloc(stream, VMT_NEW_ARRAY, 0x1000, 40, a);
    builder_free(stream, VMT_FREE, 0x1018);
    builder_free_at(stream, VMT_DELETE, 0x1000, b);
    builder_free(stream, VMT_DELETE_ARRAY, 0x1000);
    builder_free(stream, VMT_FREE, 0x99999);
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(SIGBUS), (int64_t)1, U(8), a);
    builder_cold(stream, VMT_OP_CRASH, "uzuk", U(60), (int64_t)1, U(8), a);
    report = fixture_report(builder);
    const struct report_error *errors = report->errors;
    ck_assert_uint_eq(report->error_count, 6);
    ck_assert_str_eq(errors[0].kind, "invalid-free");
    ck_assert_str_eq(errors[0].detail, "24 bytes into a block of 40 bytes");
    ck_assert_ptr_null(errors[0].stack);
    ck_assert_uint_eq(errors[0].allocated->count, 3);
    ck_assert_str_eq(errors[1].kind, "mismatched-free");
    ck_assert_str_eq(errors[1].detail, "a block of 40 bytes from new[], released by delete");
    ck_assert_ptr_nonnull(errors[1].stack);
    ck_assert_str_eq(errors[2].kind, "double-free");
    ck_assert_uint_eq(errors[2].freed->count, 2);
    ck_assert_str_eq(errors[3].detail, "not an address that an allocation returned");
    ck_assert_str_eq(errors[4].kind, "bus-error");
    ck_assert_str_eq(errors[4].detail, "8 bytes from a null pointer");
    ck_assert_str_eq(errors[5].kind, "signal");
    ck_assert_str_eq(errors[5].detail, "signal 60");
    report_free(report);
}
END_TEST

START_TEST(report_without_allocations_says_why)
{
    setup();
    report = fixture_report(builder);
    ck_assert(has_note("statically linked"));
    report_free(report);
    setup();
    builder_cold(stream, VMT_OP_EXEC, "s", "/bin/ls");
    report = fixture_report(builder);
    ck_assert(has_note("replaced itself by /bin/ls"));
    report_free(report);
    setup();
    builder_cold(stream, VMT_OP_PAUSE, "");
    report = fixture_report(builder);
    ck_assert(has_note("paused"));
    report_free(report);
    setup();
    trace_builder_header(builder)->flags = VMT_FLAG_FORKED;
    report = fixture_report(builder);
    ck_assert(has_note("forked child"));
    ck_assert(report->forked);
    report_free(report);
}
END_TEST

START_TEST(report_notes_tell_damage_and_loss)
{
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_cold(stream, VMT_OP_LOST, "uu", U(VMT_LOST_SPACE), U(28));
    builder_lose_chunks(stream, 2);
    builder_raw(stream, "\xf0", 1);
    trace_builder_header(builder)->lost_events = 17;
    trace_builder_header(builder)->fault_source = VMT_FAULTS_RUSAGE;
    report = fixture_report(builder);
    ck_assert(has_note("damaged: 1 of its parts"));
    ck_assert(has_note("2 chunks are missing"));
    ck_assert(has_note("the disk with the trace was full; free some"));
    ck_assert(has_note("17 events were not recorded"));
    ck_assert(has_note("counted by getrusage"));
    ck_assert_uint_eq(report->lost_events, 17);
    ck_assert_str_eq(report->fault_source, "rusage");
    report_free(report);
}
END_TEST

START_TEST(report_names_come_from_the_symbolizer)
{
    const struct report_options options = {.resolve = true};
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    struct trace_model *model = fixture_take(builder);
    report = report_new(model, &options);
    trace_model_free(model);
    ck_assert_ptr_nonnull(report);
    ck_assert(has_note("/opt/app")); /* there is no such file here */
    ck_assert_uint_eq(report->sites[0]->stack->count, 3);
    report_free(report);
}
END_TEST

START_TEST(report_shares_suppressions_that_are_built_in)
{
    static const char text[] = "leak:/opt/app";
    struct suppression_list *builtin = suppression_list_new();
    const struct report_options options = {.builtin = builtin};
    ck_assert_int_eq(suppression_list_parse(builtin, "built-in", text, sizeof(text) - 1, NULL),
                     VMT_OK);
    setup();
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, b);
    struct trace_model *model = fixture_take(builder);
    for (int i = 0; i < 2; i++) {
        report = report_new(model, &options);
        ck_assert_ptr_nonnull(report);
        ck_assert(report->leaks[0].suppressed);
        ck_assert_uint_eq(report->suppressions[0].matches, 1);
        report_free(report);
    }
    ck_assert_uint_eq(builtin->items[0].matches, 0);
    trace_model_free(model);
    suppression_list_free(builtin);
}
END_TEST

START_TEST(report_leak_times_lie_within_the_site)
{
    setup();
    builder_at(stream, AT(1000));
    builder_alloc(stream, VMT_MALLOC, 0x1000, 1, a);
    builder_at(stream, AT(50000000));
    builder_alloc(stream, VMT_MALLOC, 0x2000, 1, a);
    builder_at(stream, AT(90000000));
    builder_alloc(stream, VMT_MALLOC, 0x3000, 1, a);
    builder_free(stream, VMT_FREE, 0x3000);
    report = fixture_report(builder);
    ck_assert_uint_eq(report->leaks[0].oldest_ns, 1000);
    ck_assert_uint_eq(report->leaks[0].newest_ns, 50000000);
    ck_assert_uint_eq(report->sites[0]->last_ns, 90000000);
    report_free(report);
}
END_TEST

UNIT_MAIN("report", report_frames_go_from_the_allocator_outward,
          report_exact_pcs_and_unknown_modules, report_lists_are_sorted_and_add_up,
          report_mappings_and_pools_have_lists_of_their_own, report_process_and_orderly_end,
          report_other_ends, report_promised_end_that_is_missing_is_damage,
          report_process_that_began_before_its_trace_is_running,
          report_process_that_began_after_the_trace_is_another,
          report_process_of_another_boot_is_another, report_errors_say_what_happened,
          report_without_allocations_says_why, report_notes_tell_damage_and_loss,
          report_names_come_from_the_symbolizer, report_shares_suppressions_that_are_built_in,
          report_leak_times_lie_within_the_site)
