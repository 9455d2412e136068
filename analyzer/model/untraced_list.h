/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that became programs that leave no trace, as their parent's trace tells, and whether the
 * process itself did.
 *
 * The first UNTRACED_SINGLE have entries of their own; of those after them each path and reason has
 * one, and the last of UNTRACED_MOST entries is for all that differ even more.
 */
#ifndef VMTRACE_MODEL_UNTRACED_LIST_H
#define VMTRACE_MODEL_UNTRACED_LIST_H

#include "base/arena.h"
#include "base/hash_map.h"
#include "decode/event.h"
#include "model/stream_state.h"

#define UNTRACED_SINGLE ((size_t)1000)
#define UNTRACED_MOST ((size_t)2000)

struct untraced_child {
    uint32_t pid;     /* 0: not known, or several */
    uint64_t why;     /* enum vmt_unfollowed, or a later version's; 0: several */
    const char *path; /* as it was executed; NULL: several */
    uint64_t ticks;   /* of the first */
    uint64_t count;   /* 0: it did not happen */
};

/* All zero is an empty list. */
struct untraced_list {
    struct untraced_child *children;
    size_t count, capacity;
    struct hash_map alike; /* path and reason -> entry */
    uint64_t successor;    /* enum vmt_unfollowed of what took the process's own place */
};

void untraced_list_release(struct untraced_list *list);

/* Takes in an UNFOLLOWED of the process `pid`.  False when out of memory. */
bool untraced_list_apply(struct untraced_list *list, struct arena *arena,
                         struct stream_state *stream, uint32_t pid, const struct event *event);

#endif
