/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_space.h"

#include "sys.h"
#include "vmtrace/trace_format.h"

#include <errno.h>
#include <string.h>

enum { MANY_PARTS = 64 }; /* that may take long: each mapping is compared with all that overlap */

/* What is not searched is left out of the walk through the page tables from this size on: a page of
 * it costs 50 ns there, another call 1 us. */
#define LARGE (UINT64_C(256) << 10)

static bool has_prefix(const struct smaps_region *region, const char *prefix)
{
    size_t length = strlen(prefix);
    return region->name_length >= length && memcmp(region->name, prefix, length) == 0;
}

static bool is_named(const struct smaps_region *region, const char *name)
{
    return region->name_length == strlen(name) && has_prefix(region, name);
}

/* Reading some of these has effects, none holds pointers of the program's. */
static bool is_device(const struct smaps_region *region)
{
    return has_prefix(region, "anon_inode:") || has_prefix(region, "/anon_inode:") ||
           has_prefix(region, "/dmabuf:") || has_prefix(region, "[vvar") ||
           has_prefix(region, "[vdso]") || has_prefix(region, "[vsyscall]") ||
           has_prefix(region, "[uprobes]") ||
           (has_prefix(region, "/dev/") && !has_prefix(region, "/dev/zero") &&
            !has_prefix(region, "/dev/shm/"));
}

/* Whether it is a mapping of the trace, which may be in two folders (trace_open.h), and its files
 * deleted. */
static bool is_trace(const struct scan_space *space, const struct smaps_region *region)
{
    const char *slash = memrchr(region->name, '/', region->name_length);
    if (!slash || !(region->flags & VMT_REGION_SHARED))
        return false;
    size_t before = (size_t)(slash + 1 - region->name), length = strlen(space->trace_name);
    return region->name_length - before >= length &&
           memcmp(slash + 1, space->trace_name, length) == 0;
}

/* Of no file; huge pages asked for explicitly come from one that nobody sees. */
static bool is_anonymous(const struct smaps_region *region)
{
    return region->inode == 0 || has_prefix(region, "/anon_hugepage");
}

/* Machine code as it is in its file: the loader may have changed it, the program has not. */
static bool is_text(const struct smaps_region *region)
{
    return (region->flags & VMT_REGION_EXECUTE) && !is_anonymous(region);
}

static uint32_t flags_of(const struct scan_space *space, const struct smaps_region *region)
{
    unsigned flags = region->flags;
    bool shared = flags & VMT_REGION_SHARED, anonymous = is_anonymous(region);
    if (is_device(region) || is_trace(space, region))
        return 0;
    if (is_named(region, "[stack]"))
        return SCAN_SEARCH | SCAN_STACK;
    bool written = (flags & VMT_REGION_WRITE) || (!shared && !is_text(region));
    uint32_t found = !shared && anonymous ? SCAN_TARGET : 0;
    if ((flags & VMT_REGION_READ) && written)
        found |= SCAN_SEARCH;
    if (shared)
        found |= SCAN_SHARED;
    if (flags & VMT_REGION_EXECUTE)
        found |= SCAN_CODE;
    else if (!anonymous && !shared && (flags & VMT_REGION_READ) && !(flags & VMT_REGION_WRITE))
        found |= SCAN_CONSTANT;
    return found;
}

/* Appends to the last list, of which `count` ranges begin at `first`. */
static void append(struct scan_space *space, struct scan_range *first, size_t *count,
                   struct scan_range range)
{
    struct scan_range *last = first + *count;
    if (!range.flags || range.start >= range.end)
        return;
    if (*count && last[-1].end == range.start && last[-1].flags == range.flags)
        last[-1].end = range.end;
    else if (last == space->lists + SCAN_MOST_RANGES)
        space->error = E2BIG;
    else
        first[(*count)++] = range;
}

void scan_space_begin(struct scan_space *space, const char *trace_path)
{
    const char *slash = strrchr(trace_path, '/');
    space->trace_name = slash ? slash + 1 : trace_path;
    space->mapping_count = space->part_count = space->count = 0;
    space->parts = NULL;
    space->error = 0;
    space->stack_low = space->stack_high = 0;
}

