/* SPDX-License-Identifier: Apache-2.0 */
#include "housekeeping.h"

#include "facts.h"
#include "fault_cost.h"
#include "modules.h"
#include "process_files.h"
#include "residency.h"
#include "settings.h"
#include "smaps_parser.h"
#include "sys.h"
#include "text.h"
#include "thread_state.h"
#include "trace_file.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* A process is young until its first point of the time line, taken when it has lived so long or for
 * an interval.  One that ends before has none, nor the facts that are dear to find out: they would
 * cost it more than everything else that the recorder does. */
enum { YOUNG_MS = 10 };

/* A snapshot of what is in memory is worth its time (half a millisecond) to a young process that
 * has taken so many page faults since recording began. */
enum { LITTLE_FAULTS = 500 };

static uint64_t next_sample_ns; /* CLOCK_MONOTONIC */
static long faults_at_begin;
static bool grown_up;

static void record_name(struct stream *stream, uint32_t tid, const char *name)
{
    struct stream_record record;
    size_t length = strlen(name);
    if (!stream_record_begin(&record, stream, VMT_OP_THREAD_NAME, 2 * VMT_VARINT_MAX + length))
        return;
    stream_record_number(&record, tid);
    stream_record_string(&record, name, length);
    stream_record_end(&record);
}

void housekeeping_thread_name(struct stream *stream)
{
    char name[16] = {0};
    sys_call(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0);
    name[sizeof(name) - 1] = '\0';
    if (memcmp(name, stream->name, sizeof(name)) == 0)
        return;
    memcpy(stream->name, name, sizeof(name));
    record_name(stream, stream->tid, name);
}

void housekeeping_name_later(struct stream *stream)
{
    stream->name[0] = '\0';
    stream->pause_at = stream->cursor;
}

void housekeeping_all_names(struct stream *stream)
{
    for (uint32_t i = 0; i < thread_stream_count(); i++) {
        struct stream *other = thread_stream(i);
        if (!other || other == stream || other->magic != STREAM_MAGIC || !other->tid)
            continue;
        char path[64], name[64];
        struct text text;
        text_init(&text, path, sizeof(path));
        text_add(&text, "/proc/self/task/");
        text_add_number(&text, other->tid);
        text_add(&text, "/comm");
        if (sys_read_file(path, name, sizeof(name)) > 0 && strncmp(name, other->name, 15) != 0)
            record_name(stream, other->tid, name);
    }
}

static void record_clock(struct stream *stream)
{
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_CLOCK, VMT_VARINT_MAX))
        return;
    stream_record_number(&record, sys_time_ns(CLOCK_MONOTONIC));
    stream_record_end(&record);
}

/* With readings on both sides of a change, the times before and after it stay right. */
void housekeeping_confirm_clock(struct stream *stream)
{
    record_clock(stream);
    if (!clock_confirm())
        return;
    trace_file_refresh();
    record_clock(stream);
}

/* Virtual size, resident size, file-backed part of it: the first three numbers of
 * /proc/self/statm, in pages there. */
static bool read_sizes(uint64_t sizes[3])
{
    char line[256];
    /* `self` is empty when the first thread has ended; `thread-self` came with Linux 3.17. */
    if (sys_read_file("/proc/thread-self/statm", line, sizeof(line)) <= 0 &&
        sys_read_file("/proc/self/statm", line, sizeof(line)) <= 0)
        return false;
    const char *at = line;
    uint64_t page = (uint64_t)getpagesize();
    for (int i = 0; i < 3; i++) {
        sizes[i] = text_number(at) * page;
        const char *space = strchr(at, ' ');
        at = space ? space + 1 : "";
    }
    return true;
}

/* Of VmSwap in /proc/self/status, which costs 20 microseconds: asked for where somebody on the
 * machine swaps. */
static uint64_t swap_bytes(void)
{
    struct sysinfo info;
    char lines[PROCESS_MEMORY_MOST];
    if (sys_call(SYS_sysinfo, (long)&info, 0, 0, 0, 0, 0) == 0 && info.freeswap == info.totalswap)
        return 0;
    process_memory_lines(lines);
    return smaps_field(lines, "VmSwap");
}

