/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events need a time stamp.
 *
 * Between threads only the order of events on one address matters, and most memory stays with one
 * thread.  So each page of addresses has a word that names the stream whose event on it came last:
 * as long as that stream goes on, its own order is order enough.  Another stream's event takes the
 * word over and is stamped; what several streams keep taking from each other becomes SHARED, where
 * every event is stamped.  A stamp costs 25 ns or more, a look at the word 1.
 *
 * Why this is right.  An event's time is its stamp, or the last one of its stream.  Invariant: that
 * time was read before the event's own look at its word, which found the own stream (or SHARED).
 * Suppose an event e of stream S comes before an event f of stream T on the same address.  The word
 * that f found was written after the one that e found, hence after e's time was read, and T
 * read its own time after that write: f's time is later.  If it was SHARED both times, both have
 * stamps that were taken while the address was theirs.
 *
 * Pages of different addresses may share a word: that only costs stamps.
 */
#ifndef VMTRACE_HANDOVER_H
#define VMTRACE_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HANDOVER_PAGE_SHIFT = 12,
    HANDOVER_WORDS =
        1 << 20, /* 4 GiB of addresses without a collision; touched as the heap grows */
};

/* Stream id + 1; 0: nobody yet; HANDOVER_SHARED. */
extern uint32_t handover_last[HANDOVER_WORDS] __attribute__((visibility("hidden")));

#define HANDOVER_SHARED UINT32_MAX

/* The upper bits keep apart the arenas of many threads, which lie at multiples of 64 MiB. */
static inline uint32_t handover_place(uint64_t address)
{
    return (uint32_t)(address >> HANDOVER_PAGE_SHIFT ^ address >> 27) & (HANDOVER_WORDS - 1);
}

/* Did the last event on the page of `address` come from `self`? */
static inline bool handover_is_own(uint64_t address, uint32_t self)
{
    return __atomic_load_n(&handover_last[handover_place(address)], __ATOMIC_ACQUIRE) == self;
}

/* Takes a page that no stream has had an event on: there is none that this one must come after, and
 * its time, too, was read before the look at the word. */
static inline bool handover_is_first(uint64_t address, uint32_t self)
{
    uint32_t nobody = 0;
    return __atomic_compare_exchange_n(&handover_last[handover_place(address)], &nobody, self,
                                       false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

/* Has no stream had an event on the page?  Then none has had a block there, either. */
static inline bool handover_is_nobodys(uint64_t address)
{
    return __atomic_load_n(&handover_last[handover_place(address)], __ATOMIC_RELAXED) == 0;
}

/* Makes it so, or finds the page to be shared, and returns the time of the event. */
uint64_t handover_take(uint64_t address, uint32_t self);

#endif
