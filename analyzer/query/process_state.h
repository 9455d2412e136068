/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the process of a trace is running now, on this machine. */
#ifndef VMTRACE_QUERY_PROCESS_STATE_H
#define VMTRACE_QUERY_PROCESS_STATE_H

#include <stdbool.h>

#include <vmtrace/trace_format.h>

/* Same boot, same pid, same start time: a pid that was given to another process is noticed. */
bool process_state_running(const struct vmt_file_header *header);

#endif
