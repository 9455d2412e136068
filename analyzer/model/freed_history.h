/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest FREED_HISTORY_SIZE released blocks, to recognise a second release.
 *
 * A ring, with chains by hashed address so that a look-up is cheap also in programs that
 * release many unknown blocks (forked children do).
 */
#ifndef VMTRACE_MODEL_FREED_HISTORY_H
#define VMTRACE_MODEL_FREED_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FREED_HISTORY_SIZE (UINT32_C(1) << 18)

struct freed_block {
    uint64_t address, size;
    uint64_t ticks;    /* of the release */
    uint64_t serial;   /* of the release, from 1 */
    uint64_t previous; /* serial of the next older release in the hash chain; 0: none */
    uint32_t site;     /* of the allocation */
    uint32_t node;     /* stack of the release, or STACK_NONE */
};

/* All zero is an empty history. */
struct freed_history {
    struct freed_block *ring; /* serial s stands at s % (1 << bits) */
    uint64_t *heads;          /* 1 << bits hash chains: serial of the newest */
    unsigned bits;            /* grows with the releases up to FREED_HISTORY_SIZE */
    uint64_t serial;          /* of the newest; 0: none yet */
};

void freed_history_release(struct freed_history *history);

/* Adds a release; `serial` and `previous` are set here.  False when out of memory. */
bool freed_history_push(struct freed_history *history, const struct freed_block *block);

/* The newest release of the block that began at `address`, or NULL. */
const struct freed_block *freed_history_find(const struct freed_history *history, uint64_t address);

/* All releases, the newest first: *position starts at 0; NULL at the end. */
const struct freed_block *freed_history_next(const struct freed_history *history, size_t *position);

#endif
