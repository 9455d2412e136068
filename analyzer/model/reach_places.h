/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pointers outside of live blocks keep blocks alive, by where they stand.
 *
 * Roots are the variables of modules, the stacks and thread-local storage of threads that live,
 * the program's mappings, and all memory that has no known owner.  No roots are the allocator's
 * own memory and the stacks that libc keeps of threads that have ended: both are full of pointers
 * that nobody will follow.  In doubt a place is a root: a leak may then be missed, but nothing is
 * called one that is not.
 */
#ifndef VMTRACE_MODEL_REACH_PLACES_H
#define VMTRACE_MODEL_REACH_PLACES_H

#include "model/block_order.h"
#include "model/reach_graph.h"
#include "model/residency_model.h"

#define REACH_NO_ROOT REACH_ROOT_KINDS
/* Data of glibc, where malloc's main arena is: roots of kind DATA, but for addresses of chunks. */
#define REACH_LIBC_DATA (REACH_ROOT_KINDS + 1)

struct reach_thread {
    uint32_t tid;
    uint32_t flags; /* VMT_THREAD_* */
    uint64_t stack_pointer, thread_pointer;
};

struct reach_place {
    uint64_t start, end;
    uint32_t tid;  /* of STACK and TLS; 0: not known */
    uint32_t kind; /* enum reach_root_kind, REACH_NO_ROOT or REACH_LIBC_DATA */
};

/* By address; they do not overlap.  What lies in none of them is a root of kind OTHER. */
struct reach_places {
    struct reach_place *places;
    size_t count, capacity;
};

/* What is known of the moment of a scan. */
struct reach_moment {
    const struct residency_model *residency;
    const struct residency_capture *capture; /* sorted */
    const struct block_order *order;
    const struct reach_thread *threads; /* by tid */
    size_t thread_count;
    bool all_threads; /* these are all that lived */
    bool all_blocks;  /* no block lived that is not in `order` */
};

/* False when out of memory. */
bool reach_places_init(struct reach_places *places, const struct reach_moment *moment);
void reach_places_release(struct reach_places *places);

/* Whether a thread of that number lived then. */
bool reach_moment_lives(const struct reach_moment *moment, uint32_t tid);

#endif
