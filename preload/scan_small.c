/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_small.h"

#include "lsan.h"
#include "scan_write.h"
#include "settings.h"
#include "stack_bounds.h"
#include "sys.h"
#include "thread_state.h"
#include "trace_file.h"

#include <link.h>
#include <string.h>

/* ld.so's; where argc lies. */
extern void *__libc_stack_end __attribute__((weak));

/* ---- the blocks ---- */

static bool find_blocks(struct scan_work *work)
{
    const struct stream *stream = work->stream;
    const struct trace_region *region = &stream->region;
    if (work->reason != VMT_SCAN_EXIT || work->stop.how != VMT_STOP_ALONE ||
        !scan_reader_in_place(&work->reader) || thread_stream_count() != 1 ||
        stream->sequence != 1 || !region->base || region->offset != 0 || stream->lost ||
        settings.sample || trace_header->parent_trace_id || lsan_has_options())
        return false;
    const uint8_t *records = region->base + VMT_HEADER_SIZE + VMT_CHUNK_HEADER_SIZE;
    return live_blocks_read(&work->small.live, records, stream->cursor);
}

/* ---- the places ---- */

static uint64_t page_start(uint64_t address)
{
    return address & -(uint64_t)SCAN_SMALL_PAGE;
}

static uint64_t page_end(uint64_t address)
{
    return page_start(address + SCAN_SMALL_PAGE - 1);
}

/* [start, end) in order.  False: there are too many. */
static bool add_range(struct scan_small *small, uint64_t start, uint64_t end, const char *name)
{
    size_t at = small->range_count;
    if (start >= end)
        return true;
    if (at == SCAN_SMALL_RANGES)
        return false;
    for (; at > 0 && small->ranges[at - 1].start > start; at--)
        small->ranges[at] = small->ranges[at - 1];
    small->ranges[at] = (struct scan_small_range){start, end, name, 0};
    small->range_count++;
    return true;
}

/* What the loader protects when it has relocated the module holds no pointers to blocks. */
static uint64_t relocated_end(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_GNU_RELRO)
            return page_start(info->dlpi_addr + segment->p_vaddr + segment->p_memsz);
    }
    return 0;
}

static bool is_own(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (uint64_t)&is_own - start < segment->p_memsz)
            return true;
    }
    return false;
}

/* A module's variables, and those of this thread.  Not 0: there are too many of them. */
static int add_module(struct dl_phdr_info *info, size_t size, void *context)
{
    struct scan_small *small = context;
    uint64_t relocated = relocated_end(info);
    bool has_tls = size >= offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(void *);
    if (is_own(info))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
        if (segment->p_type == PT_TLS && has_tls && info->dlpi_tls_data) {
            start = (uint64_t)info->dlpi_tls_data;
            if (!add_range(small, start, start + segment->p_memsz, ""))
                return 1;
        } else if (segment->p_type == PT_LOAD && segment->p_flags & PF_W) {
            if (!add_range(small, relocated > start ? relocated : start, end, ""))
                return 1;
        }
    }
    return 0;
}

/* Behind argc lie the addresses of the arguments and those of the environment's strings, which
 * putenv(3) replaces, each list with a NULL at its end. */
static uint64_t environment_end(uint64_t argc)
{
    enum { MOST_WORDS = 65536 };
    uint64_t word = argc + sizeof(uint64_t);
    unsigned ends = 0;
    for (unsigned i = 0; i < MOST_WORDS && ends < 2; i++, word += sizeof(uint64_t)) {
        if (word % SCAN_SMALL_PAGE == 0 && !sys_can_read(word))
            break;
        ends += *(const uint64_t *)word == 0;
    }
    return word;
}

/* From the frame that ends the process on. */
static bool add_stack(struct scan_work *work)
{
    const struct stack_bounds *bounds = &work->asker_bounds;
    if (!&__libc_stack_end || bounds->high != (uint64_t)__libc_stack_end ||
        !stack_bounds_hold(bounds, work->asker_stack))
        return false;
    return add_range(&work->small, work->asker_stack, environment_end(bounds->high), "[stack]");
}

static bool add_heap(struct scan_small *small)
{
    const struct live_blocks *live = &small->live;
    if (live->count == 0)
        return true;
    const struct live_block *last = &live->blocks[live->count - 1];
    uint64_t end = last->start + (last->size ? last->size : 1);
    return add_range(small, live->blocks[0].start, end, "[heap]");
}

/* Sets which of `count` pages may be read.  Those that were never touched, or are swapped out, are
 * left as they are, but for one or two, which are likely to be there: to ask costs as much.  Of a
 * stack and of thread-local storage, too, the program may have made a page unreadable. */
