/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function per kind of event.  Each checks whether it is to be recorded at all, keeps
 * errno, and never fails: an event that cannot be written is counted as lost.
 *
 * Allocations are recorded after the real call, releases before it: see clock.h and handover.h.
 */
#ifndef VMTRACE_RECORD_H
#define VMTRACE_RECORD_H

#include "callstack.h"
#include "vmtrace/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block was handed out; `address` NULL records a failed call instead.  True if the block's record
 * was written. */
bool record_alloc(enum vmt_kind kind, const void *address, size_t size,
                  const struct callstack_start *start);
bool record_alloc_other(enum vmt_subkind subkind, size_t alignment, const void *address,
                        size_t size, const struct callstack_start *start);

/* A block is about to be released by the caller at `start` (NULL: by nobody in particular); NULL is
 * ignored.  The stack is recorded where VMTRACE_FREE_STACKS wants it or the address looks wrong. */
void record_free(enum vmt_kind kind, const void *address, const struct callstack_start *start);
void record_free_other(enum vmt_subkind subkind, const void *address,
                       const struct callstack_start *start);

/* VMTRACE_FREE_STACKS. */
void record_all_releases(bool with_stacks);

/* The end of a realloc whose old block was announced as VMT_REALLOC_BEGIN by record_free. */
bool record_realloc_moved(const void *address, size_t size, const struct callstack_start *start);
void record_realloc_failed(const void *block, size_t size, const struct callstack_start *start);
void record_realloc_freed(uint64_t caller);

/* Cold records; arguments in the order of the format. */
void record_map(unsigned source, const void *address, size_t length, int protection, int flags,
                uint64_t offset, const char *name, const struct callstack_start *start);
void record_unmap(unsigned source, const void *address, size_t length,
                  const struct callstack_start *start);
void record_unmap_failed(uint64_t caller);
void record_remap_begin(const void *address, size_t length, uint64_t caller);
void record_remap_end(const void *address, size_t length, const struct callstack_start *start);
void record_break(const void *before, const void *after, const struct callstack_start *start);
void record_advise(const void *address, size_t length, int advice,
                   const struct callstack_start *start);
void record_pool_alloc(unsigned pool, const void *address, size_t size,
                       const struct callstack_start *start);
void record_pool_resize(unsigned pool, const void *before, const void *after, size_t size,
                        const struct callstack_start *start);
void record_pool_free(unsigned pool, const void *address, const struct callstack_start *start);
void record_pool_clear(unsigned pool, const struct callstack_start *start);

enum { CRASH_REGISTERS = 32 };

struct crash_facts {
    int signal, code;
    uint64_t address;             /* as the kernel tells it; 0 if it does not */
    struct callstack_start start; /* the interrupted instruction */
    unsigned flags;               /* VMT_CRASH_* */
    unsigned register_count;
    uint64_t registers[CRASH_REGISTERS]; /* general ones, by DWARF number */
};

void record_crash(const struct crash_facts *facts);

/* Records that consist of one text, one number, a number and a text, UNFOLLOWED's fields, or two
 * numbers. */
void record_text(enum vmt_op op, const char *text);
void record_number(enum vmt_op op, uint64_t number);
void record_named(enum vmt_op op, uint64_t number, const char *text);
void record_unfollowed(uint32_t pid, enum vmt_unfollowed why, const char *path);
void record_range(enum vmt_op op, const void *address, size_t size);

#endif
