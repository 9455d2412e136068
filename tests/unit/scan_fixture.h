/* SPDX-License-Identifier: Apache-2.0 */
/* Records of scans, for the trace builder. */
#ifndef VMTRACE_TESTS_SCAN_FIXTURE_H
#define VMTRACE_TESTS_SCAN_FIXTURE_H

#include "residency_fixture.h"

#define SCAN_TID U(100) /* the thread that trace_builder_stream(builder, 100) is of */

struct fixture_scan {
    enum vmt_scan reason;
    enum vmt_stop stop;
    uint64_t number, threads, stopped;
    const char *name; /* NULL: none */
};

static inline void fixture_scan(struct builder_stream *stream, struct fixture_scan scan)
{
    builder_cold(stream, VMT_OP_SCAN, "uuuuus", scan.number ? scan.number : U(1), U(scan.reason),
                 U(scan.stop), scan.threads ? scan.threads : U(1), scan.stopped,
                 scan.name ? scan.name : "");
}

/* A part of the address space, readable and writable. */
static inline void fixture_space(struct builder_stream *stream, uint64_t start, uint64_t pages,
                                 const char *name)
{
    fixture_region(stream, (struct fixture_region){
                               .start = start, .pages = pages, .flags = READ_WRITE, .name = name});
}

/* A thread that stands still. */
static inline void fixture_thread(struct builder_stream *stream, uint64_t tid,
                                  uint64_t stack_pointer, uint64_t thread_pointer)
{
    builder_cold(stream, VMT_OP_SCAN_THREAD, "uuuu", tid, stack_pointer, thread_pointer,
                 U(VMT_THREAD_STOPPED | VMT_THREAD_REGISTERS));
}

static inline uint64_t fixture_distance(uint64_t value, uint64_t base)
{
    int64_t delta = (int64_t)(value - base);
    return ((uint64_t)delta << 1 ^ (uint64_t)(delta >> 63)) << 1 | 1;
}

static inline void fixture_pointer(struct builder_stream *stream, uint64_t location, uint64_t value)
{
    builder_cold(stream, VMT_OP_POINTERS, "uuu", location, U(VMT_POINTER_FAR),
                 fixture_distance(value, location));
}

/* With what stands `before` its target: the entry's number as it is in the trace. */
static inline void fixture_pointer_before(struct builder_stream *stream, uint64_t location,
                                          uint64_t value, uint64_t before)
{
    builder_cold(stream, VMT_OP_POINTERS, "uuuuu", location, U(VMT_POINTER_FAR),
                 fixture_distance(value, location), U(VMT_POINTER_BEFORE), before);
}

static inline void fixture_table(struct builder_stream *stream, uint64_t location)
{
    builder_cold(stream, VMT_OP_POINTERS, "uu", location, U(VMT_POINTER_TABLE));
}

static inline void fixture_scan_end(struct builder_stream *stream, uint64_t error,
                                    uint64_t pointers)
{
    builder_cold(stream, VMT_OP_SCAN_END, "uuuuuu", error, U(1000), pointers, U(0), U(2000),
                 U(3000));
}

/* The class that the judging scan gives the block at `address`. */
static inline enum reach_class fixture_class(const struct trace_model *model, uint64_t address)
{
    size_t index = reach_graph_find(&model->reach.graph, address);
    ck_assert_msg(index != SIZE_MAX, "no block at %llx", (unsigned long long)address);
    return model->reach.classes.classes[index];
}

#endif
