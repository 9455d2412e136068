/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a forked child has from its parent: live blocks, mappings, pools and touched pages as they
 * were at the fork, with the stacks that the parent's trace has of them.
 *
 * The child's trace tells the name of the parent's (FACT parent_trace) and when the fork was (FACT
 * fork_ticks).  That trace is looked for where it was written, then beside the child's; it must
 * have the right trace_id.  It is read up to the fork, which takes in what its own parent left to
 * it, and is then released: memory is that of the live blocks and stacks of two processes.  A
 * parent's trace that is far larger than the child's is left out unless it is asked for
 * (trace_model_want_parent): of a program with a thousand short-lived children it would be read a
 * thousand times.  On a shelf (parent_shelf.h) it is read once; left out are parents with far more
 * live blocks than the child's trace has bytes.
 *
 * What was taken over owns its memory (faults, resident pages, pointers), at sites of its own that
 * are marked as inherited, but is in no sum of what the child did.
 */
#ifndef VMTRACE_MODEL_INHERIT_H
#define VMTRACE_MODEL_INHERIT_H

#include <stdbool.h>
#include <stdint.h>

#define INHERIT_DEPTH 64u /* generations; more are not looked for */

struct trace_model;

enum inherit_state {
    INHERIT_NONE,       /* not forked */
    INHERIT_UNTOLD,     /* the trace does not say where its parent's is */
    INHERIT_MISSING,    /* it is not there */
    INHERIT_OTHER,      /* what is there is the trace of another process */
    INHERIT_UNREADABLE, /* `problem` says why */
    INHERIT_LARGE,      /* not read: that would take much longer than to read the child's */
    INHERIT_TAKEN,
};

struct inheritance {
    enum inherit_state state;
    uint32_t pid;        /* of the parent, if taken */
    const char *path;    /* of its trace: where it was found, or was said to be */
    const char *problem; /* error message */
    uint64_t size;       /* of a LARGE one, in bytes */
    bool exact;          /* the moment of the fork is known, and not just that of the first event */
    bool whole;          /* nothing of the parent's trace was damaged, lost, or not recorded */
    bool seen_faults;    /* it has described nearly all of its page faults */
    uint64_t blocks, bytes, mappings; /* as they were at the fork */
};

/* At the FACT parent_trace of a forked child, of which no other event was taken in yet.  False when
 * out of memory. */
bool inherit_find(struct trace_model *model);

/* inherit_take.c: puts what is live in the parent into the child. */
bool inherit_take(struct trace_model *child, const struct trace_model *parent);

#endif
