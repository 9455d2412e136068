/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program run and judged: its traces in a folder of their own, vmtrace-report over all of
 * them, one exit status.
 */
#ifndef VMTRACE_DRIVER_SESSION_H
#define VMTRACE_DRIVER_SESSION_H

#include "cli/driver_run.h"

struct driver_session {
    struct driver_run run;
    char **environment; /* of before the recording's was added: vmtrace-report's; malloc'd */
    const char *folder; /* where the traces' folder is made; NULL: TMPDIR, else /tmp */
    bool whole;         /* no part of a trace may be elsewhere meanwhile */
    char **arguments;   /* for vmtrace-report; malloc'd, as are its strings */
    size_t argument_count;
    int error_exitcode; /* what vmtrace-report says when its gate trips */
    bool verdict_first; /* that status even if the program ended with another one */
    bool quiet;
    bool uncertain; /* the user wrote arguments that only vmtrace-report can judge */
    bool to_stderr; /* the report is no output of the program's */
    struct driver_outcome outcome;
};

/* Before any option is looked at: options change the environment.  Exits when out of memory. */
void driver_session_begin(struct driver_session *session);

/* Adds an argument for vmtrace-report; exits when out of memory. */
__attribute__((format(printf, 2, 3))) void driver_session_argument(struct driver_session *session,
                                                                   const char *format, ...);

/* Ends the session, too.  The exit status: the program's own if it failed, else error_exitcode when
 * the gate tripped, CLI_NOT_DONE when nothing could be judged, else 0.  A program that died of a
 * signal ends this process by the same. */
int driver_session_run(struct driver_session *session);

#endif