void scan_space_add(struct scan_space *space, const struct smaps_region *region)
{
    uint64_t end = region->start + region->length;
    uint32_t flags = flags_of(space, region);
    if (!flags && region->length >= LARGE)
        flags = SCAN_BARRIER;
    if (flags & SCAN_STACK) {
        space->stack_low = region->start;
        space->stack_high = end;
    }
    append(space, space->lists, &space->mapping_count,
           (struct scan_range){region->start, end, flags});
}

void scan_space_take_out(struct scan_space *space, uint64_t start, uint64_t end, uint32_t flags)
{
    if (!space->parts)
        space->parts = space->lists + space->mapping_count;
    if (start >= end)
        return;
    if (space->parts + space->part_count == space->lists + SCAN_MOST_RANGES)
        space->error = E2BIG;
    else
        space->parts[space->part_count++] = (struct scan_range){start, end, flags};
}

/* Shell sort, by start: no memory, no recursion. */
static void sort_parts(struct scan_space *space)
{
    struct scan_range *parts = space->parts;
    size_t gap = 1;
    while (gap < space->part_count / 3)
        gap = 3 * gap + 1;
    for (; gap; gap /= 3) {
        for (size_t i = gap; i < space->part_count; i++) {
            struct scan_range one = parts[i];
            size_t at = i;
            for (; at >= gap && parts[at - gap].start > one.start; at -= gap)
                parts[at] = parts[at - gap];
            parts[at] = one;
        }
    }
}

/* Parts may overlap: each piece between two of their borders has the flags of the range less those
 * of all parts that cover it. */
static void cut_range(struct scan_space *space, const struct scan_range *range, size_t first)
{
    uint64_t at = range->start;
    while (at < range->end) {
        uint64_t border = range->end;
        uint32_t flags = range->flags;
        while (first < space->part_count && space->parts[first].end <= at)
            first++;
        for (size_t i = first; i < space->part_count && space->parts[i].start < border; i++) {
            const struct scan_range *part = &space->parts[i];
            if (part->end <= at)
                continue;
            if (part->start > at) {
                border = part->start;
            } else {
                flags &= ~part->flags;
                border = part->end < border ? part->end : border;
            }
        }
        if (border - at >= LARGE && (flags & (SCAN_SEARCH | SCAN_SHARED)) != SCAN_SEARCH)
            flags |= SCAN_BARRIER;
        append(space, space->ranges, &space->count, (struct scan_range){at, border, flags});
        at = border;
    }
}

static void find_bounds(struct scan_space *space)
{
    space->low = UINT64_MAX;
    space->high = 0;
    for (size_t i = 0; i < space->count; i++) {
        const struct scan_range *range = &space->ranges[i];
        if (!(range->flags & (SCAN_TARGET | SCAN_CONSTANT)))
            continue;
        space->low = range->start < space->low ? range->start : space->low;
        space->high = range->end;
    }
    if (!space->high)
        space->low = 0;
}

void scan_space_finish(struct scan_space *space, uint64_t deadline)
{
    if (!space->parts)
        space->parts = space->lists + space->mapping_count;
    space->ranges = space->parts + space->part_count;
    sort_parts(space);
    size_t first = 0;
    for (size_t i = 0; i < space->mapping_count; i++) {
        const struct scan_range *mapping = &space->lists[i];
        while (first < space->part_count && space->parts[first].end <= mapping->start)
            first++;
        cut_range(space, mapping, first);
        if (space->part_count > MANY_PARTS && sys_time_ns(CLOCK_MONOTONIC) > deadline) {
            space->error = ETIMEDOUT;
            return;
        }
    }
    find_bounds(space);
}

void scan_space_only(struct scan_space *space, uint64_t start, uint64_t end)
{
    scan_space_begin(space, "");
    space->ranges = space->lists;
    append(space, space->ranges, &space->count, (struct scan_range){start, end, SCAN_TARGET});
    find_bounds(space);
}

const struct scan_range *scan_space_find(const struct scan_space *space, uint64_t address)
{
    size_t low = 0, high = space->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < space->count && space->ranges[low].start <= address ? &space->ranges[low] : NULL;
}
