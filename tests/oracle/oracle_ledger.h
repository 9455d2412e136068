/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random driver's own account of what it allocated, kept in static memory so
 * that the account itself is not traced.
 *
 * A slot holds a block, or nothing; whoever takes a block out of its slot owns it
 * until it is put back.  Blocks wander between threads that way.
 */
#ifndef ORACLE_LEDGER_H
#define ORACLE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORACLE_SITES = 16, ORACLE_SLOTS = 2048, ORACLE_THREADS = 17 };

/* Which release belongs to a block. */
enum oracle_family {
    FAMILY_MALLOC,
    FAMILY_NEW,
    FAMILY_NEW_ARRAY,
    FAMILY_NEW_ALIGNED,
    FAMILY_NEW_ARRAY_ALIGNED,
};

struct oracle_block {
    void *address;
    size_t size;      /* bytes asked for */
    size_t alignment; /* asked for; 0: none */
    unsigned site;    /* index of the alloc_site_NN that owns it */
    enum oracle_family family;
};

/* A random generator; one per thread.  xorshift64*, Vigna 2014. */
struct oracle_random {
    uint64_t state; /* never 0 */
};

uint64_t random_next(struct oracle_random *random);
/* 0 .. limit - 1 */
unsigned random_below(struct oracle_random *random, unsigned limit);

/* Takes the block out of slot `index`; false when the slot is empty. */
bool ledger_take(unsigned index, struct oracle_block *block);
/* Puts a block into a slot; what was in it before is handed out in *previous and true
 * returned. */
bool ledger_put(unsigned index, const struct oracle_block *block, struct oracle_block *previous);

void ledger_count_allocation(unsigned site, size_t size);
void ledger_count_failure(unsigned site);
/* When a program's own check of a block's contents failed. */
void ledger_count_damage(void);

/* Pieces of a thread's mappings, each owned by one map_site_NN. */
struct oracle_piece {
    uintptr_t begin, end;
    unsigned site;
};

enum { ORACLE_PIECES = 128 };

struct oracle_pieces {
    struct oracle_piece list[ORACLE_PIECES];
    unsigned count;
};

/* Those of thread `thread` (below ORACLE_THREADS). */
struct oracle_pieces *ledger_pieces(unsigned thread);

/* Writes the account as JSON to `path`; all other threads have ended.  Returns 0, or -1. */
int ledger_write(const char *path);

#endif
