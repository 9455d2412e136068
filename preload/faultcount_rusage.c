/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

#include "sys.h"

void faultcount_poll(struct faultcount *count)
{
    if (count->source != VMT_FAULTS_RUSAGE)
        return;
    struct rusage usage;
    sys_usage(RUSAGE_THREAD, &usage);
    count->own_minor = (uint64_t)usage.ru_minflt;
    count->own_major = (uint64_t)usage.ru_majflt;
}

void faultcount_rusage_attach(struct faultcount *count)
{
    faultcount_poll(count);
    count->minor_seen = count->own_minor;
    count->major_seen = count->own_major;
}
