/* SPDX-License-Identifier: Apache-2.0 */
#include "real.h"

#include "interpose.h"
#include "lifecycle.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* ---- while the look-up runs ---- */

char real_arena[REAL_ARENA_BYTES] __attribute__((aligned(64)));
static size_t arena_used;

static void *arena_take(size_t alignment, size_t size)
{
    size_t start, end;
    do {
        size_t used = __atomic_load_n(&arena_used, __ATOMIC_RELAXED);
        start = (used + alignment + sizeof(size_t) - 1) & ~(alignment - 1);
        end = start + size;
        if (size > REAL_ARENA_BYTES || end > REAL_ARENA_BYTES) {
            errno = ENOMEM;
            return NULL;
        }
        if (__atomic_compare_exchange_n(&arena_used, &used, end, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            break;
    } while (1);
    char *block = real_arena + start;
    memcpy(block - sizeof(size_t), &size, sizeof(size_t)); /* for realloc */
    return block;
}

static bool resolving;

/* The first allocation of the process: other libraries' constructors may run before ours. */
static void first_call(void)
{
    real_resolve();
    if (!resolving)
        lifecycle_start();
}

static void *first_malloc(size_t size)
{
    first_call();
    return resolving ? arena_take(16, size) : real_heap.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
    first_call();
    size_t total;
    if (!resolving)
        return real_heap.calloc(count, size);
    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_take(16, total);
}

static void *first_realloc(void *block, size_t size)
{
    first_call();
    if (!resolving)
        return real_heap.realloc(block, size);
    void *fresh = arena_take(16, size);
    if (fresh && block && real_is_bootstrap(block)) {
        size_t old;
        memcpy(&old, (char *)block - sizeof(size_t), sizeof(old));
        memcpy(fresh, block, old < size ? old : size);
    }
    return fresh;
}

static void first_free(void *block)
{
    first_call();
    if (!resolving)
        real_heap.free(block);
}

static int first_posix_memalign(void **block, size_t alignment, size_t size)
{
    first_call();
    if (!resolving)
        return real_heap.posix_memalign(block, alignment, size);
    *block = arena_take(alignment, size);
    return *block ? 0 : ENOMEM;
}

static void *first_aligned_alloc(size_t alignment, size_t size)
{
    first_call();
    return resolving ? arena_take(alignment, size) : real_heap.aligned_alloc(alignment, size);
}

static void *first_memalign(size_t alignment, size_t size)
{
    first_call();
    return resolving ? arena_take(alignment, size) : real_heap.memalign(alignment, size);
}

static void *first_valloc(size_t size)
{
    first_call();
    return resolving ? arena_take(4096, size) : real_heap.valloc(size);
}

static void *first_pvalloc(size_t size)
{
    first_call();
    return resolving ? arena_take(4096, size) : real_heap.pvalloc(size);
}

struct real_heap real_heap = {
    .malloc = first_malloc,
    .calloc = first_calloc,
    .realloc = first_realloc,
    .free = first_free,
    .posix_memalign = first_posix_memalign,
    .aligned_alloc = first_aligned_alloc,
    .memalign = first_memalign,
    .valloc = first_valloc,
    .pvalloc = first_pvalloc,
};

/* ---- the look-up ---- */

struct range {
    uint64_t start, end;
};

enum { MOST_RANGES = 4 };
static struct range runtime_ranges[MOST_RANGES]; /* [0] is our own module */
static uint32_t runtime_count;
static struct range allocator_range; /* empty for libc */
static char allocator_path[1024];

/* Never dlerror() after a failed look-up: it takes gettext's locks, and the program's first malloc
 * may come from newlocale(), which holds one of them. */
void *real_next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static bool in_own_module(const void *function)
{
    Dl_info own, other;
    return dladdr((const void *)&in_own_module, &own) && dladdr(function, &other) &&
           own.dli_fbase == other.dli_fbase;
}

static void *find_in_module(const struct link_map *map, const char *name)
{
    void *handle =
        map->l_name && map->l_name[0] ? dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (!handle)
        return NULL;
    void *function = dlsym(handle, name);
    dlclose(handle);
    return function && !in_own_module(function) ? function : NULL;
}

void *real_next_anywhere(const char *name)
{
    void *function = real_next(name);
    for (const struct link_map *map = _r_debug.r_map; map && !function; map = map->l_next)
        function = find_in_module(map, name);
    return function;
}

/* The mapped extent of the module that holds `function`. */
static bool module_range(const void *function, struct range *range, const char **path)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(function, &info, (void **)&map, RTLD_DL_LINKMAP) || !info.dli_fbase)
        return false;
    const ElfW(Ehdr) *header = info.dli_fbase;
    const ElfW(Phdr) *segment = (const void *)((const char *)header + header->e_phoff);
    range->start = (uint64_t)info.dli_fbase;
    range->end = range->start;
    for (int i = 0; i < header->e_phnum; i++) {
        uint64_t end = (uint64_t)map->l_addr + segment[i].p_vaddr + segment[i].p_memsz;
        if (segment[i].p_type == PT_LOAD && end > range->end)
            range->end = end;
    }
    *path = info.dli_fname;
    return true;
}

