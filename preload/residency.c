/* SPDX-License-Identifier: Apache-2.0 */
#include "residency.h"

#include "own_memory.h"
#include "pagemap.h"
#include "process_files.h"
#include "settings.h"
#include "smaps_parser.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
    PIECE = 8192, /* the kernel gives no more than 4096 bytes of smaps at once */
    /* What a snapshot takes at least, and more for each page: smaps, and a part of the pagemap. */
    GUESS_NS = 200000,
    GUESS_PAGE_NS = 40,
    BUDGET = 100, /* one part in so many of the time may be spent */
};
#define LEAST_GROWTH (UINT64_C(16) << 20)

/* What a snapshot works with; `taking` protects it. */
static struct {
    struct smaps_parser parser;
    struct page_runs runs;
    char piece[PIECE];
} work SYS_TABLE;
static uint32_t taking;

static uint64_t highest_rss; /* of all snapshots */
/* Processor time: by those that nobody asked for, and by the last one. */
static uint64_t spent_ns, last_ns;
static uint64_t last_rss;

struct totals {
    uint64_t rss, pss, anonymous, swap;
    int error; /* the first one, negative */
};

static void note_error(struct totals *totals, int error)
{
    if (!totals->error)
        totals->error = error;
}

static uint64_t write_begin(struct stream *stream, enum vmt_residency reason, const char *name)
{
    size_t length = strlen(name);
    uint64_t rss = smaps_field(work.piece, "VmRSS");
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_RESIDENCY, 7 * VMT_VARINT_MAX + length))
        return rss;
    stream_record_number(&record, reason);
    stream_record_number(&record, rss);
    stream_record_number(&record, smaps_field(work.piece, "VmSize"));
    stream_record_number(&record, smaps_field(work.piece, "VmSwap"));
    stream_record_number(&record, smaps_field(work.piece, "VmPTE"));
    stream_record_number(&record, smaps_field(work.piece, "VmLck"));
    stream_record_string(&record, name, length);
    stream_record_end(&record);
    clock_set_mark();
    return rss;
}

static void write_end(struct stream *stream, const struct totals *totals, uint64_t duration)
{
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_RESIDENCY_END, 6 * VMT_VARINT_MAX))
        return;
    stream_record_number(&record, (uint64_t)-totals->error);
    stream_record_number(&record, totals->rss);
    stream_record_number(&record, totals->pss);
    stream_record_number(&record, totals->anonymous);
    stream_record_number(&record, totals->swap);
    stream_record_number(&record, duration);
    stream_record_end(&record);
}

static bool write_region(struct stream *stream, const struct smaps_region *region)
{
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_REGION,
                             (7 + SMAPS_SIZES) * VMT_VARINT_MAX + region->name_length))
        return false;
    stream_record_number(&record, region->start);
    stream_record_number(&record, region->length);
    stream_record_number(&record, region->flags);
    stream_record_number(&record, region->offset);
    stream_record_number(&record, region->device);
    stream_record_number(&record, region->inode);
    for (int i = 0; i < SMAPS_SIZES; i++)
        stream_record_number(&record, region->sizes[i]);
    stream_record_string(&record, region->name, region->name_length);
    stream_record_end(&record);
    return true;
}

/* False: there is no more space in the trace. */
static bool use_region(struct stream *stream, int pagemap, struct totals *totals)
{
    const struct smaps_region *region = &work.parser.region;
    totals->rss += region->sizes[SMAPS_RSS];
    totals->pss += region->sizes[SMAPS_PSS];
    totals->anonymous += region->sizes[SMAPS_ANONYMOUS];
    totals->swap += region->sizes[SMAPS_SWAP];
    if (!write_region(stream, region))
        return false;
    page_runs_begin(&work.runs, stream);
    int error = pagemap_read(pagemap, region, &work.runs);
    if (error)
        note_error(totals, error);
    return page_runs_end(&work.runs);
}

static int walk(struct stream *stream, int smaps, int pagemap, struct totals *totals)
{
    smaps_begin(&work.parser);
    long got;
    while ((got = sys_read(smaps, work.piece, PIECE)) > 0) {
        const char *at = work.piece;
        while (smaps_next(&work.parser, &at, work.piece + got)) {
            if (!use_region(stream, pagemap, totals))
                return -ENOSPC;
        }
    }
    if (smaps_end(&work.parser) && !use_region(stream, pagemap, totals))
        return -ENOSPC;
    return (int)got;
}

