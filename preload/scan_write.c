/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_write.h"

#include "clock.h"
#include "own_memory.h"
#include "process_files.h"
#include "scan_tasks.h"
#include "sys.h"
#include "text.h"
#include "thread_registers.h"
#include "thread_state.h"
#include "thread_stop_parts.h"
#include "trace_open.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

enum {
    RED_ZONE = 128, /* x86-64 ABI: below the stack pointer, and still in use */
    PAUSE_TRIES = 1000,
};

/* The library's own image, which begins with the headers of its file (ld(1)). */
extern const ElfW(Ehdr) own_image __asm__("__ehdr_start") __attribute__((visibility("hidden")));

static uint64_t own_image_size(void)
{
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)((const char *)&own_image + own_image.e_phoff);
    uint64_t size = 0;
    for (unsigned i = 0; i < own_image.e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD)
            size = segments[i].p_vaddr + segments[i].p_memsz; /* the last one is the highest */
    }
    return size;
}

void scan_note_error(struct scan_work *work, int error)
{
    if (!work->error)
        work->error = error;
}

/* ---- records ---- */

static bool begin(struct scan_work *work, struct stream_record *record, uint8_t opcode,
                  size_t bytes)
{
    if (scan_words_record(&work->words, record, opcode, bytes, bytes))
        return true;
    scan_note_error(work, work->words.error);
    return false;
}

static void put_scan(struct stream_record *record, enum vmt_scan reason, uint64_t number,
                     const struct thread_stop *stop, const char *name)
{
    stream_record_number(record, number);
    stream_record_number(record, reason);
    stream_record_number(record, stop ? stop->how : VMT_STOP_NONE);
    stream_record_number(record, stop ? stop->count + 1 : 1);
    stream_record_number(record, stop ? thread_stop_count(stop) + 1 : 1);
    stream_record_string(record, name, strlen(name));
    stream_record_end(record);
}

static bool write_scan(struct scan_work *work)
{
    struct stream_record record;
    if (!begin(work, &record, VMT_OP_SCAN, 6 * VMT_VARINT_MAX + strlen(work->name)))
        return false;
    put_scan(&record, work->reason, work->number, &work->stop, work->name);
    return true;
}

static void write_end(struct scan_work *work, uint64_t pause, uint64_t duration)
{
    struct stream_record record;
    scan_words_end(&work->words);
    if (work->words.error)
        scan_note_error(work, work->words.error);
    /* In the reserve, if need be. */
    if (!stream_record_begin(&record, work->stream, VMT_OP_SCAN_END, 6 * VMT_VARINT_MAX))
        return;
    stream_record_number(&record, (uint64_t)work->error);
    stream_record_number(&record, work->words.words);
    stream_record_number(&record, work->words.pointers);
    stream_record_number(&record, work->unreadable);
    stream_record_number(&record, pause);
    stream_record_number(&record, duration);
    stream_record_end(&record);
}

static void put_failure(struct stream *stream, enum vmt_scan reason, uint64_t number,
                        const char *name, int error)
{
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_SCAN, 6 * VMT_VARINT_MAX + strlen(name)))
        return;
    put_scan(&record, reason, number, NULL, name);
    if (!stream_record_begin(&record, stream, VMT_OP_SCAN_END, 6 * VMT_VARINT_MAX))
        return;
    stream_record_number(&record, (uint64_t)error);
    for (int i = 0; i < 5; i++)
        stream_record_number(&record, 0);
    stream_record_end(&record);
}

void scan_write_failure(struct stream *stream, enum vmt_scan reason, uint64_t number,
                        const char *name, int error)
{
    stream->moment = clock_now();
    put_failure(stream, reason, number, name, error);
    stream->moment = 0;
}

/* ---- the address space ---- */

