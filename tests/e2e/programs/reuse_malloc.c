/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that hands a freed block to whoever asks next, in whichever thread, and that signals
 * and forks may interrupt anywhere: for each power of two a lock-free stack of the free blocks
 * (R. K. Treiber, IBM RJ 5118, 1986), whose head carries a count of its changes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SMALLEST = 4, CLASSES = 24, SHARE_BITS = 32 };

/* Of a head: number of the first free block + 1, or 0; above it the count. */
#define NUMBER_MASK (((uint64_t)1 << 28) - 1)
#define COUNT_ONE ((uint64_t)1 << 28)

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void free(void *block);
void *memalign(size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);

static uintptr_t region; /* CLASSES shares of 2^SHARE_BITS bytes, aligned to that */
static uint64_t heads[CLASSES];
static uint64_t fresh[CLASSES]; /* blocks handed out for the first time */

static uintptr_t region_get(void)
{
    uintptr_t known = __atomic_load_n(&region, __ATOMIC_ACQUIRE),
              share = (uintptr_t)1 << SHARE_BITS;
    if (known)
        return known;
    long start = syscall(SYS_mmap, NULL, (CLASSES + 1) * share, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == -1)
        _exit(97);
    uintptr_t aligned = ((uintptr_t)start + share - 1) & ~(share - 1);
    if (__atomic_compare_exchange_n(&region, &known, aligned, 0, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return aligned;
    return known; /* the loser's mapping stays: address space only */
}

static unsigned class_of(size_t size)
{
    unsigned class = 0;
    while (class < CLASSES && ((size_t)1 << (class + SMALLEST)) < size)
        class ++;
    return class;
}

static uint32_t *block_at(unsigned class, uint64_t number)
{
    return (uint32_t *)(region_get() + ((uintptr_t) class << SHARE_BITS) +
                        (number << (class + SMALLEST)));
}

/* Not through the exported names: those are the recorder's. */
static void *take(size_t size)
{
    unsigned class = class_of(size);
    if (class == CLASSES) {
        errno = ENOMEM;
        return NULL;
    }
    uint64_t head = __atomic_load_n(&heads[class], __ATOMIC_ACQUIRE);
    while (head & NUMBER_MASK) {
        uint32_t *block = block_at(class, (head & NUMBER_MASK) - 1);
        /* The link may be another owner's data by now; then the count has changed. */
        uint64_t next = __atomic_load_n(block, __ATOMIC_RELAXED) & NUMBER_MASK;
        if (__atomic_compare_exchange_n(&heads[class], &head,
                                        ((head & ~NUMBER_MASK) + COUNT_ONE) | next, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return block;
    }
    uint64_t number = __atomic_fetch_add(&fresh[class], 1, __ATOMIC_RELAXED);
    if ((number + 1) << (class + SMALLEST) > (uint64_t)1 << SHARE_BITS) {
        errno = ENOMEM;
        return NULL;
    }
    return block_at(class, number);
}

void *malloc(size_t size)
{
    return take(size);
}

void free(void *block)
{
    if (!block)
        return;
    uintptr_t offset = (uintptr_t)block - region_get();
    unsigned class = (unsigned)(offset >> SHARE_BITS);
    uint64_t number = (offset & (((uintptr_t)1 << SHARE_BITS) - 1)) >> (class + SMALLEST);
    uint64_t head = __atomic_load_n(&heads[class], __ATOMIC_RELAXED);
    do
        __atomic_store_n((uint32_t *)block, (uint32_t)(head & NUMBER_MASK), __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&heads[class], &head,
                                        ((head & ~NUMBER_MASK) + COUNT_ONE) | (number + 1), 0,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

void *calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        total = SIZE_MAX;
    void *block = take(total);
    return block ? memset(block, 0, total) : NULL;
}

static void give_back(void *block) __attribute__((alias("free")));

void *realloc(void *old, size_t size)
{
    if (!old)
        return take(size);
    unsigned class = (unsigned)(((uintptr_t)old - region_get()) >> SHARE_BITS);
    if (class_of(size) == class)
        return old;
    void *block = take(size);
    if (!block)
        return NULL;
    size_t before = (size_t)1 << (class + SMALLEST);
    memcpy(block, old, before < size ? before : size);
    give_back(old);
    return block;
}

/* A block of a power of two lies at a multiple of it. */
void *aligned_alloc(size_t alignment, size_t size)
{
    return take(size > alignment ? size : alignment);
}

void *memalign(size_t alignment, size_t size)
{
    return take(size > alignment ? size : alignment);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    int saved = errno;
    *block = take(size > alignment ? size : alignment);
    errno = saved;
    return *block ? 0 : ENOMEM;
}
