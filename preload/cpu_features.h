/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processor can do (x86), as glibc has found out when the process began.  In a virtual
 * machine the instruction itself is a trap: 7 microseconds and more.
 */
#ifndef VMTRACE_CPU_FEATURES_H
#define VMTRACE_CPU_FEATURES_H

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdbool.h>
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#pragma weak __x86_get_cpuid_feature_leaf /* glibc 2.33 */
#endif

static inline bool cpu_counter_is_invariant(void)
{
#if __has_include(<sys/platform/x86.h>)
    if (__x86_get_cpuid_feature_leaf)
        return CPU_FEATURE_PRESENT(RDTSCP) && CPU_FEATURE_PRESENT(INVARIANT_TSC);
#endif
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & 1u << 27) &&
           __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}

/* The kernel uses memory protection keys. */
static inline bool cpu_has_protection_keys(void)
{
#if __has_include(<sys/platform/x86.h>)
    if (__x86_get_cpuid_feature_leaf)
        return CPU_FEATURE_PRESENT(OSPKE);
#endif
    unsigned a, b, c = 0, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & 1u << 4);
}
#endif

#endif
