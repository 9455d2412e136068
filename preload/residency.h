/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of what is in memory: RESIDENCY, REGION, PAGES and RESIDENCY_END records, from
 * /proc/self/status, smaps, pagemap and smaps_rollup.
 *
 * Only system calls, no memory but the recorder's own variables, all signals blocked meanwhile: a
 * snapshot may be taken in a signal handler, and a handler that leaves by siglongjmp or forks
 * cannot cut one short.  One thread at a time: another one's snapshot is then recorded as one that
 * could not be read (EBUSY).  Other threads go on, so sums may be off by what they did.
 *
 * Costs some 20 ms for each GiB of resident pages of 4 KiB, half of it for the check against
 * smaps_rollup, and next to nothing for huge pages and what is not resident.
 */
#ifndef VMTRACE_RESIDENCY_H
#define VMTRACE_RESIDENCY_H

#include "stream.h"

#include <stdbool.h>

/* Into the calling thread's stream, unless VMTRACE_RESIDENCY=off. */
void residency_take(struct stream *stream, enum vmt_residency reason, const char *name);

/* At a point of the time line: takes a snapshot if much more is resident than at any one before,
 * and all of this sort together take no more than about 1 % of the process's time. */
void residency_at_point(struct stream *stream, uint64_t rss);

/* In a forked child. */
void residency_forked(void);

#endif
