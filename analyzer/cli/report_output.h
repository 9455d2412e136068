/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a report goes.  A file is written beside its final name and renamed when
 * it is complete: a full disk or an interrupt costs nothing that was there before.
 */
#ifndef VMTRACE_REPORT_OUTPUT_H
#define VMTRACE_REPORT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct report_output {
    FILE *stream;
    const char *given; /* the user's name for it, borrowed */
    char *path;        /* final name with symbolic links resolved; NULL: written in place */
    char *temporary;   /* beside it */
    bool exclusive;    /* set by the caller: a file that has got the name meanwhile is kept */
};

/* `path` NULL or "-" is standard output; devices and pipes are written in place.  False: a
 * message was printed. */
bool report_output_open(struct report_output *output, const char *path);

/* Completes the file (keep) or drops it.  False: a message was printed, nothing was kept. */
bool report_output_close(struct report_output *output, bool keep);

#endif
