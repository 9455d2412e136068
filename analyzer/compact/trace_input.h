/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace in either form, raw or compact, as one reader:
 *
 *     struct trace_input input;
 *     if (trace_input_open(&input, source, &error) == VMT_OK) {
 *         ... merge_init(&merge, &input.reader) ...
 *         trace_input_release(&input);
 *     }
 *
 * All streams of a compact trace have to be read through one merge, once.
 */
#ifndef VMTRACE_COMPACT_TRACE_INPUT_H
#define VMTRACE_COMPACT_TRACE_INPUT_H

#include "reader/trace_reader.h"

struct trace_input_compact;

struct trace_input {
    struct trace_reader reader;
    struct trace_input_compact *compact; /* NULL: the trace is raw */
};

/* Takes the source over, also when it fails. */
enum vmt_error trace_input_open(struct trace_input *input, struct source *source,
                                struct error *error);
void trace_input_release(struct trace_input *input);

/* Whether a compact trace was whole, as far as it was read. */
bool trace_input_whole(const struct trace_input *input);

/* For those who want the bytes of a compact trace: `done` is called with each chunk that was read
 * to its end, and at once with all that are in no stream, and with the file header.  Before the
 * reading begins. */
typedef void trace_input_bytes(void *context, uint64_t offset, const uint8_t *bytes, size_t size);
void trace_input_watch(struct trace_input *input, trace_input_bytes *done, void *context);

#endif
