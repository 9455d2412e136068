/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load for sampling, with a ledger of its own.
 *
 *     sampled_load SEED OPERATIONS THREADS
 *     sampled_load starve 0 0
 *     sampled_load fork OPERATIONS CHILDREN
 *
 * Each thread allocates by one of the functions below, puts the block into a slot that all threads
 * share, and releases what was there.  At the end a line for each function and size:
 * "FUNCTION SIZE ALLOCATIONS RELEASES", and for each function that saw calls fail "FUNCTION failed
 * CALLS".  What still is in the slots is not released.
 */
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SITE extern "C" __attribute__((noinline))

// clang-format off
enum function { SMALL, CLEARED, LARGE, OBJECTS, ARRAYS, ALIGNED, OVERALIGNED, GROWING, TEMPORARY,
                TINY, FUNCTIONS };
enum { SIZES = 6 };
static const struct {
    const char *name;
    size_t sizes[SIZES];
} functions[FUNCTIONS] = {
    {"small_blocks",     {16, 24, 40, 60, 120, 500}},
    {"cleared_blocks",   {64, 200, 1000, 4000, 9000, 32}},
    {"large_blocks",     {20000, 70000, 150000, 600000, 33333, 100000}},
    {"new_objects",      {16, 24, 48, 80, 300, 32}},
    {"new_arrays",       {20, 100, 400, 1000, 5000, 40}},
    {"aligned_blocks",   {64, 128, 1024, 256, 100, 700}},
    {"aligned_objects",  {64, 192, 640, 20, 100, 2000}},
    {"growing_blocks",   {50, 100, 200, 400, 800, 1600}},
    {"temporary_blocks", {30, 90, 150, 700, 2000, 20}},
    {"tiny_blocks",      {0, 1, 2, 3, 5, 8}},
};
// clang-format on

static std::atomic<uint64_t> allocated[FUNCTIONS][SIZES], released[FUNCTIONS][SIZES];
static std::atomic<uint64_t> failed[FUNCTIONS];
static volatile size_t too_much = PTRDIFF_MAX;

/* ---- one call site each ---- */

SITE void *small_blocks(size_t size)
{
    return malloc(size);
}

SITE void *tiny_blocks(size_t size)
{
    return malloc(size);
}

SITE void *cleared_blocks(size_t size)
{
    return calloc(size, 1);
}

SITE void *large_blocks(size_t size)
{
    return malloc(size);
}

SITE void *new_objects(size_t size)
{
    return ::operator new(size);
}

SITE void *new_arrays(size_t size)
{
    return ::operator new[](size);
}

SITE void *aligned_blocks(size_t size)
{
    void *block = nullptr;
    return posix_memalign(&block, 64, size) ? nullptr : block;
}

SITE void *aligned_objects(size_t size)
{
    return ::operator new(size, std::align_val_t(64));
}

SITE void *growing_blocks(void *block, size_t size)
{
    return realloc(block, size);
}

SITE void temporary_blocks(size_t size)
{
    free(malloc(size));
}

/* ---- the load ---- */

static void *grow(unsigned last)
{
    void *block = nullptr;
    for (unsigned i = 0; i <= last; i++) {
        block = growing_blocks(block, functions[GROWING].sizes[i]);
        allocated[GROWING][i]++;
        if (i)
            released[GROWING][i - 1]++;
        if (i == 2 && !growing_blocks(block, too_much)) /* the block stays as it is */
            failed[GROWING]++;
    }
    return block;
}

static void *allocate(unsigned function, unsigned which)
{
    static void *(*const calls[FUNCTIONS])(size_t) = {
        small_blocks,   cleared_blocks,  large_blocks, new_objects, new_arrays,
        aligned_blocks, aligned_objects, nullptr,      nullptr,     tiny_blocks};
    if (function == GROWING)
        return grow(which);
    allocated[function][which]++;
    if (function != TEMPORARY)
        return calls[function](functions[function].sizes[which]);
    temporary_blocks(functions[function].sizes[which]);
    released[function][which]++;
    return nullptr;
}

static void release(unsigned function, unsigned which, void *block)
{
    released[function][which]++;
    if (function == OBJECTS)
        ::operator delete(block);
    else if (function == ARRAYS)
        ::operator delete[](block);
    else if (function == OVERALIGNED)
        ::operator delete(block, std::align_val_t(64));
    else
        free(block);
}

/* A slot: address << 16 | function << 8 | size. */
enum { SLOTS = 4096 };
static std::atomic<uint64_t> slots[SLOTS];
static unsigned long operations;

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void *work(void *seed)
{
    uint64_t state = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (unsigned long i = 0; i < operations; i++) {
        uint64_t random = random_next(&state) >> 8;
        unsigned function = random % FUNCTIONS, which = random / 16 % SIZES;
        if (function == LARGE && random / 128 % 16)
            function = SMALL;
        void *block = allocate(function, which);
        if (!block)
            continue;
        uint64_t fresh = (uint64_t)block << 16 | function << 8 | which;
        uint64_t old = slots[random / 4096 % SLOTS].exchange(fresh);
        if (old)
            release(old >> 8 & 255, old & 255, (void *)(old >> 16));
    }
    return nullptr;
}

SITE void failing_calls()
{
    if (!malloc(too_much) && !calloc(too_much, 3) && !::operator new(too_much, std::nothrow))
        printf("failing_calls failed 3\n");
}

SITE void *starved_calls()
{
    return malloc(1000);
}

/* Small blocks until one more is refused. */
static int starve()
{
    struct rlimit limit = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_DATA, &limit);
    while (starved_calls())
        continue;
    return 0;
}

/* Children that all do the same. */
static int fork_children(unsigned long count)
{
    work((void *)2); /* so that they inherit a countdown */
    for (unsigned long i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            work((void *)1);
            _exit(0);
        }
        waitpid(child, nullptr, 0);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    if (strcmp(argv[1], "starve") == 0)
        return starve();
    uint64_t seed = strtoull(argv[1], nullptr, 10);
    unsigned long threads = strtoul(argv[3], nullptr, 10);
    operations = strtoul(argv[2], nullptr, 10);
    if (strcmp(argv[1], "fork") == 0)
        return fork_children(threads);
    pthread_t others[16];
    for (unsigned long i = 1; i < threads; i++)
        pthread_create(&others[i], nullptr, work, (void *)(seed + 1000 * i));
    work((void *)seed);
    for (unsigned long i = 1; i < threads; i++)
        pthread_join(others[i], nullptr);
    failing_calls();
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        for (unsigned k = 0; k < SIZES; k++)
            printf("%s %zu %lu %lu\n", functions[f].name, functions[f].sizes[k],
                   allocated[f][k].load(), released[f][k].load());
        if (failed[f])
            printf("%s failed %lu\n", functions[f].name, failed[f].load());
    }
    return 0;
}
