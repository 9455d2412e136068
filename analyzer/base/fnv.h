/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/), for tables and for fingerprints
 * that users keep.
 */
#ifndef VMTRACE_BASE_FNV_H
#define VMTRACE_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv_add(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
