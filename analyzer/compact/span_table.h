/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans: pieces of the traced heap, found by their first address, each in at most one list.
 *
 * A live block is a span, and so is a free piece that the allocator is thought to hold.  Lists are
 * rings through a head, which is a span without an address.  Spans are numbered, because the
 * numbers are half as large as pointers and stay valid when the table grows.
 *
 * Nothing here fails but span_table_reserve: it makes room for what the next record may need.
 */
#ifndef VMTRACE_COMPACT_SPAN_TABLE_H
#define VMTRACE_COMPACT_SPAN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPAN_NONE 0u

enum span_state {
    SPAN_HEAD,   /* of a list; it has no address */
    SPAN_LIVE,   /* a block; in its cohort's list, if it has a cohort */
    SPAN_MOVING, /* a block between REALLOC_BEGIN and what became of it */
    SPAN_CACHED, /* free, and only for requests of its own size: tcache and fast bins */
    SPAN_BINNED, /* free, and merged with free neighbours */
};

struct span {
    uint64_t address;    /* that the program sees, also of free spans */
    uint64_t size;       /* with the allocator's own overhead: the next span begins behind it */
    uint64_t before;     /* size of the span before, if that is SPAN_BINNED; else 0 */
    uint32_t next, prev; /* in its list; SPAN_NONE: in none */
    uint32_t smaller, larger; /* in large bins, of the first span of each size: those of others */
    uint32_t cohort;          /* of a block; COHORT_NONE: not known */
    uint8_t state;            /* enum span_state */
    bool mapped;              /* a mapping of its own */
    bool doubted;             /* was expected to be handed out next, and was not */
};

/* All zero is an empty table. */
struct span_table {
    struct span *spans; /* [0] is not used */
    uint32_t count;     /* of spans[], the unused ones too */
    uint32_t unused;    /* list of them, by `next` */
    size_t capacity;
    uint64_t *places; /* hash table, linear probing: low half of address / 16, number; 0: empty */
    uint32_t used;    /* of them */
    unsigned bits;    /* 1 << bits places */
};

void span_table_release(struct span_table *table);

/* Makes room for `count` more spans; false when out of memory (or of numbers).  Pointers to
 * spans are valid until the next call. */
bool span_table_reserve(struct span_table *table, uint32_t count);

/* Heads of `count` new, empty lists: the first one's number; the others follow.  They stay. */
uint32_t span_lists_new(struct span_table *table, uint32_t count);

/* A new span of state SPAN_LIVE at an address (not 0) where there is none. */
uint32_t span_new(struct span_table *table, uint64_t address, uint64_t size);

/* Forgets a span that is in no list. */
void span_drop(struct span_table *table, uint32_t number);

/* The span at `address`, or SPAN_NONE. */
uint32_t span_find(const struct span_table *table, uint64_t address);

static inline struct span *span_at(const struct span_table *table, uint32_t number)
{
    return &table->spans[number];
}

static inline uint32_t span_first(const struct span_table *table, uint32_t head)
{
    return table->spans[head].next;
}

static inline uint32_t span_last(const struct span_table *table, uint32_t head)
{
    return table->spans[head].prev;
}

static inline bool span_list_empty(const struct span_table *table, uint32_t head)
{
    return table->spans[head].next == head;
}

/* Puts a span that is in no list before `where`, a span of a list or its head. */
static inline void span_insert(struct span_table *table, uint32_t number, uint32_t where)
{
    struct span *spans = table->spans;
    uint32_t before = spans[where].prev;
    spans[number].next = where;
    spans[number].prev = before;
    spans[before].next = spans[where].prev = number;
}

/* Takes a span out of the list that it is in, if any. */
static inline void span_unlink(struct span_table *table, uint32_t number)
{
    struct span *spans = table->spans, *span = &spans[number];
    if (span->next == SPAN_NONE)
        return;
    spans[span->prev].next = span->next;
    spans[span->next].prev = span->prev;
    span->next = span->prev = SPAN_NONE;
}

#endif
