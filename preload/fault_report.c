/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_report.h"

#include "fault_stack.h"
#include "record_stack.h"
#include "sys.h"
#include "thread_state.h"

#include <unistd.h>

enum { MOST_DETAILS = 128 }; /* of one record */

/* Of one kind, the faults that one record tells: those from `seen` on, of which `known` .. `end`
 * (positions in the ring) have samples. */
struct span {
    uint64_t known, end;
};

/* Up to `most` samples, or all faults if none of them has any. */
static struct span next_span(const struct faultcount *count, int kind, uint64_t head, uint64_t most)
{
    const struct fault_ring *ring = &count->ring[kind];
    if (count->source != VMT_FAULTS_PERF)
        return (struct span){head, head};
    /* The oldest sample may be being overwritten before the head says so. */
    uint64_t known = count->seen[kind], kept = (ring->size / count->unit - 1) * count->unit;
    if ((int64_t)known < 0) /* counted before there was a ring */
        known = 0;
    if (head - known > kept)
        known = head - kept;
    uint64_t end = head - known > most * count->unit ? known + most * count->unit : head;
    return (struct span){known, end};
}

/* `node`: the stack of the only one, or 0. */
static void put_details(struct stream_record *record, const struct faultcount *count, int kind,
                        struct span span, uint32_t node)
{
    struct fault_sample sample;
    for (uint64_t at = span.known; at < span.end; at += count->unit) {
        if (!fault_ring_read(&count->ring[kind], at, &sample))
            continue;
        unsigned bits = (kind == FAULT_MAJOR ? VMT_FAULT_MAJOR : 0) |
                        (sample.kernel ? VMT_FAULT_KERNEL : 0) | (node ? VMT_FAULT_STACK : 0);
        record->at = fault_codes_put(&record->stream->fault_codes, record->at, bits, sample.code,
                                     sample.address);
        if (node)
            stream_record_stack(record, node);
    }
}

static bool has_stacks(const struct faultcount *count)
{
    return count->source == VMT_FAULTS_PERF && (count->ring[0].form & FAULT_FORM_STACK);
}

/* The node of a fault's stack, or 0. */
static uint32_t stack_of(struct stream *out, const struct fault_ring *ring, uint64_t position)
{
    struct fault_sample sample;
    struct callstack *stack = &out->callstack;
    if (!fault_ring_read(ring, position, &sample))
        return 0;
    callstack_forget(stack);
    stack->count =
        fault_stack_unwind(ring, position, &sample, stack->pc, stack->depth, &stack->cut);
    if (fault_ring_keeps(ring, position))
        return record_stack_given(out);
    callstack_forget(stack);
    out->node_count = 0;
    return 0;
}

/* One record of faults up to `head`. */
static bool tell_some(struct stream *out, struct faultcount *count,
                      const uint64_t head[FAULT_KINDS])
{
    uint64_t most = has_stacks(count) ? 1 : MOST_DETAILS;
    struct span minor = next_span(count, FAULT_MINOR, head[FAULT_MINOR], most);
    uint64_t details = (minor.end - minor.known) / count->unit;
    struct span major = next_span(count, FAULT_MAJOR, head[FAULT_MAJOR], most - details);
    uint32_t node = 0;
    if (has_stacks(count) && minor.known != minor.end)
        node = stack_of(out, &count->ring[FAULT_MINOR], minor.known);
    else if (has_stacks(count) && major.known != major.end)
        node = stack_of(out, &count->ring[FAULT_MAJOR], major.known);
    details += (major.end - major.known) / count->unit;
    size_t bytes = 2 * VMT_VARINT_MAX + details * (FAULT_CODES_MOST + VMT_VARINT_MAX);
    struct stream_record record;
    if (!stream_room(out, bytes + STREAM_MARGIN) ||
        !stream_record_begin(&record, out, VMT_OP_FAULTS, bytes))
        return false;
    stream_record_number(&record, (minor.end - count->seen[FAULT_MINOR]) / count->unit);
    stream_record_number(&record, (major.end - count->seen[FAULT_MAJOR]) / count->unit);
    put_details(&record, count, FAULT_MINOR, minor, node);
    put_details(&record, count, FAULT_MAJOR, major, node);
    stream_record_end(&record);
    count->seen[FAULT_MINOR] = minor.end;
    count->seen[FAULT_MAJOR] = major.end;
    return true;
}

/* Faults that come meanwhile, as it touches new pages of the trace, are for the next time. */
static void tell(struct stream *out, struct faultcount *count)
{
    const uint64_t head[FAULT_KINDS] = {*count->head[FAULT_MINOR], *count->head[FAULT_MAJOR]};
    while (count->seen[FAULT_MINOR] != head[FAULT_MINOR] ||
           count->seen[FAULT_MAJOR] != head[FAULT_MAJOR]) {
        if (!tell_some(out, count, head))
            return;
    }
}

__attribute__((noinline, cold)) void fault_report_changed(struct stream *stream)
{
    if (!faultcount_hold(&stream->faults, FAULTCOUNT_OWN_THREAD))
        return;
    tell(stream, &stream->faults);
    faultcount_let_go(&stream->faults);
}

void fault_report_own(struct stream *stream, const char *memory, size_t pages, const void *code)
{
    struct stream_record record;
    size_t page = (size_t)getpagesize();
    if (!faultcount_hold(&stream->faults, FAULTCOUNT_OWN_THREAD))
        return;
    if (stream_record_begin(&record, stream, VMT_OP_FAULTS,
                            2 * VMT_VARINT_MAX + pages * FAULT_CODES_MOST)) {
        stream_record_number(&record, pages);
        stream_record_number(&record, 0);
        for (size_t i = 0; i < pages; i++)
            record.at = fault_codes_put(&stream->fault_codes, record.at, 0, (uint64_t)code,
                                        (uint64_t)(memory + i * page));
        stream_record_end(&record);
        stream->faults.seen[FAULT_MINOR] += pages;
    }
    faultcount_let_go(&stream->faults);
}

void fault_report_abandoned(struct stream *stream)
{
    if (stream->faults.holder == FAULTCOUNT_OWN_THREAD)
        faultcount_let_go(&stream->faults);
}

/* Another thread's, as if it wrote the stream meanwhile. */
static void report_other(struct stream *stream, struct stream *other)
{
    if (!faultcount_hold(&other->faults, FAULTCOUNT_OTHER))
        return;
    if (other->faults.source == VMT_FAULTS_PERF && faultcount_changed(&other->faults)) {
        stream_begin_thread(stream, other->tid, &other->stack);
        tell(stream, &other->faults);
    }
    faultcount_let_go(&other->faults);
}

/* A handler that jumps out of it would leave the others' faults in nobody's hands. */
void fault_report_all(struct stream *stream)
{
    uint64_t before;
    sys_block_signals(&before);
    uint32_t tid = stream->tid;
    for (uint32_t i = 0; i < thread_stream_count(); i++) {
        struct stream *other = thread_stream(i);
        if (other && other != stream && other->magic == STREAM_MAGIC && other->tid)
            report_other(stream, other);
    }
    if (stream->tid != tid)
        stream_begin_thread(stream, tid, &stream->stack);
    if (stream->faults.source == VMT_FAULTS_RUSAGE)
        faultcount_rusage_read(&stream->faults);
    fault_report(stream);
    sys_restore_signals(&before);
}
