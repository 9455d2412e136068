/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of all program counters met so far, for the whole process: a hash table of single
 * 64-bit words, read and written with relaxed atomics and no lock.
 *
 * Nearly every row fits into the word next to its key, so a look-up is one load (the
 * figures are for the word's fields, from bit 0):
 *     47 pc   1 exact   1 odd   1 base is rbp   3 saved rbp   11 CFA offset / 8
 * saved rbp: 0 unchanged, k: word at CFA - 8 * (k + 1).  The return address is at CFA - 8.
 * An `odd` word has in its place the number of a struct unwind_row in a side table.
 *
 * A row stays valid as long as its module is mapped: row_table_sync drops all of them.
 * Rows of addresses outside of all known modules are not kept, since a module may appear there.
 */
#ifndef VMTRACE_ROW_TABLE_H
#define VMTRACE_ROW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind_row.h"

#define ROW_EXACT (UINT64_C(1) << 47)
#define ROW_PC_MAX ROW_EXACT
#define ROW_ODD (UINT64_C(1) << 48)
#define ROW_BASE_FP (UINT64_C(1) << 49)
#define ROW_FP_SHIFT 50
#define ROW_FP_MASK 7u
#define ROW_CFA_SHIFT 53
#define ROW_ODD_SHIFT 49

struct row_words {
    uint64_t count; /* filled words, about */
    uint32_t bits;  /* log2(size) */
    uint64_t mask;  /* size - 1 */
    uint64_t *word;
};

/* Never NULL.  Outgrown tables stay mapped: another thread may be reading one. */
extern struct row_words *row_table __attribute__((visibility("hidden")));

/* Computes the row and keeps it.  Cold. */
uint64_t row_table_miss(uint64_t key);

/* Forgets all rows if they are of another module epoch. */
void row_table_sync(uint32_t epoch);

/* The row that a word stands for. */
void row_table_expand(uint64_t word, struct unwind_row *row);

/* As even as a multiplicative hash on the call sites of python3 and libc, and 2 cycles shorter; a
 * walk waits for it at every frame. */
static inline uint64_t row_table_hash(const struct row_words *table, uint64_t key)
{
    return (key ^ key >> 13) & table->mask;
}

/* `key`: a pc below ROW_PC_MAX, with ROW_EXACT if it is an interrupted instruction. */
static inline uint64_t row_table_find(uint64_t key)
{
    const struct row_words *table = __atomic_load_n(&row_table, __ATOMIC_ACQUIRE);
    uint64_t word = __atomic_load_n(&table->word[row_table_hash(table, key)], __ATOMIC_ACQUIRE);
    if (__builtin_expect(((word ^ key) & (ROW_ODD - 1)) == 0, 1))
        return word;
    return row_table_miss(key);
}

#endif
