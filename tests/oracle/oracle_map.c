/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each thread works on mappings of its own: a thread that unmaps what another one
 * is about to overlay would leave nothing that a ledger could say for certain.
 * Addresses wander between threads all the same, through the kernel.
 */
#include "oracle_map.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE ((uintptr_t)4096)

struct map_request {
    bool remap;
    uintptr_t old, old_length; /* remap */
    uintptr_t address, length;
    int protection, flags;
};

static __attribute__((noinline)) void *map_or_remap(const struct map_request *request)
{
    void *address = (void *)request->address;
    if (request->remap)
        return mremap((void *)request->old, request->old_length, request->length, request->flags,
                      address);
    if (request->length & PAGE)
        return mmap(address, request->length, request->protection, request->flags, -1, 0);
    return mmap64(address, request->length, request->protection, request->flags, -1, 0);
}

#define SITES(X)                                                                                   \
    X(00) X(01) X(02) X(03) X(04) X(05) X(06) X(07) X(08) X(09) X(10) X(11) X(12) X(13) X(14) X(15)

#define DEFINE_SITE(number)                                                                        \
    static __attribute__((noinline)) void *map_site_##number(const struct map_request *request)    \
    {                                                                                              \
        return map_or_remap(request);                                                              \
    }
SITES(DEFINE_SITE)

#define NAME_SITE(number) map_site_##number,
static void *(*const map_sites[ORACLE_SITES])(const struct map_request *) = {SITES(NAME_SITE)};

static bool add_piece(struct oracle_pieces *pieces, uintptr_t begin, uintptr_t end, unsigned site)
{
    if (begin == end)
        return true;
    if (pieces->count == ORACLE_PIECES)
        return false;
    pieces->list[pieces->count++] = (struct oracle_piece){begin, end, site};
    return true;
}

static void drop_piece(struct oracle_pieces *pieces, unsigned index)
{
    pieces->list[index] = pieces->list[--pieces->count];
}

/* Takes [begin, end), which lies in piece `index`, out of the account. */
static void cut_piece(struct oracle_pieces *pieces, unsigned index, uintptr_t begin, uintptr_t end)
{
    const struct oracle_piece whole = pieces->list[index];
    drop_piece(pieces, index);
    add_piece(pieces, whole.begin, begin, whole.site);
    add_piece(pieces, end, whole.end, whole.site);
}

/* A random range of whole pages of a piece. */
static void random_range(struct oracle_random *random, const struct oracle_piece *piece,
                         uintptr_t *begin, uintptr_t *end)
{
    unsigned pages = (unsigned)((piece->end - piece->begin) / PAGE);
    unsigned first = random_below(random, 2) ? 0 : random_below(random, pages);
    unsigned count =
        random_below(random, 2) ? pages - first : 1 + random_below(random, pages - first);
    *begin = piece->begin + first * PAGE;
    *end = *begin + count * PAGE;
}

static void map_new(struct oracle_pieces *pieces, struct oracle_random *random)
{
    const unsigned site = random_below(random, ORACLE_SITES);
    /* Lengths need not be whole pages; the kernel rounds them up. */
    const uintptr_t odd = random_below(random, 3) ? 0 : 1 + random_below(random, 4095);
    const uintptr_t length = (1 + random_below(random, 24)) * PAGE;
    struct map_request request = {.length = length - odd,
                                  .protection =
                                      random_below(random, 4) ? PROT_READ | PROT_WRITE : PROT_NONE,
                                  .flags = MAP_PRIVATE | MAP_ANONYMOUS};
    void *got = map_sites[site](&request);
    if (got != MAP_FAILED)
        add_piece(pieces, (uintptr_t)got, (uintptr_t)got + length, site);
}