/* Kernels without smaps have maps, at least. */
static void write_regions(struct stream *stream, struct totals *totals)
{
    int smaps = process_file_open("smaps");
    if (smaps < 0) {
        note_error(totals, smaps);
        smaps = process_file_open("maps");
    }
    if (smaps < 0)
        return;
    int pagemap = process_file_open("pagemap");
    int error = walk(stream, smaps, pagemap, totals);
    if (!error && !own_memory_write(stream))
        error = -ENOSPC;
    if (error)
        note_error(totals, error);
    if (pagemap >= 0)
        sys_close(pagemap);
    sys_close(smaps);
}

/* The kernel's own sums (Linux 4.14) instead of those of the regions. */
static void read_rollup(struct totals *totals)
{
    int fd = process_file_open("smaps_rollup");
    if (fd < 0)
        return;
    long got = sys_read(fd, work.piece, PIECE - 1); /* a line of maps and some 20 of sums */
    sys_close(fd);
    if (got <= 0)
        return;
    work.piece[got] = '\0';
    totals->rss = smaps_field(work.piece, "Rss");
    totals->pss = smaps_field(work.piece, "Pss");
    totals->anonymous = smaps_field(work.piece, "Anonymous");
    totals->swap = smaps_field(work.piece, "Swap");
}

static void take(struct stream *stream, enum vmt_residency reason, const char *name)
{
    uint64_t began = sys_time_ns(CLOCK_MONOTONIC), cpu = sys_time_ns(CLOCK_THREAD_CPUTIME_ID);
    struct totals totals = {.error = process_memory_lines(work.piece)};
    uint64_t rss = write_begin(stream, reason, name);
    write_regions(stream, &totals);
    if (reason != VMT_RESIDENCY_PEAK) /* it doubles the time that smaps takes */
        read_rollup(&totals);
    write_end(stream, &totals, sys_time_ns(CLOCK_MONOTONIC) - began);
    cpu = sys_time_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    last_rss = rss;
    last_ns = cpu;
    if (rss > highest_rss)
        __atomic_store_n(&highest_rss, rss, __ATOMIC_RELAXED);
    if (reason == VMT_RESIDENCY_PEAK)
        spent_ns += cpu;
}

static void say_busy(struct stream *stream, enum vmt_residency reason, const char *name)
{
    struct stream_record record;
    size_t length = strlen(name);
    if (!stream_record_begin(&record, stream, VMT_OP_RESIDENCY, 7 * VMT_VARINT_MAX + length))
        return;
    stream_record_number(&record, reason);
    for (int i = 0; i < 5; i++)
        stream_record_number(&record, 0);
    stream_record_string(&record, name, length);
    stream_record_end(&record);
    write_end(stream, &(struct totals){.error = -EBUSY}, 0);
}

void residency_take(struct stream *stream, enum vmt_residency reason, const char *name)
{
    if (settings.residency == SETTINGS_RESIDENCY_OFF)
        return;
    uint64_t mask;
    sys_block_signals(&mask);
    if (!__atomic_exchange_n(&taking, 1, __ATOMIC_ACQUIRE)) {
        take(stream, reason, name);
        __atomic_store_n(&taking, 0, __ATOMIC_RELEASE);
    } else if (reason != VMT_RESIDENCY_PEAK) {
        say_busy(stream, reason, name);
    }
    sys_restore_signals(&mask);
}

/* What the last one took, and more for what has come since. */
static uint64_t expected_ns(uint64_t rss)
{
    uint64_t last = __atomic_load_n(&last_ns, __ATOMIC_RELAXED);
    uint64_t before = __atomic_load_n(&last_rss, __ATOMIC_RELAXED);
    return (last ? last : GUESS_NS) + (rss > before ? rss - before : 0) / 4096 * GUESS_PAGE_NS;
}

static bool is_peak(uint64_t rss)
{
    uint64_t highest = __atomic_load_n(&highest_rss, __ATOMIC_RELAXED);
    if (rss < highest + LEAST_GROWTH || rss - highest < highest / 4)
        return false;
    uint64_t age = sys_time_ns(CLOCK_MONOTONIC) - trace_header->start_monotonic_ns;
    return __atomic_load_n(&spent_ns, __ATOMIC_RELAXED) + expected_ns(rss) <= age / BUDGET;
}

void residency_at_point(struct stream *stream, uint64_t rss)
{
    if (settings.residency == SETTINGS_RESIDENCY_ALL && is_peak(rss))
        residency_take(stream, VMT_RESIDENCY_PEAK, "");
}

void residency_forked(void)
{
    taking = 0;
    highest_rss = spent_ns = last_rss = last_ns = 0;
}
