/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle_heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

/* C23, in a C library or in what is preloaded; NULL where there is none. */
extern void free_sized(void *address, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *address, size_t alignment, size_t size) __attribute__((weak));

enum method {
    METHOD_MALLOC,
    METHOD_CALLOC,
    METHOD_REALLOC,
    METHOD_REALLOCARRAY,
    METHOD_POSIX_MEMALIGN,
    METHOD_ALIGNED_ALLOC,
    METHOD_MEMALIGN,
    METHOD_VALLOC,
    METHOD_PVALLOC,
    METHOD_CXX,
};

struct request {
    enum method method;
    bool nothrow;
    void *old;    /* METHOD_REALLOC, METHOD_REALLOCARRAY */
    size_t count; /* METHOD_CALLOC, METHOD_REALLOCARRAY: elements of `size` bytes */
    size_t size;
    size_t alignment;
    enum oracle_family family;
};

static __attribute__((noinline)) void *allocate(const struct request *request)
{
    void *block = NULL;
    switch (request->method) {
    case METHOD_MALLOC:
        return malloc(request->size);
    case METHOD_CALLOC:
        return calloc(request->count, request->size);
    case METHOD_REALLOC:
        return realloc(request->old, request->size);
    case METHOD_REALLOCARRAY:
        return reallocarray(request->old, request->count, request->size);
    case METHOD_POSIX_MEMALIGN:
        return posix_memalign(&block, request->alignment, request->size) ? NULL : block;
    case METHOD_ALIGNED_ALLOC:
        return aligned_alloc(request->alignment, request->size);
    case METHOD_MEMALIGN:
        return memalign(request->alignment, request->size);
    case METHOD_VALLOC:
        return valloc(request->size);
    case METHOD_PVALLOC:
        return pvalloc(request->size);
    case METHOD_CXX:
        return cxx_allocate(request->family, request->nothrow, request->size, request->alignment);
    }
    return NULL;
}

/* The call sites that the report must tell apart. */
#define SITES(X)                                                                                   \
    X(00) X(01) X(02) X(03) X(04) X(05) X(06) X(07) X(08) X(09) X(10) X(11) X(12) X(13) X(14) X(15)

#define DEFINE_SITE(number)                                                                        \
    static __attribute__((noinline)) void *alloc_site_##number(const struct request *request)      \
    {                                                                                              \
        return allocate(request);                                                                  \
    }
SITES(DEFINE_SITE)

#define NAME_SITE(number) alloc_site_##number,
static void *(*const alloc_sites[ORACLE_SITES])(const struct request *) = {SITES(NAME_SITE)};

static size_t random_size(struct oracle_random *random)
{
    unsigned dice = random_below(random, 1000);
    if (dice < 30)
        return 0;
    if (dice < 500)
        return 1 + random_below(random, 64);
    if (dice < 900)
        return 1 + random_below(random, 1024);
    if (dice < 980)
        return 1 + random_below(random, 65536);
    if (dice < 990) /* above the size that glibc maps */
        return 131072 + random_below(random, 1 << 20);
    return (size_t)PTRDIFF_MAX - random_below(random, 4096); /* refused */
}

static struct request random_request(struct oracle_random *random)
{
    struct request request = {.method = random_below(random, METHOD_CXX + 4), .count = 1};
    if (request.method > METHOD_CXX)
        request.method = METHOD_CXX;
    request.size = random_size(random);
    request.alignment = (size_t)16 << random_below(random, 9);
    request.nothrow = random_below(random, 4) == 0;
    if (request.method == METHOD_CXX)
        request.family = FAMILY_NEW + random_below(random, 4);
    if (request.method == METHOD_CALLOC || request.method == METHOD_REALLOCARRAY) {
        if (random_below(random, 100) == 0) { /* overflows */
            request.count = SIZE_MAX / 2;
            request.size = 3;
        } else if (request.size <= 65536) {
            request.count = random_below(random, 4) ? 1 + random_below(random, 4) : 0;
        }
    }
    return request;
}

/* First and last byte carry the site: a block that two owners share shows. */
static void mark(const struct oracle_block *block)
{
    if (block->size) {
        ((volatile unsigned char *)block->address)[0] = (unsigned char)block->site;
        ((volatile unsigned char *)block->address)[block->size - 1] = (unsigned char)block->site;
    }
}

static void check(const struct oracle_block *block)
{
    const volatile unsigned char *bytes = block->address;
    if (block->size && (bytes[0] != block->site || bytes[block->size - 1] != block->site))
        ledger_count_damage();
}

static void release(struct oracle_random *random, const struct oracle_block *block)
{
    unsigned form = random_below(random, 3);
    check(block);
    errno = 4321;
    if (block->family != FAMILY_MALLOC)
        cxx_release(block->family, form, block->address, block->size, block->alignment);
    else if (form == 1 && !block->alignment && free_sized)
        free_sized(block->address, block->size);
    else if (form == 1 && block->alignment && free_aligned_sized)
        free_aligned_sized(block->address, block->alignment, block->size);
    else
        free(block->address);
    if (errno != 4321)
        ledger_count_damage();
}

static void keep(struct oracle_random *random, const struct oracle_block *block)
{
    struct oracle_block previous;
    mark(block);
    if (ledger_put(random_below(random, ORACLE_SLOTS), block, &previous))
        release(random, &previous);
}

static void make_block(struct oracle_random *random)
{
    struct request request = random_request(random);
    struct oracle_block block = {.size = request.size * request.count,
                                 .site = random_below(random, ORACLE_SITES),
                                 .family = request.family};
    bool aligned = request.method == METHOD_ALIGNED_ALLOC || request.method == METHOD_CXX;
    block.alignment = aligned ? request.alignment : 0;
    block.address = alloc_sites[block.site](&request);
    if (!block.address) {
        ledger_count_failure(block.site);
        return;
    }
    ledger_count_allocation(block.site, block.size);
    keep(random, &block);
}

static void change_block(struct oracle_random *random, struct oracle_block *block)
{
    struct request request = random_request(random);
    request.method = request.count > 1 ? METHOD_REALLOCARRAY : METHOD_REALLOC;
    if (request.method == METHOD_REALLOC)
        request.count = 1;
    request.old = block->address;
    const size_t size = request.size * request.count;
    const unsigned site = random_below(random, ORACLE_SITES);

    check(block);
    void *moved = alloc_sites[site](&request);
    if (moved) {
        ledger_count_allocation(site, size);
        *block = (struct oracle_block){.address = moved, .size = size, .site = site};
        keep(random, block);
    } else if (request.size && request.count) {
        ledger_count_failure(site);
        keep(random, block);
    } /* else glibc has freed it */
}

void heap_do_something(struct oracle_random *random)
{
    struct oracle_block block;
    unsigned dice = random_below(random, 100);

    if (dice < 45) {
        make_block(random);
    } else if (ledger_take(random_below(random, ORACLE_SLOTS), &block)) {
        if (dice < 70 && block.family == FAMILY_MALLOC)
            change_block(random, &block);
        else
            release(random, &block);
    }
}
