/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that have faulted: when each did last, and who gave it away since.  16 bytes each.
 *
 * A range of up to PAGE_RANGE_LEAST pages that go back is looked up page by page.  Larger ones are
 * kept as they are, by address and without overlaps, and looked at when a page is touched; when
 * there are PAGE_RANGES of them, one walk over the table takes them in.
 */
#ifndef VMTRACE_MODEL_PAGE_HISTORY_H
#define VMTRACE_MODEL_PAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_KEPT UINT32_MAX            /* nobody gave it away */
#define PAGE_FORGOTTEN (UINT32_MAX - 1) /* what was there is elsewhere now: it never faulted */
#define PAGE_RANGES ((size_t)1024)
#define PAGE_RANGE_LEAST 4096u

struct page_entry {
    uint64_t key : 63;    /* number of the page + 1; 0: an empty place */
    uint64_t written : 1; /* its last fault was the first write after a read */
    uint32_t moment;      /* of its last fault, or of giver's doing (model/owner_index.h) */
    uint32_t giver;       /* stack of who gave it back to the kernel since, or PAGE_KEPT */
};

struct page_range {
    uint64_t first, end; /* pages */
    uint32_t moment;     /* pages that faulted up to then are given back */
    uint32_t giver;
};

/* All zero is an empty history. */
struct page_history {
    struct page_entry *places;
    size_t count;
    unsigned bits; /* 1 << bits places */
    struct page_range *ranges;
    size_t range_count, range_capacity;
};

void page_history_release(struct page_history *history);

/* Room for `count` pages in all: see block_table_reserve.  False when out of memory. */
bool page_history_reserve(struct page_history *history, size_t count);

/* The page's entry, made when it is new (*fresh); NULL when out of memory.  Good until the next
 * call. */
struct page_entry *page_history_touch(struct page_history *history, uint64_t page, bool *fresh);

/* Or NULL. */
struct page_entry *page_history_find(const struct page_history *history, uint64_t page);

/* A page of before the fork that faulted, and whose giver is `giver`.  False when out of memory. */
bool page_history_inherit(struct page_history *history, uint64_t page, uint32_t giver);

/* All entries that were not forgotten, in no order: *position starts at 0; NULL at the end. */
const struct page_entry *page_history_next(const struct page_history *history, size_t *position);

/* The pages [first, end) that faulted up to `moment`, which is now and passes with the call, go
 * back to the kernel; with PAGE_FORGOTTEN they move away.  False when out of memory. */
bool page_history_give_back(struct page_history *history, uint64_t first, uint64_t end,
                            uint32_t giver, uint32_t moment);

#endif
