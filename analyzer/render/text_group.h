/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call stacks that part only further out, put together: one line of source that leaks is one
 * finding, by however many ways the program came there.
 *
 * Two stacks are of one group when the program's own frame and the frame that it called are
 * the same (function, file and line; the address where those are not known).
 *
 * Invariants: groups are sorted by rank, then falling total; the members of group g are
 * order[groups[g].first .. first + count), largest first, and sum to groups[g].total.
 */
#ifndef VMTRACE_TEXT_GROUP_H
#define VMTRACE_TEXT_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query/report.h"

struct text_group_item {
    const struct report_stack *stack;
    const char *kind; /* items of different kinds, pools or ranks are never put together; NULL:
                         what the program's own frame called does not matter either */
    const char *pool; /* or NULL */
    unsigned rank;
    uint64_t value;
};

struct text_group {
    size_t first, count; /* in text_groups.order */
    uint64_t total;
    unsigned rank;
};

struct text_groups {
    size_t *order; /* indices of items */
    struct text_group *groups;
    size_t count;
};

/* With `apart` each item is a group of its own.  False when out of memory. */
bool text_groups_init(struct text_groups *groups, const struct text_group_item *items, size_t count,
                      bool apart);
void text_groups_release(struct text_groups *groups);

struct text;

/* Below the stack of the first of a group's members: the larger ones of the other ways by which the
 * program came there. */
void text_other_ways(struct text *text, const struct text_group_item *items, const size_t *members,
                     const struct text_group *group);

#endif
