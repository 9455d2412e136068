/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_cost.h"

#include "fault_report.h"
#include "sys.h"

#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 17 };

static uint64_t now(void)
{
    return sys_time_ns(CLOCK_MONOTONIC);
}

/* How long each first touch took.  Not inlined: its address is the code that they are told with. */
static __attribute__((noinline)) void touch(volatile char *memory, uint64_t took[PAGES])
{
    size_t page = (size_t)getpagesize();
    uint64_t before = now();
    for (size_t i = 0; i < PAGES; i++) {
        memory[i * page] = 1;
        uint64_t after = now();
        took[i] = after - before;
        before = after;
    }
}

static uint64_t median(uint64_t values[PAGES])
{
    for (size_t i = 1; i < PAGES; i++) {
        uint64_t value = values[i];
        size_t place = i;
        for (; place > 0 && values[place - 1] > value; place--)
            values[place] = values[place - 1];
        values[place] = value;
    }
    return values[PAGES / 2];
}

static uint64_t count_minor(struct faultcount *faults)
{
    if (faults->source == VMT_FAULTS_RUSAGE)
        faultcount_rusage_read(faults);
    return *faults->head[FAULT_MINOR] / faults->unit;
}

static uint64_t measure(struct stream *stream, char *memory)
{
    uint64_t took[PAGES], first = now(), clock = now() - first;
    /* A huge page would be one fault. */
    sys_call(SYS_madvise, (long)memory, (long)(PAGES * (size_t)getpagesize()), MADV_NOHUGEPAGE, 0,
             0, 0);
    uint64_t before = count_minor(&stream->faults);
    fault_report(stream);
    touch(memory, took);
    if (count_minor(&stream->faults) - before < PAGES)
        return 0;
    if (stream->faults.source == VMT_FAULTS_RUSAGE) /* perf events tell them by themselves */
        fault_report_own(stream, memory, PAGES, (const void *)touch);
    uint64_t all = median(took);
    return all > clock ? all - clock : 0;
}

/* A handler that jumps out would leave the memory behind. */
uint64_t fault_cost_measure(struct stream *stream)
{
    if (stream->faults.source == VMT_FAULTS_OFF)
        return 0;
    uint64_t mask, cost = 0;
    size_t size = PAGES * (size_t)getpagesize();
    sys_block_signals(&mask);
    char *memory = sys_map(size);
    if (memory) {
        cost = measure(stream, memory);
        sys_unmap(memory, size);
    }
    sys_restore_signals(&mask);
    return cost;
}
