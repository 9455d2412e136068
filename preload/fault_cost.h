/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a minor page fault costs this process on this machine: the median of a few first touches of
 * memory of our own, with what it takes to tell them to the trace (a perf event's 0.4
 * microseconds).  Takes some 50 microseconds, so only processes that live for a while are asked.
 *
 * The faults are the recorder's and are told as such: their address is nobody's, their code ours.
 */
#ifndef VMTRACE_FAULT_COST_H
#define VMTRACE_FAULT_COST_H

#include "stream.h"

/* Nanoseconds; 0 if faults are not recorded, or memory comes without any (mlockall). */
uint64_t fault_cost_measure(struct stream *stream);

#endif
