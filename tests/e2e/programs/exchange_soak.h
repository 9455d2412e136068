/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of exchange_soak: where they were allocated, and how many there were. */
#ifndef VMTRACE_TESTS_EXCHANGE_SOAK_H
#define VMTRACE_TESTS_EXCHANGE_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One function each, named after it. */
enum site {
    SITE_MALLOC,
    SITE_CALLOC,
    SITE_MEMALIGN,
    SITE_REALLOC, /* of an old block; and its failures */
    SITE_HANDLER, /* in a signal handler */
    SITES,
};

/* What stands at the start of each block. */
struct block {
    uint32_t site, check;
    uint64_t size;
};

struct block *soak_allocate(enum site site, size_t size);
struct block *soak_reallocate(struct block *block, size_t size);
void soak_reallocate_in_vain(struct block *block);
void soak_free(struct block *block);

/* Ends the process if it is damaged. */
void soak_check(const struct block *block);

/* NULL is nothing. */
void soak_free_any(struct block *block);
void soak_count_live(const struct block *block);

/* Adds the thread's counts to the process's. */
void soak_thread_ends(void);
void soak_write_counts(void);

#endif
