/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace file: its header, and which chunks belong to which stream.
 *
 * Opening reads the file header and 33 bytes of each chunk.  A bad chunk never stops the
 * reading; it is counted in struct trace_damage.
 *
 * Invariants: chunks are sorted by (stream, sequence), no pair occurs twice; the chunks of
 * stream s are chunks[streams[s].first .. first + count).
 */
#ifndef VMTRACE_READER_TRACE_READER_H
#define VMTRACE_READER_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmtrace/trace_format.h>

#include "base/error.h"
#include "reader/source.h"

struct trace_chunk {
    uint32_t stream;
    uint32_t sequence;
    uint64_t offset; /* of the chunk header in the file */
    uint64_t ticks;  /* the stream's clock at its start */
};

struct trace_stream {
    size_t first, count; /* in trace_reader.chunks */
};

struct trace_damage {
    uint64_t bad_chunks;       /* chunk header not recognised, not empty either */
    uint64_t duplicate_chunks; /* same stream and sequence as an earlier one; not read */
    uint64_t missing_chunks;   /* gaps in the sequences */
    uint64_t bad_records;      /* the rest of such a chunk was not read */
    uint64_t first_bad_offset; /* in the file: of the first of bad_chunks and bad_records */
    bool cut_off;              /* the file ends within the header of file or chunk, or a record;
                                  a short last chunk alone is normal */
};

struct record_tap;

struct trace_reader {
    struct source *source;
    struct record_tap *tap; /* borrowed, or NULL; see decode/record_tap.h */
    struct vmt_file_header header;
    struct trace_chunk *chunks;
    size_t chunk_count;
    struct trace_stream *streams;
    size_t stream_count;
    struct trace_damage damage;
};

/* Takes the source over, also when it fails. */
enum vmt_error trace_reader_open(struct trace_reader *reader, struct source *source,
                                 struct error *error);
void trace_reader_release(struct trace_reader *reader);

/* Counts a place that could not be understood. */
void trace_damage_at(struct trace_damage *damage, uint64_t *counter, uint64_t offset);

/* Whether anything is missing from the trace. */
bool trace_damage_any(const struct trace_damage *damage);

#endif
