/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that have faulted: when each did last, and who gave it away since.  16 bytes each. */
#ifndef VMTRACE_MODEL_PAGE_HISTORY_H
#define VMTRACE_MODEL_PAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_KEPT UINT32_MAX /* nobody gave it away */

struct page_entry {
    uint64_t key;    /* number of the page + 1; 0: an empty place */
    uint32_t moment; /* of its last fault (model/owner_index.h) */
    uint32_t giver;  /* stack of who gave it back to the kernel since, or PAGE_KEPT */
};

/* All zero is an empty history. */
struct page_history {
    struct page_entry *places;
    size_t count;
    unsigned bits; /* 1 << bits places */
};

void page_history_release(struct page_history *history);

/* The page's entry, made when it is new (*fresh); NULL when out of memory.  Good until the next
 * call. */
struct page_entry *page_history_touch(struct page_history *history, uint64_t page, bool *fresh);

/* Or NULL. */
struct page_entry *page_history_find(const struct page_history *history, uint64_t page);

/* The pages [first, end) go back to the kernel. */
void page_history_give_back(struct page_history *history, uint64_t first, uint64_t end,
                            uint32_t giver);

#endif
