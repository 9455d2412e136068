/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that come after ours in the look-up order: glibc's, or those of an allocator
 * preloaded behind us.
 *
 * Each pointer starts out at a function that looks everything up and tries again, so the
 * wrappers need no check.  While the look-up itself runs, allocations of the loader come from
 * a small static arena (real_is_bootstrap tells its blocks, which are never freed).
 */
#ifndef VMTRACE_REAL_H
#define VMTRACE_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct real_heap {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *block, size_t size);
    void (*free)(void *block);
    int (*posix_memalign)(void **block, size_t alignment, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    void *(*memalign)(size_t alignment, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
};

extern struct real_heap real_heap __attribute__((visibility("hidden")));

/* Looks everything up, once; returns at once when that was done. */
void real_resolve(void);

/* The next definition of `name`, or NULL. */
void *real_next(const char *name);

/* The same, and if nothing follows us, the first other definition in any loaded module: a C++
 * library that was opened with RTLD_LOCAL finds our operator new, but ours does not find its
 * libstdc++. */
void *real_next_anywhere(const char *name);

/* Where the bootstrap arena lies. */
extern char real_arena[] __attribute__((visibility("hidden")));
enum { REAL_ARENA_BYTES = 65536 };

static inline bool real_is_bootstrap(const void *block)
{
    return (uintptr_t)block - (uintptr_t)real_arena < REAL_ARENA_BYTES;
}

/* True for code of the module that holds the real operator new (libstdc++), of the next malloc's
 * module and our own: what they call between each other is not the program's. */
bool real_is_runtime(uint64_t pc);
/* True for code of the module that holds the next malloc, when that is not libc. */
bool real_is_allocator(uint64_t pc);

/* Has the program a sanitizer's malloc?  Its runtime is not to be meddled with. */
bool real_is_sanitized(void);
/* Notes that operator new or delete is implemented at `function`. */
void real_note_runtime(const void *function);

/* Path of the module whose malloc the program calls instead of ours, because it comes earlier in
 * the look-up order; empty if the program calls ours. */
const char *real_preempted_by(void);

/* Where the module that holds `function` is mapped, [*start, *end). */
bool real_module_extent(const void *function, uint64_t *start, uint64_t *end);

/* Path of the next malloc's module. */
const char *real_allocator_path(void);

#endif
