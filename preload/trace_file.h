/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace file of this process: created once, extended region by region.
 *
 * No descriptor stays open (programs close them all, and count them) but in programs that change
 * their root or user: whoever needs space opens the file by its path, checks that it is still the
 * same file, writes zeros (so a full disk is an error and not a SIGBUS), maps it shared and closes
 * it again.  A region is mapped at once and gets its space chunk by chunk. Each stream takes
 * regions of its own by advancing an atomic offset, so there is no lock.
 */
#ifndef VMTRACE_TRACE_FILE_H
#define VMTRACE_TRACE_FILE_H

#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mapped part of the file: a whole number of chunks. */
struct trace_region {
    uint8_t *base;   /* NULL: none */
    uint64_t offset; /* in the file */
    size_t size;     /* bytes mapped */
    size_t backed;   /* bytes from its start that have space in the file; the rest must not be
                        touched before trace_file_extend */
    size_t used;     /* bytes given out as chunks */
};

/* The mapped header, NULL while there is no file.  `lost_events` and `end_state` are written
 * through it. */
extern struct vmt_file_header *trace_header;
extern uint32_t trace_pid; /* the process that the file belongs to */

/* Creates the file from the settings' pattern, never over an existing one, and writes the header.
 * False: one line was printed. `parent_trace_id` is 0 unless this process was forked. */
bool trace_file_create(uint64_t parent_trace_id);

/* Brings up to date what the header says of the clock and of the faults' source. */
void trace_file_refresh(void);
/* Writes the boot's id into the header: 13 microseconds. */
void trace_file_name_boot(void);

/* Takes `chunks` chunks of new space.  0, or an enum vmt_lost; *error is then the errno. */
enum vmt_lost trace_file_region(struct trace_region *region, size_t chunks, int *error);

/* Gives the next part of the region space, to the end of a chunk at most.  False: there is none
 * (taking another region tells why). */
bool trace_file_extend(struct trace_region *region);

/* A forked child shall not have (or: shall have after all) the region.  It always has the file
 * header. */
void trace_file_leave_out_of_fork(const struct trace_region *region, bool out);

/* In a forked child, after trace_file_abandon: memory of the child's own takes the place of the
 * region, whose writer was interrupted, and stays for good. */
void trace_file_strand(const struct trace_region *region);

/* Unmaps the region and makes it none. */
void trace_file_release(struct trace_region *region);

/* Gives back what lies behind `keep` bytes (whole pages) of the region, where the caller no longer
 * writes: the file is cut if the region is its end and `alone` (no other thread or signal handler
 * can take space meanwhile), else the space becomes a hole. */
void trace_file_trim(struct trace_region *region, size_t keep, bool alone);

/* The program is about to give up what it takes to open the file by its path (chroot, setuid): one
 * descriptor (two, where the trace is in two files), high and close-on-exec, is kept for the time
 * after that.  If the program closes it, the trace ends with the space that it has, and says so. */
void trace_file_hold(void);

/* In a forked child: that of the process it was forked from; "" in others. */
const char *trace_file_parent_path(void);
uint64_t trace_file_bytes(void);

/* After fork, in the child: lets go of the parent's file, but for its header, where a child that
 * cannot create its own counts itself; and of that, if it is not to have one. */
void trace_file_abandon(void);
void trace_file_forget_parent(void);

/* In a process without a trace that nobody would know of: counts it in that header, if it has one.
 */
void trace_file_count_lost(void);

#endif
