/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program may tell vmtrace about itself.  Everything here is optional.
 *
 *     #include <vmtrace/vmtrace.h>
 *
 *     vmtrace_phase_begin("load");
 *     load_everything();
 *     vmtrace_phase_end("load");
 *
 * C and C++, one header, nothing to link with.  While libvmtrace.so is not
 * preloaded each call is a no-op that costs one load and one branch (the very
 * first call asks the C library once).  All calls may be made from any thread,
 * leave errno alone and never fail visibly.  Names are copied; they may be up
 * to 1023 bytes long and are cut there.
 *
 * How it finds the library: through a function that the library wraps anyway.
 * madvise() with an advice value that no kernel knows is answered by the
 * library with a table of functions, and by a kernel without it with EINVAL.
 */
#ifndef VMTRACE_VMTRACE_H
#define VMTRACE_VMTRACE_H

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#ifdef __cplusplus
extern "C" {
#elif !defined(__USE_MISC)
/* <sys/mman.h> hides it under -std=c11 and the like. */
extern int madvise(void *address, size_t length, int advice);
#endif

#define VMTRACE_API_VERSION 1
#define VMTRACE_API_ADVICE 0x766d7472 /* "vmtr" */

/* A pool of the program's own allocator; 0 is "no pool" and ignored everywhere. */
typedef unsigned vmtrace_pool;

/* Filled in by the library; `size` tells a newer program from an older library. */
struct vmtrace_api {
    size_t size;
    void (*phase_begin)(const char *name);
    void (*phase_end)(const char *name);
    void (*pause)(void);
    void (*resume)(void);
    void (*snapshot)(const char *name);
    vmtrace_pool (*pool_create)(const char *name);
    void (*pool_alloc)(vmtrace_pool pool, const void *address, size_t size);
    void (*pool_resize)(vmtrace_pool pool, const void *old_address, const void *new_address,
                        size_t new_size);
    void (*pool_free)(vmtrace_pool pool, const void *address);
    void (*pool_clear)(vmtrace_pool pool);
};

/* What madvise() is given: `api` is set by the library. */
struct vmtrace_query {
    unsigned version;
    const struct vmtrace_api *api;
};

/* The library's table, or NULL when it is not preloaded.  Asked for once per source file. */
static inline const struct vmtrace_api *vmtrace_api_table(void)
{
    static const struct vmtrace_api *known;
    static int asked;
    if (!__atomic_load_n(&asked, __ATOMIC_ACQUIRE)) {
        int saved = errno;
        struct vmtrace_query query = {VMTRACE_API_VERSION, NULL};
        (void)madvise(&query, sizeof(query), VMTRACE_API_ADVICE);
        errno = saved;
        __atomic_store_n(&known, query.api, __ATOMIC_RELAXED);
        __atomic_store_n(&asked, 1, __ATOMIC_RELEASE);
    }
    return __atomic_load_n(&known, __ATOMIC_RELAXED);
}

/* A named part of the run, for the whole process (not per thread).  Phases may nest and
 * overlap; an end closes the newest open phase of that name. */
static inline void vmtrace_phase_begin(const char *name)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->phase_begin(name);
}

static inline void vmtrace_phase_end(const char *name)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->phase_end(name);
}

/* Stop and start recording allocations, for the whole process.  Releases of recorded blocks
 * are recorded even while paused, so that nothing looks leaked that is not.  Does not nest. */
static inline void vmtrace_pause(void)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->pause();
}

static inline void vmtrace_resume(void)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->resume();
}

/* Remember this moment: the report shows what was live, resident and lost at it.  Takes a
 * millisecond, and some 20 for each GiB of resident pages of 4 KiB; other threads stand still for
 * about as long as a fork takes.  While another thread takes one (or a signal of
 * VMTRACE_SNAPSHOT_SIGNAL does) only what is live is remembered. */
static inline void vmtrace_snapshot(const char *name)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->snapshot(name);
}

/* Blocks of an allocator of the program's own, so that they have owners too.  They are
 * counted apart from malloc's (whose blocks they usually lie in).  Returns 0 when vmtrace is
 * not there. */
static inline vmtrace_pool vmtrace_pool_create(const char *name)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    return api ? api->pool_create(name) : 0;
}

/* `address` was handed out, `size` bytes; the caller's stack becomes its owner. */
static inline void vmtrace_pool_alloc(vmtrace_pool pool, const void *address, size_t size)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->pool_alloc(pool, address, size);
}

/* The block at `old_address` is now `new_size` bytes at `new_address` (which may be the same). */
static inline void vmtrace_pool_resize(vmtrace_pool pool, const void *old_address,
                                       const void *new_address, size_t new_size)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->pool_resize(pool, old_address, new_address, new_size);
}

static inline void vmtrace_pool_free(vmtrace_pool pool, const void *address)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->pool_free(pool, address);
}

/* An arena: all its blocks are released at once. */
static inline void vmtrace_pool_clear(vmtrace_pool pool)
{
    const struct vmtrace_api *api = vmtrace_api_table();
    if (api)
        api->pool_clear(pool);
}

#ifdef __cplusplus
}
#endif

#endif
