/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces of parents, each read up to the fork of one child and kept to be read on for the next:
 * that of a program with a thousand short-lived children is read once, if they come in the order of
 * their forks.
 */
#ifndef VMTRACE_MODEL_PARENT_SHELF_H
#define VMTRACE_MODEL_PARENT_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#include "model/trace_reading.h"

struct parent_trace {
    struct trace_model *model;
    struct trace_reading reading; /* into it; not to be moved */
    uint64_t until;               /* ticks: so far it is read */
};

/* The trace `trace_id` at `path`, not read yet, for the sake of `child`.  VMT_ERROR_FORMAT: it is
 * another one. */
enum vmt_error parent_trace_open(struct parent_trace **parent, const struct trace_model *child,
                                 const char *path, uint64_t trace_id, struct error *error);

/* Reads it up to `until`, which is not earlier than where it is.  *last: the model was put straight
 * for that moment and cannot go on. */
enum vmt_error parent_trace_read(struct parent_trace *parent, uint64_t until, bool *last,
                                 struct error *error);
void parent_trace_free(struct parent_trace *parent);

struct parent_shelf;

struct parent_shelf *parent_shelf_new(void);
void parent_shelf_free(struct parent_shelf *shelf);

/* Takes the trace off, if it is there and not read beyond `until`; else NULL. */
struct parent_trace *parent_shelf_take(struct parent_shelf *shelf, uint64_t trace_id,
                                       uint64_t until);

/* Takes the trace over; the one that was not asked for for the longest time makes room. */
void parent_shelf_put(struct parent_shelf *shelf, struct parent_trace *parent);

#endif
