/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compact form of a trace: constants.  docs/trace-format.md, "Compact form", is the text.
 *
 *   file  := file header, then blocks until the END block
 *   block := tag u32, size u32, `size` bytes of payload
 *
 * A RECORDS block holds some thousands to millions of records as columns; reading goes on from
 * one block to the next, so nothing behind a damaged one can be read.
 */
#ifndef VMTRACE_COMPACT_COMPACT_FORMAT_H
#define VMTRACE_COMPACT_COMPACT_FORMAT_H

#include <stdint.h>

#include <vmtrace/trace_format.h>

#define COMPACT_MAGIC "\x89VMZ\r\n\x1a\n"
#define COMPACT_MAGIC_SIZE 8
#define COMPACT_VERSION 1

struct compact_header {
    uint8_t magic[COMPACT_MAGIC_SIZE];
    uint32_t version;
    uint32_t reserved; /* 0 */
};

/* Bounds of what a compact file can stand for; larger traces are not compacted. */
#define COMPACT_MAX_RAW (UINT64_C(1) << 40) /* bytes of the trace */
#define COMPACT_MAX_STREAMS 65536

/* All payloads but that of RECORDS are one zstd frame each (END has none). */
enum compact_tag {
    COMPACT_HEAD = 0x44414548,    /* "HEAD": u64 size of the trace, then its file header */
    COMPACT_CHUNKS = 0x4b4e4843,  /* "CHNK": which chunks there are */
    COMPACT_RAW = 0x20574152,     /* "RAW ": one chunk that is in no stream, as it is */
    COMPACT_RECORDS = 0x53434552, /* "RECS": a frame for each column */
    COMPACT_END = 0x20444e45,     /* "END " */
};

struct compact_block {
    uint32_t tag;
    uint32_t size;
};

/* Entries of CHUNKS: a byte, then varints. */
enum compact_chunk {
    COMPACT_CHUNK_UNUSED = 0, /* count: so many chunks of zeros */
    COMPACT_CHUNK_STREAM = 1, /* fields of its header, as zigzag differences from the last one's */
    COMPACT_CHUNK_RAW = 2,    /* a RAW block holds it */
};

/* Every column of a RECORDS block is at most so long; each block but the last of a file is
 * ended when one of them is longer than COMPACT_COLUMN_FULL. */
#define COMPACT_COLUMN_FULL (UINT32_C(4) << 20)
#define COMPACT_COLUMN_MAX (COMPACT_COLUMN_FULL + 4 * VMT_CHUNK_SIZE)

/* What the columns of a RECORDS block hold. */
enum compact_column {
    COMPACT_TOKENS,    /* varint: what the next record is */
    COMPACT_RANKS,     /* byte: which block of its cohort is released */
    COMPACT_PLACES,    /* byte: whether a new block is where it was expected */
    COMPACT_ADDRESSES, /* address, where it is needed: as in hot records */
    COMPACT_COHORTS,   /* definitions of cohorts */
    COMPACT_STAMPS,    /* which hot records have T and F fields, unexpectedly; F fields */
    COMPACT_TIMES,     /* T fields */
    COMPACT_PARENTS,   /* NODES records: parent, count */
    COMPACT_PCS,       /* NODES records: the rest */
    COMPACT_LITERALS,  /* all else */
    COMPACT_COLUMNS,
};

/* Tokens.  From COMPACT_FIRST_COHORT on: 4 * cohort + what happens to it. */
enum compact_token {
    COMPACT_CHUNK_END = 0,  /* nothing but zeros follows in the chunk */
    COMPACT_CHUNK_TAIL = 1, /* literal: bytes that are no record, to the last one that is not 0 */
    COMPACT_LITERAL = 2,    /* literal: a record */
    COMPACT_NODES_RECORD = 3,
    COMPACT_NEW_COHORT = 4, /* an allocation, the first of a cohort */
    COMPACT_STRAY = 5,      /* a release of a block of no cohort: literal kind, subkind; address */
    COMPACT_FIRST_COHORT = 8,
};
enum compact_deed {
    COMPACT_ALLOCATE = 0,
    COMPACT_RELEASE = 1,           /* as blocks of this kind usually are */
    COMPACT_REALLOC = 2,           /* REALLOC_BEGIN */
    COMPACT_RELEASE_OTHERWISE = 3, /* literal: kind, subkind */
};

#define COMPACT_RANK_EXPLICIT 255 /* in RANKS: the address is given */
enum compact_place {
    COMPACT_PLACE_EXPECTED = 0,
    COMPACT_PLACE_EXPLICIT = 1,
};

_Static_assert(sizeof(struct compact_header) == 16, "file layout");

#endif