bool scan_write_region(struct scan_work *work, uint64_t start, uint64_t length, unsigned flags,
                       const struct smaps_region *file, const char *name, size_t name_length)
{
    struct stream_record record;
    if (!begin(work, &record, VMT_OP_REGION, (7 + SMAPS_SIZES) * VMT_VARINT_MAX + name_length))
        return false;
    stream_record_number(&record, start);
    stream_record_number(&record, length);
    stream_record_number(&record, flags | VMT_REGION_NO_SIZES);
    stream_record_number(&record, file ? file->offset : 0);
    stream_record_number(&record, file ? file->device : 0);
    stream_record_number(&record, file ? file->inode : 0);
    for (int i = 0; i < SMAPS_SIZES; i++)
        stream_record_number(&record, 0);
    stream_record_string(&record, name, name_length);
    stream_record_end(&record);
    return true;
}

static bool use_region(struct scan_work *work)
{
    const struct smaps_region *region = &work->parser.region;
    scan_space_add(&work->space, region);
    return scan_write_region(work, region->start, region->length, region->flags, region,
                             region->name, region->name_length);
}

static bool read_maps(struct scan_work *work)
{
    int fd = process_file_open("maps");
    if (fd < 0) {
        scan_note_error(work, -fd);
        return false;
    }
    smaps_begin(&work->parser);
    bool going = true;
    long got = 0;
    while (going && sys_time_ns(CLOCK_MONOTONIC) < work->deadline &&
           (got = sys_read(fd, work->text, sizeof(work->text))) > 0) {
        const char *at = work->text;
        while (going && smaps_next(&work->parser, &at, work->text + got))
            going = use_region(work);
    }
    if (going && smaps_end(&work->parser))
        going = use_region(work);
    sys_close(fd);
    if (got != 0)
        scan_note_error(work, got < 0 ? (int)-got : ETIMEDOUT);
    return going && got == 0;
}

static void take_out_bytes(struct scan_work *work, const void *start, size_t bytes)
{
    scan_space_take_out(&work->space, (uint64_t)start, (uint64_t)start + bytes, UINT32_MAX);
}

static bool take_out_own(void *context, const void *start, size_t bytes)
{
    struct scan_work *work = context;
    if (!start || !bytes)
        return true;
    take_out_bytes(work, start, bytes);
    return scan_write_region(work, (uint64_t)start & -UINT64_C(4096),
                             (bytes + 4095) & -(size_t)4096, VMT_REGION_READ | VMT_REGION_WRITE,
                             NULL, "[vmtrace]", 9);
}

/* What lies below a stack pointer is left over from calls that have returned. */
static void take_out_stack(struct scan_work *work, uint64_t stack_pointer, uint64_t red_zone,
                           const struct stack_bounds *bounds)
{
    struct scan_space *space = &work->space;
    uint64_t used = (stack_pointer - red_zone) & -UINT64_C(8);
    if (stack_pointer >= space->stack_low && stack_pointer < space->stack_high) {
        scan_space_take_out(space, space->stack_low, used, SCAN_SEARCH);
        return;
    }
    if (stack_bounds_hold(bounds, stack_pointer))
        scan_space_take_out(space, bounds->low, used, SCAN_SEARCH);
    if (bounds->guarded)
        scan_space_take_out(space, bounds->low, bounds->high, SCAN_TARGET);
}

/* The recorder's part of thread-local storage knows blocks, too. */
static void take_out_thread_state(struct scan_work *work, uint64_t thread_pointer)
{
    uint64_t distance = (uint64_t)&thread_state - work->asker_pointer;
    take_out_bytes(work, (const void *)(thread_pointer + distance), sizeof(thread_state));
}

static void take_out_threads(struct scan_work *work)
{
    take_out_stack(work, work->asker_stack, 0, &work->asker_bounds);
    take_out_thread_state(work, work->asker_pointer);
    for (size_t i = 0; i < work->stop.count; i++) {
        const struct stopped_thread *thread = &work->stop.threads[i];
        static struct stack_bounds_block block SYS_TABLE;
        struct stack_bounds bounds = {0};
        if (!(thread->flags & VMT_THREAD_STOPPED))
            continue;
        size_t got = scan_reader_copy(&work->reader, &block,
                                      stack_bounds_block_at(thread->thread_pointer), sizeof(block));
        if (got == sizeof(block)) {
            stack_bounds_of(&block, thread->thread_pointer, &bounds);
            take_out_thread_state(work, thread->thread_pointer);
        }
        take_out_stack(work, thread->stack_pointer, RED_ZONE, &bounds);
    }
}

