/* SPDX-License-Identifier: Apache-2.0 */
/* Random heap operations, entered in the ledger. */
#ifndef ORACLE_HEAP_H
#define ORACLE_HEAP_H

#include "oracle_ledger.h"

/* One operation: an allocation, a release or a reallocation of anybody's block. */
void heap_do_something(struct oracle_random *random);

/* The C++ half, oracle_new.cc.  NULL when std::bad_alloc was thrown or returned. */
#ifdef __cplusplus
extern "C" {
#endif
void *cxx_allocate(enum oracle_family family, bool nothrow, size_t size, size_t alignment);
/* `form`: 0 plain, 1 sized, 2 nothrow. */
void cxx_release(enum oracle_family family, unsigned form, void *address, size_t size,
                 size_t alignment);
#ifdef __cplusplus
}
#endif

#endif
