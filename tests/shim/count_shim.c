/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An independent count of allocator calls, to compare vmtrace with.
 *
 *     COUNT_SHIM_OUTPUT=/tmp/counts.%p LD_PRELOAD=libcount_shim.so ./app
 *
 * Each process counts into a file of its own: the pattern with %p replaced by the
 * pid and ".0", ".1", ... appended (the same pid again after an exec).  The counters
 * live in a shared mapping of that file, so they are right however the process ends,
 * and releases after the last exit handler are in them, too.  The file is a struct
 * counters, little-endian.
 *
 * The rules are those of valgrind's "total heap usage": a realloc that succeeds is
 * an allocation of the new size and a release of the old block, one that frees
 * (size 0, NULL returned) is a release.  operator new and delete count once, with
 * the size asked for, and not again for the malloc inside them.
 *
 * It shares no code with the recorder.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim_names.h"

struct counters {
    uint64_t magic; /* COUNTERS_MAGIC */
    uint64_t allocations;
    uint64_t bytes_allocated;
    uint64_t frees;
    uint64_t failed;
    uint64_t reallocations; /* of those allocations, the ones that replaced a block */
};

#define COUNTERS_MAGIC UINT64_C(0x31544e554f43) /* "COUNT1" */

/* The kernel zeroes this page in a forked child (MADV_WIPEONFORK), which then opens its own. */
struct process_state {
    struct counters *counters;
};

static struct process_state *state;
static char pattern[4096];
#define SHIM_TLS static __thread __attribute__((tls_model("initial-exec")))

SHIM_TLS unsigned inside; /* calls under way that count by themselves */
/* The frame of the outermost operator new under way, or of one that threw. */
SHIM_TLS const char *new_frame;
/* Allocations inside it: they count only if it throws (the exception object). */
SHIM_TLS uint64_t inner_allocations, inner_bytes;

/* Serves dlsym's own needs while the real functions are looked up; never given back. */
static _Alignas(16) char early_memory[64 * 1024];
static size_t early_used;

static void *early_allocate(size_t size)
{
    size_t begin = (early_used + 15) & ~(size_t)15;
    if (begin + size > sizeof(early_memory))
        return NULL;
    early_used = begin + size;
    return early_memory + begin;
}

static int early_owns(const void *pointer)
{
    return (const char *)pointer >= early_memory &&
           (const char *)pointer < early_memory + sizeof(early_memory);
}

static size_t put_number(char *out, uint64_t value)
{
    char digits[20];
    size_t count = 0, length = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        out[length++] = digits[--count];
    out[length] = '\0';
    return length;
}

/* Writes the file's name for this process, attempt `n`, to `out` (sizeof(pattern) + 64). */
static void make_name(char *out, unsigned n)
{
    size_t length = 0;
    for (const char *p = pattern; *p && length < sizeof(pattern); p++) {
        if (p[0] == '%' && p[1] == 'p') {
            length += put_number(out + length, (uint64_t)getpid());
            p++;
        } else {
            out[length++] = *p;
        }
    }
    out[length++] = '.';
    put_number(out + length, n);
}

/* Kept apart from libc's wrappers, which may be the program's own. */
static struct counters *map_counters(void)
{
    static struct counters nowhere; /* when there is no file: counted, never seen */
    char name[sizeof(pattern) + 64];
    long fd = -1;

    if (!pattern[0])
        return &nowhere;
    for (unsigned n = 0; n < 1000 && fd < 0; n++) {
        make_name(name, n);
        fd = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return &nowhere;
    }
    if (fd < 0 || syscall(SYS_ftruncate, fd, 4096))
        return &nowhere;
    long address = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (address == -1)
        return &nowhere;
    struct counters *mapped = (struct counters *)(uintptr_t)address;
    mapped->magic = COUNTERS_MAGIC;
    return mapped;
}

static void make_state(void)
{
    const char *wanted = getenv("COUNT_SHIM_OUTPUT");
    if (wanted && strlen(wanted) < sizeof(pattern))
        strcpy(pattern, wanted);
    long page =
        syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == -1)
        _exit(99);
    syscall(SYS_madvise, page, 4096, MADV_WIPEONFORK);
    __atomic_store_n(&state, (struct process_state *)(uintptr_t)page, __ATOMIC_RELEASE);
}

/* Two threads that race for a child's first count would make two files; the loser's file stays
 * behind empty, and readers ignore files that hold no allocation. */
