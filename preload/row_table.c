/* SPDX-License-Identifier: Apache-2.0 */
#include "row_table.h"

#include <stddef.h>
#include <string.h>

#include "sys.h"

/* The first table shares a page with other variables: the smallest programs need no more.  A
 * compiler goes through 17,600 PCs. */
#define FIRST_BITS 8
#define GROWTH_BITS 2
#define MAX_BITS 24
/* Grows when this part is filled: until then about 9 of 10 words are where they hash to. */
#define LOAD_DIVISOR 4
/* Words looked at from the hash on. */
#define PROBES 48
/* Distinct odd rows. */
#define ODD_MAX 4096
/* The first ones are never filled: "none", and what stands for rows that find no place. */
#define ODD_NONE 0
#define ODD_NO_PLACE 1
#define ODD_FIRST 2

static uint64_t first_words[1u << FIRST_BITS];
static struct row_words first_table = {
    .bits = FIRST_BITS, .mask = (1u << FIRST_BITS) - 1, .word = first_words};
struct row_words *row_table = &first_table;
static uint32_t table_epoch;

/* Append-only, without repetition. */
static struct odd_row {
    struct unwind_row row;
    bool ready;
} odd_rows[ODD_MAX] SYS_TABLE;
static uint32_t odd_count = ODD_FIRST;

void row_table_expand(uint64_t word, struct unwind_row *row)
{
    if (word & ROW_ODD) {
        uint64_t number = word >> ROW_ODD_SHIFT & (ODD_MAX - 1);
        *row = odd_rows[number].row;
        if (number == ODD_NO_PLACE)
            row->kind = UNWIND_COMPLEX;
        return;
    }
    uint32_t fp = word >> ROW_FP_SHIFT & ROW_FP_MASK;
    memset(row, 0, sizeof(*row));
    row->kind = UNWIND_STANDARD;
    row->base_fp = (word & ROW_BASE_FP) != 0;
    row->cfa_offset = (int32_t)(word >> ROW_CFA_SHIFT) * 8;
    row->ra_offset = -8;
    row->fp_rule = fp ? UNWIND_FP_AT_CFA : UNWIND_FP_SAME;
    row->fp_offset = fp ? -8 * (int32_t)(fp + 1) : 0;
}

/* The fields of a word for rows that fit into one, else 0 (no such row has CFA = rsp + 0). */
static uint64_t pack(const struct unwind_row *row)
{
    uint64_t fp = 0, offset = (uint64_t)(row->cfa_offset / 8);
    if (row->kind != UNWIND_STANDARD || row->ra_offset != -8 || row->interrupted ||
        row->cfa_offset < 8 || row->cfa_offset % 8 != 0 || offset >= 1u << (64 - ROW_CFA_SHIFT))
        return 0;
    if (row->fp_rule == UNWIND_FP_AT_CFA) {
        if (row->fp_offset % 8 != 0 || row->fp_offset > -16 ||
            row->fp_offset < -8 * (int)(ROW_FP_MASK + 1))
            return 0;
        fp = (uint64_t)(-row->fp_offset / 8 - 1);
    } else if (row->fp_rule != UNWIND_FP_SAME) {
        return 0;
    }
    return offset << ROW_CFA_SHIFT | fp << ROW_FP_SHIFT | (row->base_fp ? ROW_BASE_FP : 0);
}

