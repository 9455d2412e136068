/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for large arrays that are gone through at random: whole huge pages where the kernel gives
 * some, which saves most misses of the TLB (in a virtual machine the dearer half of a cache miss).
 */
#ifndef VMTRACE_BASE_HUGE_ARRAY_H
#define VMTRACE_BASE_HUGE_ARRAY_H

#include <stddef.h>

/* Not zeroed, for free(); NULL when out of memory.  At least one element. */
void *huge_array(size_t count, size_t element_size);

/* The same, zeroed. */
void *huge_array_zeros(size_t count, size_t element_size);

/* Puts an array that has grown by realloc() together into huge pages, where the kernel can. */
void huge_array_collapse(void *array, size_t count, size_t element_size);

#endif