bool real_module_extent(const void *function, uint64_t *start, uint64_t *end)
{
    struct range range;
    const char *path;
    if (!module_range(function, &range, &path))
        return false;
    *start = range.start;
    *end = range.end;
    return true;
}

void real_note_runtime(const void *function)
{
    struct range range;
    const char *path;
    if (!module_range(function, &range, &path))
        return;
    uint32_t count = __atomic_load_n(&runtime_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        if (runtime_ranges[i].start == range.start)
            return;
    }
    if (count < MOST_RANGES) {
        runtime_ranges[count] = range;
        __atomic_store_n(&runtime_count, count + 1, __ATOMIC_RELEASE);
    }
}

static bool covers(const struct range *range, uint64_t pc)
{
    return pc >= range->start && pc < range->end;
}

bool real_is_runtime(uint64_t pc)
{
    uint32_t count = __atomic_load_n(&runtime_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        if (covers(&runtime_ranges[i], pc))
            return true;
    }
    return false;
}

bool real_is_allocator(uint64_t pc)
{
    return covers(&allocator_range, pc);
}

const char *real_allocator_path(void)
{
    return allocator_path;
}

const char *real_preempted_by(void)
{
    static char path[1024];
    Dl_info info;
    void *first = dlsym(RTLD_DEFAULT, "malloc");
    if (first && !in_own_module(first) && dladdr(first, &info))
        strncpy(path, info.dli_fname, sizeof(path) - 1);
    return path;
}

static void note_allocator(const struct real_heap *heap)
{
    struct range range, libc;
    const char *path, *libc_path;
    if (!module_range((const void *)heap->malloc, &range, &path))
        return;
    strncpy(allocator_path, path, sizeof(allocator_path) - 1);
    if (module_range((const void *)&strtol, &libc, &libc_path) && libc.start == range.start)
        return;
    allocator_range = range;
}

void real_resolve(void)
{
    static int state; /* 0: not yet, 1: under way or done */
    int idle = 0;
    if (!__atomic_compare_exchange_n(&state, &idle, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return;
    resolving = true;
    struct real_heap heap = {
        .malloc = (void *(*)(size_t))real_next("malloc"),
        .calloc = (void *(*)(size_t, size_t))real_next("calloc"),
        .realloc = (void *(*)(void *, size_t))real_next("realloc"),
        .free = (void (*)(void *))real_next("free"),
        .posix_memalign = (int (*)(void **, size_t, size_t))real_next("posix_memalign"),
        .aligned_alloc = (void *(*)(size_t, size_t))real_next("aligned_alloc"),
        .memalign = (void *(*)(size_t, size_t))real_next("memalign"),
        .valloc = (void *(*)(size_t))real_next("valloc"),
        .pvalloc = (void *(*)(size_t))real_next("pvalloc"),
    };
    note_allocator(&heap);
    real_note_runtime((const void *)&real_resolve);
    interpose_map_resolve();
    interpose_new_resolve();
    interpose_process_resolve();
    interpose_signal_resolve();
    interpose_privilege_resolve();
    /* Last: until here, the message of a failed look-up came from the arena, and may be freed at
     * any time. */
    real_heap = heap;
    resolving = false;
}