static struct counters *counters_get(void)
{
    struct process_state *known = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
    if (!known) {
        make_state();
        known = state;
    }
    struct counters *counters = __atomic_load_n(&known->counters, __ATOMIC_ACQUIRE);
    if (!counters) {
        int saved = errno;
        struct counters *fresh = map_counters();
        errno = saved;
        if (__atomic_compare_exchange_n(&known->counters, &counters, fresh, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            counters = fresh;
    }
    return counters;
}

static void add(uint64_t *counter, uint64_t value)
{
    __atomic_fetch_add(counter, value, __ATOMIC_RELAXED);
}

/* At the start of each wrapper: an operator new whose caller's frame calls again has thrown.
 * (A cleanup would need a personality routine, which C programs do not have loaded.)  Who
 * catches bad_alloc frees the exception object, so its allocation counts. */
static void settle(const void *frame)
{
    if (!new_frame || (const char *)frame < new_frame)
        return;
    new_frame = NULL;
    struct counters *counters = counters_get();
    add(&counters->allocations, inner_allocations);
    add(&counters->bytes_allocated, inner_bytes);
    add(&counters->failed, 1);
}

#define SETTLE() settle(__builtin_frame_address(0))

/* Whether what is called now is the business of an outer wrapper. */
static int is_inner(void)
{
    return inside || new_frame;
}

static void count_allocation(const void *block, size_t size)
{
    struct counters *counters = counters_get();
    if (!block) {
        add(&counters->failed, 1);
        return;
    }
    add(&counters->allocations, 1);
    add(&counters->bytes_allocated, size);
}

static void count_free(const void *block)
{
    if (block)
        add(&counters_get()->frees, 1);
}

#define REAL(name)                                                                                 \
    static __typeof__(name) *real_##name;                                                          \
    static __typeof__(name) *get_##name(void)                                                      \
    {                                                                                              \
        if (!real_##name) {                                                                        \
            inside++;                                                                              \
            void *found = dlsym(RTLD_NEXT, #name);                                                 \
            inside--;                                                                              \
            memcpy(&real_##name, &found, sizeof(found));                                           \
        }                                                                                          \
        return real_##name;                                                                        \
    }

REAL(malloc)
REAL(calloc)
REAL(realloc)
REAL(reallocarray)
REAL(free)
REAL(posix_memalign)
REAL(aligned_alloc)
REAL(memalign)
REAL(valloc)
REAL(pvalloc)

static void count_block(const void *block, size_t size)
{
    if (!is_inner()) {
        count_allocation(block, size);
    } else if (block) {
        inner_allocations++;
        inner_bytes += size;
    }
}

void *malloc(size_t size)
{
    if (inside && !real_malloc)
        return early_allocate(size);
    SETTLE();
    void *block = get_malloc()(size);
    count_block(block, size);
    return block;
}

void *calloc(size_t count, size_t size)
{
    if (inside && !real_calloc) /* fresh memory is zero */
        return early_allocate(count * size);
    SETTLE();
    void *block = get_calloc()(count, size);
    count_block(block, count * size);
    return block;
}

static void count_reallocation(const void *old, const void *block, size_t size)
{
    if (block || size) {
        count_allocation(block, size);
        if (block && old)
            add(&counters_get()->reallocations, 1);
    }
    if (block || (!size && old))
        count_free(old);
}

void *realloc(void *old, size_t size)
{
    SETTLE();
    void *block = get_realloc()(old, size);
    if (!is_inner())
        count_reallocation(old, block, size);
    return block;
}

void *reallocarray(void *old, size_t count, size_t size)
{
    size_t total = 0;
    SETTLE();
    inside++; /* glibc's calls realloc */
    void *block = get_reallocarray()(old, count, size);
    inside--;
    if (!is_inner())
        count_reallocation(old, block, __builtin_mul_overflow(count, size, &total) ? 1 : total);
    return block;
}

void free(void *block)
{
    if (early_owns(block))
        return;
    SETTLE();
    if (!is_inner())
        count_free(block);
    get_free()(block);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    SETTLE();
    int result = get_posix_memalign()(block, alignment, size);
    count_block(result ? NULL : *block, size);
    return result;
}

#define SHIM_ALIGNED(name)                                                                         \
    void *name(size_t alignment, size_t size)                                                      \
    {                                                                                              \
        SETTLE();                                                                                  \
        void *block = get_##name()(alignment, size);                                               \
        count_block(block, size);                                                                  \
        return block;                                                                              \
    }
SHIM_ALIGNED(aligned_alloc)
SHIM_ALIGNED(memalign)

#define SHIM_PAGES(name)                                                                           \
    void *name(size_t size)                                                                        \
    {                                                                                              \
        SETTLE();                                                                                  \
        void *block = get_##name()(size);                                                          \
        count_block(block, size);                                                                  \
        return block;                                                                              \
    }
SHIM_PAGES(valloc)
SHIM_PAGES(pvalloc)

/* ---- operator new and delete: mangled names, x86-64 and every other LP64 ---- */

/* A C++ library that was loaded with RTLD_LOCAL is in the scope of who calls it alone. */
static void *find_from(const char *name, const void *caller)
{
    Dl_info info;
    void *found = NULL;
    inside++;
    void *module = dladdr(caller, &info) ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (module) {
        found = dlsym(module, name);
        dlclose(module);
    }
    inside--;
    if (!found)
        _exit(98);
    return found;
}

/* Counted outermost only. */
#define SHIM_NEW(name, parameters, arguments)                                                      \
    REAL(name)                                                                                     \
    void *name parameters                                                                          \
    {                                                                                              \
        if (!get_##name()) {                                                                       \
            void *found = find_from(#name, __builtin_return_address(0));                           \
            memcpy(&real_##name, &found, sizeof(found));                                           \
        }                                                                                          \
        SETTLE();                                                                                  \
        if (is_inner())                                                                            \
            return real_##name arguments;                                                          \
        new_frame = __builtin_frame_address(0);                                                    \
        inner_allocations = inner_bytes = 0;                                                       \
        void *block = real_##name arguments;                                                       \
        new_frame = NULL;                                                                          \
        count_allocation(block, size);                                                             \
        return block;                                                                              \
    }

SHIM_NEW(_Znwm, (size_t size), (size))
SHIM_NEW(_Znam, (size_t size), (size))
SHIM_NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag))
SHIM_NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag))
SHIM_NEW(_ZnwmSt11align_val_t, (size_t size, size_t alignment), (size, alignment))
SHIM_NEW(_ZnamSt11align_val_t, (size_t size, size_t alignment), (size, alignment))
SHIM_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const void *tag),
         (size, alignment, tag))
SHIM_NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const void *tag),
         (size, alignment, tag))
