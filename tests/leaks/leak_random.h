/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random heap whose pointers are known: blocks by every allocator, words that point to them in
 * blocks, in static, thread-local and mapped memory and on stacks.
 *
 * The driver itself keeps addresses inverted only, so that no pointer lies where it is not told.
 */
#ifndef VMTRACE_LEAK_RANDOM_H
#define VMTRACE_LEAK_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xorshift64*; `most` > 0. */
size_t random_below(size_t most);
void random_begin(uint64_t seed);

/* `wiped`: new memory is zeroed.  Else it keeps what was left there, which memcheck takes for
 * undefined, and we for what it is. */
void heap_begin(bool wiped);

/* Each does one random thing. */
void heap_allocate(void);
void heap_free(void);
void heap_change(void); /* sizes, words, roots */
void heap_drop_roots(void);

/* Words outside of the heap that may point to blocks; `address` is of no block. */
void roots_add(volatile uintptr_t *address, size_t count);
void roots_remove(volatile uintptr_t *address);

/* Appends to the ledger: state NAME, then a line for each block (address, size, function), each
 * pointer in a block (from, to), and each of a root (to). */
void ledger_write(int fd, const char *name);

#endif