static bool equal(const struct unwind_row *a, const struct unwind_row *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* Two threads may add the same row twice; that only costs its place. */
static uint64_t odd_word(const struct unwind_row *row)
{
    uint32_t count = __atomic_load_n(&odd_count, __ATOMIC_RELAXED);
    for (uint32_t i = ODD_FIRST; i < count && i < ODD_MAX; i++) {
        if (__atomic_load_n(&odd_rows[i].ready, __ATOMIC_ACQUIRE) && equal(&odd_rows[i].row, row))
            return ROW_ODD | (uint64_t)i << ROW_ODD_SHIFT;
    }
    if (count >= ODD_MAX)
        return ROW_ODD | (uint64_t)ODD_NO_PLACE << ROW_ODD_SHIFT;
    uint32_t index = __atomic_fetch_add(&odd_count, 1, __ATOMIC_RELAXED);
    if (index >= ODD_MAX) {
        __atomic_store_n(&odd_count, ODD_MAX, __ATOMIC_RELAXED);
        return ROW_ODD | (uint64_t)ODD_NO_PLACE << ROW_ODD_SHIFT;
    }
    odd_rows[index].row = *row;
    __atomic_store_n(&odd_rows[index].ready, true, __ATOMIC_RELEASE);
    return ROW_ODD | (uint64_t)index << ROW_ODD_SHIFT;
}

static void insert(struct row_words *table, uint64_t word)
{
    uint64_t at = row_table_hash(table, word & (ROW_ODD - 1));
    for (unsigned i = 0; i < PROBES; i++, at = (at + 1) & table->mask) {
        uint64_t empty = 0;
        if (__atomic_compare_exchange_n(&table->word[at], &empty, word, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
            __atomic_fetch_add(&table->count, 1, __ATOMIC_RELAXED);
            return;
        }
        if (((empty ^ word) & (ROW_ODD - 1)) == 0)
            return;
    }
}

/* Puts a larger copy in place of `table`, unless another thread did.  Rows that are added to
 * the old one meanwhile are computed again later. */
static void grow(struct row_words *table)
{
    uint32_t bits = table->bits + GROWTH_BITS;
    if (bits > MAX_BITS)
        return;
    size_t size = sizeof(struct row_words) + (sizeof(uint64_t) << bits);
    struct row_words *larger = sys_map(size);
    if (!larger)
        return;
    larger->bits = bits;
    larger->mask = (UINT64_C(1) << bits) - 1;
    larger->word = (uint64_t *)(larger + 1);
    for (uint64_t i = 0; i <= table->mask; i++) {
        uint64_t word = __atomic_load_n(&table->word[i], __ATOMIC_ACQUIRE);
        if (word)
            insert(larger, word);
    }
    if (!__atomic_compare_exchange_n(&row_table, &table, larger, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED))
        sys_unmap(larger, size);
}

static uint64_t compute(uint64_t key)
{
    struct module module;
    struct unwind_row row;
    uint64_t pc = key & (ROW_PC_MAX - 1);
    bool exact = (key & ROW_EXACT) != 0;
    /* A call at the very end of a module returns to just behind it. */
    if (pc == 0 || !modules_find(exact ? pc : pc - 1, &module))
        return 0;
    unwind_row_find(&module, pc, exact, &row);
    uint64_t fields = pack(&row);
    return key | (fields ? fields : odd_word(&row));
}

uint64_t row_table_miss(uint64_t key)
{
    struct row_words *table = __atomic_load_n(&row_table, __ATOMIC_ACQUIRE);
    uint64_t at = row_table_hash(table, key);
    for (unsigned i = 0; i < PROBES; i++, at = (at + 1) & table->mask) {
        uint64_t word = __atomic_load_n(&table->word[at], __ATOMIC_ACQUIRE);
        if (((word ^ key) & (ROW_ODD - 1)) == 0)
            return word;
        if (word == 0)
            break;
    }
    uint64_t word = compute(key);
    if (word == 0)
        return key | ROW_ODD | (uint64_t)ODD_NONE << ROW_ODD_SHIFT;
    if (__atomic_load_n(&table->count, __ATOMIC_RELAXED) > table->mask / LOAD_DIVISOR)
        grow(table);
    insert(__atomic_load_n(&row_table, __ATOMIC_ACQUIRE), word);
    return word;
}

void row_table_sync(uint32_t epoch)
{
    struct row_words *table = __atomic_load_n(&row_table, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&table_epoch, __ATOMIC_ACQUIRE) == epoch)
        return;
    /* In place: whoever adds a row now has its module on its stack, so that row is good. */
    for (uint64_t i = 0; i <= table->mask; i++)
        __atomic_store_n(&table->word[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&table->count, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&table_epoch, epoch, __ATOMIC_RELEASE);
}
