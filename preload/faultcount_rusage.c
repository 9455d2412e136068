/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

#include "sys.h"

void faultcount_rusage_read(struct faultcount *count)
{
    struct rusage usage;
    sys_usage(RUSAGE_THREAD, &usage);
    count->own_minor = (uint64_t)usage.ru_minflt;
    count->own_major = (uint64_t)usage.ru_majflt;
}
