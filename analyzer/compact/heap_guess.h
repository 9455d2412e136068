/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which address an allocator will hand out next.
 *
 * An allocator is a function of the calls that it has seen, so a reader that sees the same calls
 * can work the addresses out, and a compact trace need not hold them.  This is a model of glibc's
 * malloc (heap_glibc.h).  An address that it guesses wrong is in the trace, so the model may be
 * wrong: the file is only larger.  When it is wrong most of the time, the allocator is another one,
 * and a simpler model takes over (heap_plain.h).
 *
 * Writer and reader must come to the same guesses: whatever changes a guess is a new version of
 * the compact form.
 */
#ifndef VMTRACE_COMPACT_HEAP_GUESS_H
#define VMTRACE_COMPACT_HEAP_GUESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "compact/cohort_table.h"
#include "compact/span_table.h"

#define HEAP_CACHES 64
#define HEAP_MAX_ARENAS 1024
/* Spans that one record may add. */
#define HEAP_SPANS 400

/* What an arena is to glibc. */
struct heap_arena {
    uint32_t lists;          /* number of the first of GLIBC_LISTS list heads */
    uint64_t last_remainder; /* address */
    uint64_t top, top_size;  /* untouched memory: the address of a block carved from it */
    uint64_t touched;        /* number of the last page that the top has begun on */
    uint64_t marks[2];       /* bins that may hold something */
    uint32_t user;           /* the lane whose thread began here last */
    bool has_fast;
};

/* One stream's part. */
struct heap_lane {
    uint32_t caches; /* number of the first of HEAP_CACHES list heads; SPAN_NONE: none yet */
    uint32_t moving; /* block of its last REALLOC_BEGIN, or SPAN_NONE */
    uint64_t own;    /* address of glibc's own block for the thread's cache, or 0 */
    uint16_t arena;  /* that its requests go to */
    bool begun;      /* its thread has an arena and a cache */
    uint8_t cached[HEAP_CACHES];  /* lengths of those lists, in the model of glibc */
    uint64_t carved[HEAP_CACHES]; /* in the other: the last new address of each class */
};

struct heap_guess {
    struct span_table spans;
    struct cohort_table cohorts;
    struct heap_lane *lanes;
    size_t lane_count;
    struct heap_arena *arenas; /* [0]: glibc's main arena, by brk */
    size_t arena_count, arena_capacity;
    struct hash_map heaps; /* number of a 64 MiB piece of the address space -> arena */
    uint64_t page_size;
    uint64_t mmap_threshold;
    int calloc_votes;         /* > 0: calloc takes from the thread's cache (glibc 2.41) */
    uint32_t guesses, misses; /* since the last judgement */
    bool plain;               /* not glibc's */
    bool fresh; /* the last block was carved where memory had never been touched: a page fault */
};

struct heap_request {
    uint64_t size;
    uint8_t kind, alignment_log2;
    uint32_t moving; /* the block that is reallocated, SPAN_LIVE and in no cohort; or SPAN_NONE */
};

struct heap_answer {
    uint64_t address; /* 0: no guess */
    uint64_t cached;  /* a calloc: what the thread's cache would have given, or 0 */
    uint32_t span;    /* made for it, SPAN_LIVE and in no cohort; SPAN_NONE: none yet */
    bool mapped;      /* it may be a mapping of its own */
};

/* For `lanes` streams.  `indexed`: cohorts can be searched.  False when out of memory. */
bool heap_guess_init(struct heap_guess *heap, size_t lanes, uint64_t page_size, bool indexed);
void heap_guess_release(struct heap_guess *heap);

/* Makes room for one record of this lane.  False when out of memory. */
bool heap_guess_reserve(struct heap_guess *heap, struct heap_lane *lane);

/* Does the allocation; where the block really is must be told next. */
struct heap_answer heap_guess_expect(struct heap_guess *heap, struct heap_lane *lane,
                                     const struct heap_request *request);

/* The block is at `address`, not 0: its span, SPAN_LIVE and in no cohort; SPAN_NONE when out of
 * memory. */
uint32_t heap_guess_settle(struct heap_guess *heap, struct heap_lane *lane,
                           const struct heap_request *request, struct heap_answer answer,
                           uint64_t address);

/* A live block was released: it leaves its cohort. */
void heap_guess_free(struct heap_guess *heap, struct heap_lane *lane, uint32_t block);

/* The lane's thread has ended. */
void heap_guess_thread_end(struct heap_guess *heap, struct heap_lane *lane);

/* ---- for the models ---- */

/* A new span, SPAN_LIVE; what was thought to be at its address is forgotten. */
uint32_t heap_span_new(struct heap_guess *heap, uint64_t address, uint64_t size);

/* The span of a block that is known to be at `address`, or SPAN_NONE: no guess may overrule it. */
uint32_t heap_span_certain(const struct heap_guess *heap, uint64_t address);

/* Takes a span, whatever it is, out of its list; it is SPAN_LIVE then. */
void heap_span_detach(struct heap_guess *heap, uint32_t number);

#endif
