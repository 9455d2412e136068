/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

#include "sys.h"

/* Counts never go back, though a child of vfork, which is on the same memory, has smaller ones. */
static void raise_to(uint64_t *count, long value)
{
    if ((uint64_t)value > *count)
        *count = (uint64_t)value;
}

void faultcount_rusage_read(struct faultcount *count)
{
    struct rusage usage;
    sys_usage(RUSAGE_THREAD, &usage);
    raise_to(&count->own[FAULT_MINOR], usage.ru_minflt);
    raise_to(&count->own[FAULT_MAJOR], usage.ru_majflt);
}
