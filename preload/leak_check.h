/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict on leaks while the program runs: vmtrace-report is started on the trace so far. */
#ifndef VMTRACE_LEAK_CHECK_H
#define VMTRACE_LEAK_CHECK_H

#include <stdint.h>

enum leak_check {
    LEAK_CHECK_NONE,
    LEAK_CHECK_LEAKS,  /* and what vmtrace-report said of them was written */
    LEAK_CHECK_FAILED, /* one line on stderr says why, if the log level permits it */
};

/* Blocks until vmtrace-report has ended; its process is none that the program's wait functions or
 * SIGCHLD tell of.  The report goes to stderr, or to a new file LOG_PATH.PID.  `most` leaks are
 * listed (0: as many as usual).  Strings may be NULL.  `signals`: the mask that it begins with. */
enum leak_check leak_check_report(const char *log_path, unsigned most, const uint64_t *signals);

#endif
