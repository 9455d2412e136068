/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What count_shim.c exports beside the functions of <stdlib.h>: the C library's
 * own declarations of these depend on feature macros, C has none for operator new.
 * Deletes need no wrapper: all of them end in free(), which is counted.
 */
#ifndef COUNT_SHIM_NAMES_H
#define COUNT_SHIM_NAMES_H

#include <malloc.h>
#include <stddef.h>

void *_Znwm(size_t size);
void *_Znam(size_t size);
void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag);
void *_ZnamRKSt9nothrow_t(size_t size, const void *tag);
void *_ZnwmSt11align_val_t(size_t size, size_t alignment);
void *_ZnamSt11align_val_t(size_t size, size_t alignment);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const void *tag);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const void *tag);

#endif
