/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes traces in memory, byte by byte as docs/trace-format.md says, for tests and fuzzers.
 *
 *     struct trace_builder *builder = trace_builder_new();
 *     struct builder_stream *main_thread = trace_builder_stream(builder, 100);
 *     uint32_t stack = builder_stack(main_thread, 2, 0x401000, 0x402000);
 *     builder_alloc(main_thread, VMT_MALLOC, 0x10000, 40, stack);
 *     const uint8_t *bytes = trace_builder_bytes(builder, &size);
 *     trace_builder_free(builder);
 *
 * It shares no code with the recorder or the analyzer.  Running out of memory aborts: these
 * are tests.
 */
#ifndef VMTRACE_TESTS_TRACE_BUILDER_H
#define VMTRACE_TESTS_TRACE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmtrace/trace_format.h>

#define BUILDER_START_TICKS UINT64_C(1000000)

struct trace_builder;
struct builder_stream;

/* The header says: version 1, 4096-byte pages, ticks of 1 GHz that start at
 * BUILDER_START_TICKS, pid 100, no boot id; change it as wanted. */
struct trace_builder *trace_builder_new(void);
void trace_builder_free(struct trace_builder *builder);
struct vmt_file_header *trace_builder_header(struct trace_builder *builder);

/* The file so far; owned by the builder, good until the next call. */
const uint8_t *trace_builder_bytes(struct trace_builder *builder, size_t *size);

/* The same without the zeros behind the last record of the last chunk. */
const uint8_t *trace_builder_trimmed(struct trace_builder *builder, size_t *size);

/* A new stream; it belongs to the builder. */
struct builder_stream *trace_builder_stream(struct trace_builder *builder, uint32_t tid);

/* ---- what the next record carries ---- */

/* Absolute ticks, not below the stream's; without it hot records have no time stamp. */
void builder_at(struct builder_stream *stream, uint64_t ticks);
void builder_faults(struct builder_stream *stream, uint64_t minor, uint64_t major);

/* ---- stacks ---- */

/* Writes the nodes of a stack of `count` uint64_t pcs, outermost first; its number. */
uint32_t builder_stack(struct builder_stream *stream, unsigned count, ...);

/* The same below `parent`; pcs outermost first. */
uint32_t builder_nodes(struct builder_stream *stream, uint32_t parent, const uint64_t *pcs,
                       size_t count);

/* ---- hot records ---- */

void builder_alloc(struct builder_stream *stream, enum vmt_kind kind, uint64_t address,
                   uint64_t size, uint32_t node);
void builder_alloc_other(struct builder_stream *stream, enum vmt_subkind subkind,
                         uint8_t alignment_log2, uint64_t address, uint64_t size, uint32_t node);
void builder_free(struct builder_stream *stream, enum vmt_kind kind, uint64_t address);
void builder_free_at(struct builder_stream *stream, enum vmt_kind kind, uint64_t address,
                     uint32_t node);
void builder_free_other(struct builder_stream *stream, enum vmt_subkind subkind, uint64_t address);
void builder_alloc_failed(struct builder_stream *stream, enum vmt_kind kind, uint64_t size,
                          uint32_t node);
void builder_realloc_begin(struct builder_stream *stream, uint64_t address);
void builder_realloc_failed(struct builder_stream *stream, uint64_t size, uint32_t node);
void builder_realloc_freed(struct builder_stream *stream);

/* ---- cold records ---- */

/* A detail of FAULTS. */
struct builder_fault {
    uint64_t code, address;
    unsigned bits; /* VMT_FAULT_MAJOR, _KERNEL, _STACK */
    uint32_t node; /* with VMT_FAULT_STACK */
};

/* `fields`: u uint64_t, z int64_t (zigzag), s const char *, k uint32_t node, f const struct
 * builder_fault * and size_t. */
void builder_cold(struct builder_stream *stream, enum vmt_op op, const char *fields, ...);

/* ---- chunks ---- */

void builder_new_chunk(struct builder_stream *stream);

/* A new chunk after `count` that are not in the file. */
void builder_lose_chunks(struct builder_stream *stream, uint32_t count);

/* Bytes as they are, as one record. */
void builder_raw(struct builder_stream *stream, const void *bytes, size_t size);

/* Where the next record of the stream will stand in the file. */
size_t builder_offset(const struct builder_stream *stream);

#endif