static void map_overlay(struct oracle_pieces *pieces, unsigned index, struct oracle_random *random)
{
    const unsigned site = random_below(random, ORACLE_SITES);
    struct map_request request = {.protection = PROT_READ | PROT_WRITE,
                                  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
    uintptr_t begin, end;

    random_range(random, &pieces->list[index], &begin, &end);
    request.address = begin;
    request.length = end - begin;
    if (map_sites[site](&request) == MAP_FAILED)
        return;
    cut_piece(pieces, index, begin, end);
    add_piece(pieces, begin, end, site);
}

static void unmap_part(struct oracle_pieces *pieces, unsigned index, struct oracle_random *random)
{
    uintptr_t begin, end;

    random_range(random, &pieces->list[index], &begin, &end);
    if (munmap((void *)begin, end - begin - random_below(random, 4096)) == 0)
        cut_piece(pieces, index, begin, end);
}

static void unmap_whole(struct oracle_pieces *pieces, unsigned index)
{
    const struct oracle_piece piece = pieces->list[index];
    if (munmap((void *)piece.begin, piece.end - piece.begin) == 0)
        drop_piece(pieces, index);
}

/* Shrinks or grows a whole piece, which may move; in the name of its owner. */
static void remap_whole(struct oracle_pieces *pieces, unsigned index, struct oracle_random *random)
{
    const struct oracle_piece piece = pieces->list[index];
    struct map_request request = {.remap = true,
                                  .old = piece.begin,
                                  .old_length = piece.end - piece.begin,
                                  .length = (1 + random_below(random, 40)) * PAGE,
                                  .flags = random_below(random, 3) ? MREMAP_MAYMOVE : 0};
    void *got = map_sites[piece.site](&request);
    if (got == MAP_FAILED)
        return;
    drop_piece(pieces, index);
    add_piece(pieces, (uintptr_t)got, (uintptr_t)got + request.length, piece.site);
}

/* Moves a part of one piece to a fixed place in another one. */
static void remap_fixed(struct oracle_pieces *pieces, unsigned index, struct oracle_random *random)
{
    const unsigned to = random_below(random, pieces->count);
    const struct oracle_piece source = pieces->list[index], target = pieces->list[to];
    struct map_request request = {.remap = true, .flags = MREMAP_MAYMOVE | MREMAP_FIXED};
    uintptr_t begin, end;

    random_range(random, &source, &begin, &end);
    if (to == index || end - begin > target.end - target.begin)
        return;
    request.old = begin;
    request.old_length = request.length = end - begin;
    request.address = target.begin;
    if (map_sites[source.site](&request) == MAP_FAILED)
        return;
    /* The higher index first: cutting moves the last piece into its place. */
    if (to > index) {
        cut_piece(pieces, to, target.begin, target.begin + request.length);
        cut_piece(pieces, index, begin, end);
    } else {
        cut_piece(pieces, index, begin, end);
        cut_piece(pieces, to, target.begin, target.begin + request.length);
    }
    add_piece(pieces, target.begin, target.begin + request.length, source.site);
}

/* Calls that the kernel refuses; the account stays as it is. */
static void fail_somehow(struct oracle_pieces *pieces, unsigned index, struct oracle_random *random)
{
    const struct oracle_piece piece = pieces->list[index];
    struct map_request request = {.protection = PROT_NONE, .flags = MAP_PRIVATE | MAP_ANONYMOUS};
    const unsigned site = random_below(random, ORACLE_SITES);

    switch (random_below(random, 4)) {
    case 0: /* length 0 */
        map_sites[site](&request);
        break;
    case 1: /* more than the address space */
        request.length = (uintptr_t)1 << 62;
        map_sites[site](&request);
        break;
    case 2: /* no page boundary */
        munmap((void *)(piece.begin + 1), PAGE);
        break;
    default: /* remap to more than the address space */
        request = (struct map_request){.remap = true,
                                       .old = piece.begin,
                                       .old_length = piece.end - piece.begin,
                                       .length = (uintptr_t)1 << 62,
                                       .flags = MREMAP_MAYMOVE};
        map_sites[site](&request);
        break;
    }
}

void map_do_something(unsigned thread, struct oracle_random *random)
{
    struct oracle_pieces *pieces = ledger_pieces(thread);
    unsigned dice = random_below(random, 100);

    if (pieces->count == 0) {
        map_new(pieces, random);
        return;
    }
    const unsigned index = random_below(random, pieces->count);
    if (pieces->count > ORACLE_PIECES - 4) /* room for what one operation can split */
        unmap_whole(pieces, index);
    else if (dice < 30)
        map_new(pieces, random);
    else if (dice < 45)
        map_overlay(pieces, index, random);
    else if (dice < 70)
        unmap_part(pieces, index, random);
    else if (dice < 85)
        remap_whole(pieces, index, random);
    else if (dice < 95)
        remap_fixed(pieces, index, random);
    else
        fail_somehow(pieces, index, random);
}