static bool find_space(struct scan_work *work)
{
    scan_space_begin(&work->space, trace_open_path());
    if (!read_maps(work) || !own_memory_visit(take_out_own, work) ||
        !take_out_own(work, scan.shared, sizeof(*scan.shared)))
        return false;
    take_out_bytes(work, &own_image, own_image_size());
    take_out_bytes(work, work, sizeof(*work));
    take_out_threads(work);
    scan_space_finish(&work->space, work->deadline);
    if (work->space.error)
        scan_note_error(work, work->space.error);
    return !work->space.error;
}

/* ---- threads ---- */

static bool write_thread(struct scan_work *work, uint32_t tid, uint64_t stack_pointer,
                         uint64_t thread_pointer, unsigned flags, const uint64_t *values,
                         size_t count)
{
    struct stream_record record;
    if (!begin(work, &record, VMT_OP_SCAN_THREAD, (5 + count) * VMT_VARINT_MAX))
        return false;
    stream_record_number(&record, tid);
    stream_record_number(&record, stack_pointer);
    stream_record_number(&record, thread_pointer);
    stream_record_number(&record, flags);
    for (size_t i = 0; i < count; i++) {
        if (scan_space_may_hold(&work->space, values[i]) &&
            scan_words_is_target(&work->words, values[i]))
            stream_record_number(&record, values[i]);
    }
    stream_record_end(&record);
    return true;
}

bool scan_write_threads(struct scan_work *work)
{
    /* Other registers were saved on its stack. */
    if (!write_thread(work, work->asker, work->asker_stack, work->asker_pointer,
                      VMT_THREAD_STOPPED | VMT_THREAD_ASKED | VMT_THREAD_REGISTERS,
                      work->asker_values, work->asker_value_count))
        return false;
    for (size_t i = 0; i < work->stop.count; i++) {
        const struct stopped_thread *thread = &work->stop.threads[i];
        if (!write_thread(work, thread->tid, thread->stack_pointer, thread->thread_pointer,
                          thread->flags, work->stop.values + thread->first_value,
                          thread->value_count))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

/* In a copy, the other task stores it as soon as the threads go on. */
static uint64_t pause_of(const struct scan_work *work)
{
    for (int i = 0; work->copied && i < PAUSE_TRIES; i++) {
        uint64_t pause = __atomic_load_n(work->pause_ns, __ATOMIC_ACQUIRE);
        if (pause)
            return pause;
        thread_stop_nap(10000);
    }
    return sys_time_ns(CLOCK_MONOTONIC) - work->began_ns;
}

void scan_write(struct scan_work *work, bool frozen)
{
    struct stream *stream = work->stream;
    stream->moment = work->moment;
    work->error = 0;
    work->unreadable = work->missing;
    work->page_size = (uint64_t)getpagesize();
    work->search_ns = sys_time_ns(CLOCK_MONOTONIC);
    __atomic_store_n(&work->deadline, work->search_ns + SCAN_MOST_NS, __ATOMIC_RELEASE);
    scan_words_begin(&work->words, stream, &work->space, &work->reader);
    scan_reader_begin(&work->reader, frozen);
    bool small = scan_small_prove(work);
    if (write_scan(work)) {
        if (small)
            scan_small_write(work);
        else if (find_space(work) && scan_write_threads(work))
            scan_memory_search(work);
        uint64_t pause = pause_of(work);
        write_end(work, pause, sys_time_ns(CLOCK_MONOTONIC) - work->began_ns);
    }
    scan_reader_end(&work->reader);
    stream->moment = 0;
}