/* Virtual memory of the streams: structs, node tables and mapped regions. */
static uint64_t recorder_bytes(void)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < thread_stream_count(); i++) {
        const struct stream *stream = thread_stream(i);
        if (!stream)
            continue;
        total += sizeof(*stream) + stream->region.size + faultcount_bytes(&stream->faults);
        total += stack_nodes_bytes(&stream->nodes);
    }
    return total;
}

uint64_t housekeeping_sample(struct stream *stream)
{
    uint64_t sizes[3], swap = swap_bytes();
    record_clock(stream);
    struct stream_record record;
    if (!read_sizes(sizes) ||
        !stream_record_begin(&record, stream, VMT_OP_MEMORY_SAMPLE, 7 * VMT_VARINT_MAX))
        return 0;
    struct rusage usage;
    sys_usage(RUSAGE_SELF, &usage);
    for (int i = 0; i < 3; i++)
        stream_record_number(&record, sizes[i]);
    stream_record_number(&record, (uint64_t)usage.ru_minflt);
    stream_record_number(&record, (uint64_t)usage.ru_majflt);
    stream_record_number(&record, recorder_bytes());
    stream_record_number(&record, swap);
    stream_record_end(&record);
    clock_set_mark();
    return sizes[1];
}

/* CLOCK_MONOTONIC, to a few milliseconds: by the vDSO in 5 ns. */
static uint64_t coarse_now(void)
{
    return sys_time_ns(CLOCK_MONOTONIC_COARSE);
}

void housekeeping_begin(struct stream *stream)
{
    uint64_t young = settings.interval_ms < YOUNG_MS ? settings.interval_ms : YOUNG_MS;
    struct rusage usage;
    sys_usage(RUSAGE_SELF, &usage);
    faults_at_begin = usage.ru_minflt;
    grown_up = false;
    next_sample_ns = coarse_now() + young * 1000000u;
    record_clock(stream);
}

static void grow_up(struct stream *stream)
{
    if (__atomic_exchange_n(&grown_up, true, __ATOMIC_RELAXED))
        return;
    trace_file_name_boot();
    facts_record_costly(stream);
    facts_record_fault_cost(stream, fault_cost_measure(stream));
}

void housekeeping_last_sample(struct stream *stream)
{
    if (!grown_up && coarse_now() < next_sample_ns) {
        record_clock(stream);
        return;
    }
    grow_up(stream);
    housekeeping_sample(stream);
}

bool housekeeping_is_little(void)
{
    struct rusage usage;
    sys_usage(RUSAGE_SELF, &usage);
    return !__atomic_load_n(&grown_up, __ATOMIC_RELAXED) &&
           usage.ru_minflt - faults_at_begin < LITTLE_FAULTS;
}

bool housekeeping_is_due(void)
{
    return coarse_now() >= __atomic_load_n(&next_sample_ns, __ATOMIC_RELAXED);
}

/* One thread per interval wins. */
static bool sample_is_due(void)
{
    uint64_t now = coarse_now();
    uint64_t due = __atomic_load_n(&next_sample_ns, __ATOMIC_RELAXED);
    return now >= due && __atomic_compare_exchange_n(
                             &next_sample_ns, &due, now + (uint64_t)settings.interval_ms * 1000000u,
                             false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* The thread's first events are over: now it is known where its faults come from. */
static void record_fault_source(struct stream *stream)
{
    static const char *reason_told = "";
    struct stream_record record;
    trace_file_refresh();
    if (__atomic_exchange_n(&reason_told, faultcount_reason, __ATOMIC_RELAXED) != faultcount_reason)
        facts_record_faults_reason(stream);
    if (stream->faults.source == faultcount_source ||
        !stream_record_begin(&record, stream, VMT_OP_FAULT_SOURCE, VMT_VARINT_MAX))
        return;
    stream_record_number(&record, stream->faults.source);
    stream_record_end(&record);
}

void housekeeping(struct stream *stream)
{
    if (faultcount_poll(&stream->faults))
        record_fault_source(stream);
    if (!stream->name[0])
        housekeeping_thread_name(stream);
    stream_set_pause(stream);
    if (!sample_is_due())
        return;
    uint64_t before; /* a handler that jumps out would leave files open */
    sys_block_signals(&before);
    grow_up(stream);
    housekeeping_thread_name(stream);
    modules_refresh(stream);
    residency_at_point(stream, housekeeping_sample(stream));
    sys_restore_signals(&before);
}
