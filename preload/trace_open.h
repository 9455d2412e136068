/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file or files that the trace is in, each opened for as long as it takes to get space there.
 *
 * `vmtrace check` may have the first chunk of each trace on a tmpfs, where making and removing a
 * file costs a fraction of what a disk's file system takes: VMT_CHECK_FIRST in the traces' folder
 * is then a symbolic link to a folder there.  All further chunks go, at the same offsets, to the
 * file of the same name in the traces' folder itself, which most processes of a test suite never
 * make.
 */
#ifndef VMTRACE_TRACE_OPEN_H
#define VMTRACE_TRACE_OPEN_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the file that the first chunk is in, never over an existing one: on the tmpfs, if there is
 * one that is not too full, or in the traces' folder.  A descriptor, or a negative errno. */
int trace_open_create(bool on_tmpfs);

/* The file that `offset` is in, if the path still leads to it or a descriptor was kept.  A
 * descriptor for trace_open_done, or a negative errno. */
int trace_open_at(uint64_t offset);
void trace_open_done(int fd);

/* See trace_file.h. */
void trace_open_hold(void);
bool trace_open_is_held(void);

/* In a forked child: that was its parent's. */
void trace_open_abandon(void);

/* Removes what trace_open_create made. */
void trace_open_remove(void);

/* The trace's name: that of the file that all its chunks are in, or all but the first.  "" before
 * trace_open_create. */
const char *trace_open_path(void);

#endif
