/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include "housekeeping.h"
#include "interpose.h"
#include "modules.h"
#include "residency.h"
#include "scan.h"
#include "thread_state.h"

#include <string.h>

enum { NAME_MAX_BYTES = 1023 };

static void copy_name(char copy[NAME_MAX_BYTES + 1], const char *name)
{
    strncpy(copy, name ? name : "", NAME_MAX_BYTES);
    copy[NAME_MAX_BYTES] = '\0';
}

static void record_name(enum vmt_op op, const char *name)
{
    char text[NAME_MAX_BYTES + 1];
    copy_name(text, name);
    record_text(op, text);
}

static void sample_now(void)
{
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    modules_refresh(stream);
    housekeeping_sample(stream);
    thread_leave(stream);
}

static void phase_begin(const char *name)
{
    sample_now();
    record_name(VMT_OP_PHASE_BEGIN, name);
}

static void phase_end(const char *name)
{
    sample_now();
    record_name(VMT_OP_PHASE_END, name);
}

static void pause_recording(void)
{
    record_number(VMT_OP_PAUSE, 0);
    enum recording on = RECORDING_ON;
    if (__atomic_compare_exchange_n(&recording, &on, RECORDING_PAUSED, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        clock_set_mark();
}

static void resume_recording(void)
{
    enum recording paused = RECORDING_PAUSED;
    if (__atomic_compare_exchange_n(&recording, &paused, RECORDING_ON, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        record_number(VMT_OP_RESUME, 0);
}

static void snapshot(const char *name)
{
    sample_now(); /* a forked child begins its own trace, and is not in its parent's scan */
    scan_wait();  /* the last one's tasks and memory would be part of what is resident */
    record_name(VMT_OP_SNAPSHOT, name);
    struct stream *stream = thread_enter(0, 0, RECORDING_PAUSED);
    if (!stream)
        return;
    char text[NAME_MAX_BYTES + 1];
    copy_name(text, name);
    residency_take(stream, VMT_RESIDENCY_SNAPSHOT, text);
    thread_leave(stream);
    scan_take(VMT_SCAN_SNAPSHOT, text);
}

static vmtrace_pool pool_create(const char *name)
{
    static unsigned pools;
    unsigned pool = __atomic_add_fetch(&pools, 1, __ATOMIC_RELAXED);
    char text[NAME_MAX_BYTES + 1];
    copy_name(text, name);
    record_named(VMT_OP_POOL, pool, text);
    return pool;
}

static void pool_alloc(vmtrace_pool pool, const void *address, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (pool && address)
        record_pool_alloc(pool, address, size, &start);
}

static void pool_resize(vmtrace_pool pool, const void *before, const void *after, size_t size)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (pool && after)
        record_pool_resize(pool, before, after, size, &start);
}

static void pool_free(vmtrace_pool pool, const void *address)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (pool && address)
        record_pool_free(pool, address, &start);
}

static void pool_clear(vmtrace_pool pool)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (pool)
        record_pool_clear(pool, &start);
}

static const struct vmtrace_api table = {
    .size = sizeof(table),
    .phase_begin = phase_begin,
    .phase_end = phase_end,
    .pause = pause_recording,
    .resume = resume_recording,
    .snapshot = snapshot,
    .pool_create = pool_create,
    .pool_alloc = pool_alloc,
    .pool_resize = pool_resize,
    .pool_free = pool_free,
    .pool_clear = pool_clear,
};

bool api_answer(void *query, size_t size)
{
    struct vmtrace_query *asked = query;
    if (size != sizeof(*asked) || asked->version != VMTRACE_API_VERSION)
        return false;
    asked->api = &table;
    return true;
}