static bool look_at_pages(uint64_t start, size_t count, uint8_t *there)
{
    if (count <= 2)
        memset(there, 1, count);
    else if (sys_call(SYS_mincore, (long)start, (long)(count * SCAN_SMALL_PAGE), (long)there, 0, 0,
                      0) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        there[i] = (there[i] & 1) && sys_can_read(start + i * SCAN_SMALL_PAGE);
    return true;
}

static bool find_pages(struct scan_small *small)
{
    for (size_t i = 0; i < small->range_count; i++) {
        struct scan_small_range *range = &small->ranges[i];
        uint64_t start = page_start(range->start), end = page_end(range->end);
        size_t count = (end - start) / SCAN_SMALL_PAGE;
        if ((i > 0 && range[-1].end > range->start) || end <= start ||
            count > SCAN_SMALL_PAGES - small->page_count ||
            !look_at_pages(start, count, small->there + small->page_count))
            return false;
        range->pages = (unsigned)small->page_count;
        small->page_count += count;
    }
    return true;
}

/* glibc's struct pthread, where values of pthread_setspecific lie. */
static bool add_thread(struct scan_work *work)
{
    uint64_t start = stack_bounds_block_at(work->asker_pointer);
    return add_range(&work->small, start, start + sizeof(struct stack_bounds_block), "");
}

static bool find_places(struct scan_work *work)
{
    struct scan_small *small = &work->small;
    small->range_count = small->page_count = 0;
    return work->page_size == SCAN_SMALL_PAGE && dl_iterate_phdr(add_module, small) == 0 &&
           add_thread(work) && add_stack(work) && add_heap(small) && find_pages(small);
}

/* ---- the way to the blocks ---- */

typedef bool word_visitor(struct scan_work *work, const uint64_t *words, size_t count);

/* Visits what may be read of [start, end), a part of the range. */
static bool visit(struct scan_work *work, const struct scan_small_range *range, uint64_t start,
                  uint64_t end, word_visitor *visitor)
{
    const uint8_t *there = work->small.there + range->pages;
    start = (start + 7) & -UINT64_C(8);
    end &= -UINT64_C(8);
    while (start < end) {
        uint64_t stop = page_start(start) + SCAN_SMALL_PAGE;
        size_t page = (page_start(start) - page_start(range->start)) / SCAN_SMALL_PAGE;
        stop = stop < end ? stop : end;
        if (there[page] && !visitor(work, (const uint64_t *)start, (stop - start) / 8))
            return false;
        start = stop;
    }
    return true;
}

static void reach(struct scan_small *small, uint64_t word)
{
    long block = live_blocks_find(&small->live, word);
    if (block < 0 || small->found[block])
        return;
    small->found[block] = true;
    small->order[small->reached++] = (uint8_t)block;
}

static bool reach_from(struct scan_work *work, const uint64_t *words, size_t count)
{
    struct scan_small *small = &work->small;
    const struct live_block *blocks = small->live.blocks;
    uint64_t low = blocks[0].start, span = blocks[small->live.count - 1].start - low;
    for (size_t i = 0; i < count; i++) {
        if (words[i] - low <= span)
            reach(small, words[i]);
    }
    return true;
}

/* NULL: no block lives. */
static const struct scan_small_range *heap_of(const struct scan_small *small)
{
    for (size_t i = 0; small->live.count > 0 && i < small->range_count; i++) {
        if (small->ranges[i].start == small->live.blocks[0].start)
            return &small->ranges[i];
    }
    return NULL;
}

static bool all_reached(struct scan_work *work)
{
    struct scan_small *small = &work->small;
    const struct scan_small_range *heap = heap_of(small);
    small->reached = small->visited = 0;
    memset(small->found, 0, sizeof(small->found));
    if (!heap)
        return true;
    reach_from(work, work->asker_values, work->asker_value_count);
    for (size_t i = 0; i < small->range_count; i++) {
        const struct scan_small_range *range = &small->ranges[i];
        if (range != heap)
            visit(work, range, range->start, range->end, reach_from);
    }
    while (small->visited < small->reached) {
        const struct live_block *block = &small->live.blocks[small->order[small->visited++]];
        visit(work, heap, block->start, block->start + block->size, reach_from);
    }
    return small->reached == small->live.count;
}

bool scan_small_prove(struct scan_work *work)
{
    return find_blocks(work) && find_places(work) && all_reached(work);
}

/* ---- records ---- */

static bool write_words(struct scan_work *work, const uint64_t *words, size_t count)
{
    return scan_words_search(&work->words, words, count, (uint64_t)words, 0);
}

static bool write_heap(struct scan_work *work, const struct scan_small_range *heap)
{
    const struct live_blocks *live = &work->small.live;
    for (size_t i = 0; i < live->count; i++) {
        const struct live_block *block = &live->blocks[i];
        if (!visit(work, heap, block->start, block->start + block->size, write_words))
            return false;
    }
    return true;
}

static bool write_regions(struct scan_work *work)
{
    const struct scan_small *small = &work->small;
    uint64_t end = 0;
    for (size_t i = 0; i < small->range_count; i++) {
        const struct scan_small_range *range = &small->ranges[i];
        uint64_t start = page_start(range->start) > end ? page_start(range->start) : end;
        end = page_end(range->end);
        if (start < end &&
            !scan_write_region(work, start, end - start, VMT_REGION_READ | VMT_REGION_WRITE, NULL,
                               range->name, strlen(range->name)))
            return false;
    }
    return true;
}

void scan_small_write(struct scan_work *work)
{
    const struct scan_small *small = &work->small;
    const struct scan_small_range *heap = heap_of(small);
    scan_space_only(&work->space, heap ? heap->start : 0, heap ? heap->end : 0);
    if (heap)
        work->words.target = work->space.ranges[0];
    bool going = write_regions(work) && scan_write_threads(work);
    for (size_t i = 0; going && heap && i < small->range_count; i++) {
        const struct scan_small_range *range = &small->ranges[i];
        going = range == heap ? write_heap(work, heap)
                              : visit(work, range, range->start, range->end, write_words);
    }
}
