/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compact trace as a file: what stands before the records is read when it is opened, the
 * RECORDS blocks one after the other as they are needed.
 *
 * compact_file_source is the raw trace, without its records: the file header, and chunks that have
 * a header and then zeros.  compact_decoder.h puts the records there.
 */
#ifndef VMTRACE_COMPACT_COMPACT_FILE_H
#define VMTRACE_COMPACT_COMPACT_FILE_H

#include <stdbool.h>

#include "base/error.h"
#include "compact/columns.h"
#include "compact/compact_decoder.h"
#include "reader/source.h"

/* A chunk of the raw trace that is not all zeros. */
struct compact_slot {
    uint64_t slot; /* its number in the trace */
    uint64_t raw;  /* where its RAW block is in the compact file; 0: it is in a stream */
    struct vmt_chunk_header header; /* if it is in a stream */
};

struct compact_file {
    struct source *file;
    struct source *raw;
    struct columns columns; /* the first one is for single blocks */
    uint8_t *payload;       /* of the block that is being read */
    size_t payload_room;
    uint8_t head[VMT_HEADER_SIZE];
    size_t head_size;
    uint64_t raw_size;
    struct compact_slot *places; /* by slot */
    size_t count, capacity;
    size_t raw_next;   /* [places] from here on may want a RAW block */
    uint64_t position; /* of the next block */
    bool cut;          /* ends before its END block, as far as is known */
    bool damaged;      /* something before the records is, at `position` */
};

/* Whether these are the first bytes of a compact trace. */
bool compact_file_begins(const uint8_t *bytes, size_t size);

/* Takes the source over, also when it fails. */
enum vmt_error compact_file_open(struct compact_file *file, struct source *source,
                                 struct error *error);
void compact_file_release(struct compact_file *file);

/* Hands out the file header and each chunk that is in no stream and not all zeros. */
void compact_file_rest(struct compact_file *file,
                       void (*take)(void *context, uint64_t offset, const uint8_t *bytes,
                                    size_t size),
                       void *context);

/* A decoder_user's supply; the context is the file. */
enum decoder_supply compact_file_supply(void *context, struct columns *columns, uint64_t *position);

#endif
