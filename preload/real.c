/* SPDX-License-Identifier: Apache-2.0 */
#include "real.h"

#include "interpose.h"
#include "lifecycle.h"
#include "next_symbol.h"
#include "sample.h"
#include "sys.h"
#include "thread_state.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* ---- while the look-up runs ---- */

char real_arena[REAL_ARENA_BYTES] SYS_TABLE __attribute__((aligned(64)));
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

/* The wrapper that called has begun its work as if every allocation was to be recorded. */
static void first_allocation(void)
{
    first_call();
    if (sample_is_on())
        thread_state.flags |= THREAD_UNDECIDED;
}

static void *first_malloc(size_t size)
{
    first_allocation();
    return resolving ? arena_take(16, size) : real_heap.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
    first_allocation();
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
static const char *allocator_path = "";

/* Never dlerror() after a failed look-up: it takes gettext's locks, and the program's first malloc
 * may come from newlocale(), which holds one of them. */
void *real_next(const char *name)
{
    bool sure;
    void *function = next_symbol_find(name, &sure);
    return sure ? function : dlsym(RTLD_NEXT, name);
}

struct wanted_module {
    uint64_t address;
    struct range range;
    const char *path;
};

/* The extent of a module, and whether it is the one wanted. */
static int compare_module(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct wanted_module *wanted = context;
    uint64_t start = UINT64_MAX, end = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD)
            continue;
        uint64_t low = info->dlpi_addr + segment->p_vaddr, high = low + segment->p_memsz;
        start = low < start ? low : start;
        end = high > end ? high : end;
    }
    if (wanted->address < start || wanted->address >= end)
        return 0;
    wanted->range = (struct range){start, end};
    wanted->path = info->dlpi_name[0] ? info->dlpi_name : program_invocation_name;
    return 1;
}

/* Every runtime with a malloc exports this beside it, also where it is linked statically. */
extern void *__interceptor_malloc(size_t size) __attribute__((weak));

bool real_is_sanitized(void)
{
    return &__interceptor_malloc != NULL;
}

/* The mapped extent of the module that holds `function`.  Not dladdr(): it looks at every symbol of
 * the module, 60,000 instructions in libc. */
static bool module_range(const void *function, struct range *range, const char **path)
{
    struct wanted_module wanted = {.address = (uint64_t)function};
    if (real_is_sanitized() /* its dl_iterate_phdr may not be called yet */ ||
        !dl_iterate_phdr(compare_module, &wanted))
        return false;
    *range = wanted.range;
    *path = wanted.path;
    return true;
}

static bool covers(const struct range *range, uint64_t pc)
{
    return pc >= range->start && pc < range->end;
}

/* Once real_resolve has noted where that is. */
static bool in_own_module(const void *function)
{
    return covers(&runtime_ranges[0], (uint64_t)function);
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
    void *function = dlsym(RTLD_NEXT, name);
    for (const struct link_map *map = _r_debug.r_map; map && !function; map = map->l_next)
        function = find_in_module(map, name);
    return function;
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
    struct range range;
    const char *path;
    void *first = dlsym(RTLD_DEFAULT, "malloc");
    return first && !in_own_module(first) && module_range(first, &range, &path) ? path : "";
}

static void note_allocator(const struct real_heap *heap)
{
    struct range range;
    const char *path;
    if (!module_range((const void *)heap->malloc, &range, &path))
        return;
    allocator_path = path;
    if (!covers(&range, (uint64_t)&strtol))
        allocator_range = range;
}

void real_resolve(void)
{
    static int state; /* 0: not yet, 1: under way or done */
    int idle = 0;
    if (!__atomic_compare_exchange_n(&state, &idle, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return;
    resolving = true;
    next_symbol_setup();
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
    interpose_spawn_resolve();
    interpose_privilege_resolve();
    interpose_thread_resolve();
    /* Last: until here, the message of a failed look-up came from the arena, and may be freed at
     * any time. */
    real_heap = heap;
    resolving = false;
}
