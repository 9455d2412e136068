/* SPDX-License-Identifier: Apache-2.0 */
#include "base/huge_array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif
#define HUGE_LEAST (4 * HUGE_PAGE) /* what lies in an unfinished huge page is at most a quarter */

void *huge_array(size_t count, size_t element_size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count ? count : 1, element_size, &bytes) ||
        bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    if (bytes < HUGE_LEAST)
        return malloc(bytes);
    size_t rounded = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    void *array = aligned_alloc(HUGE_PAGE, rounded);
    if (array)
        madvise(array, rounded, MADV_HUGEPAGE); /* only faster: refusal does not matter */
    return array;
}

void *huge_array_zeros(size_t count, size_t element_size)
{
    void *array = huge_array(count, element_size);
    return array ? memset(array, 0, count * element_size) : NULL;
}

void huge_array_collapse(void *array, size_t count, size_t element_size)
{
    uintptr_t start = ((uintptr_t)array + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)array + count * element_size) & ~(HUGE_PAGE - 1);
    if (start < end && end - start >= HUGE_LEAST)
        madvise((char *)array + (start - (uintptr_t)array), end - start, MADV_COLLAPSE);
}
