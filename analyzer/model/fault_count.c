/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fault_count.h"

#include <stdlib.h>

#include "base/vector.h"

/* Mappings that allocators get for themselves are larger: no small block of a forked child is on
 * pages of its own for certain. */
#define OWN_PAGES (UINT64_C(128) << 10)
/* Pages that were only inferred are remembered up to this number, 16 GiB of them: a file that lies
 * must not cost more. */
#define INFERRED_PAGES (UINT64_C(1) << 22)

/* Of a huge page: what a page of the lowest table of page descriptors, 8 bytes each, maps. */
static unsigned fault_huge_shift(const struct fault_model *faults)
{
    return 2 * faults->page_shift - 3;
}

/* How often a huge page's worth of memory was touched for the first time. */
struct fault_region {
    uint32_t pair; /* of the first */
    uint32_t faults;
};

static bool fault_owner_is_file(const struct fault_place *place)
{
    return place->target.owner == FAULT_OWNER_FILE || place->target.owner == FAULT_OWNER_MODULE;
}

/* Memory of before the fork, private to the process, with blocks of its own. */
static bool fault_is_inherited(const struct fault_model *faults, const struct fault_place *place)
{
    return (place->target.owner == FAULT_OWNER_BLOCK ||
            (place->target.owner == FAULT_OWNER_MAPPING && !place->shared)) &&
           faults->heap->sites->sites[place->target.id].inherited;
}

/* Whether the page may have been touched before the fork, though nobody saw it: the allocator
 * writes a header before a large block. */
static bool fault_may_be_old(const struct fault_model *faults, const struct fault_place *place,
                             uint64_t address)
{
    uint64_t header = (place->start - 1) >> faults->page_shift;
    return !faults->knows_inherited ||
           (place->target.owner == FAULT_OWNER_BLOCK &&
            (place->end - place->start < OWN_PAGES || address >> faults->page_shift == header));
}

/* The page never faulted as far as is known. */
static enum fault_kind fault_kind_fresh(const struct fault_model *faults,
                                        const struct fault_place *place, uint64_t address)
{
    bool old = place->target.owner == FAULT_OWNER_NONE ||
               place->target.owner == FAULT_OWNER_STACK ||
               (place->target.owner == FAULT_OWNER_BLOCK && place->end - place->start < OWN_PAGES);
    if (fault_is_inherited(faults, place))
        old = fault_may_be_old(faults, place, address);
    if (faults->forked && old)
        return FAULT_KIND_COPY;
    return place->target.owner == FAULT_OWNER_STACK ? FAULT_KIND_STACK : FAULT_KIND_FIRST;
}

/* It did, and faults again. */
static enum fault_kind fault_kind_again(const struct fault_model *faults,
                                        const struct fault_place *place,
                                        const struct page_entry *page)
{
    if (page->giver != PAGE_KEPT)
        return FAULT_KIND_RETURN;
    if (page->moment < faults->fork_moment && !place->shared)
        return FAULT_KIND_COPY;
    if (page->written) /* once it was written nothing is left to be copied */
        return fault_owner_is_file(place) ? FAULT_KIND_CACHED : FAULT_KIND_RETURN;
    switch (place->target.owner) {
    case FAULT_OWNER_BLOCK: /* an allocator that reuses pages it kept causes no fault */
        return place->birth == 0 || place->birth > page->moment ? FAULT_KIND_RETURN
                                                                : FAULT_KIND_WRITE;
    case FAULT_OWNER_ALLOCATOR:
    case FAULT_OWNER_NONE:
        return FAULT_KIND_RETURN;
    default:
        return FAULT_KIND_WRITE;
    }
}

static enum fault_kind fault_kind(const struct fault_model *faults, const struct fault_seen *seen,
                                  const struct fault_place *place, const struct page_entry *page,
                                  bool fresh)
{
    bool file = fault_owner_is_file(place);
    if (seen->bits & VMT_FAULT_MAJOR)
        return file ? FAULT_KIND_DISK : FAULT_KIND_SWAP;
    if (file && (fresh || page->giver != PAGE_KEPT || place->shared))
        return FAULT_KIND_CACHED;
    return fresh ? fault_kind_fresh(faults, place, seen->address)
                 : fault_kind_again(faults, place, page);
}

/* What touches the first page of an aligned huge page of one owner may have brought all of it. */
static bool fault_count_region(struct fault_model *faults, uint64_t address,
                               const struct fault_place *place, uint32_t pair)
{
    unsigned shift = fault_huge_shift(faults);
    uint64_t number = address >> shift, begin = number << shift;
    if (place->shared || place->start == place->end || begin < place->start ||
        place->end - begin < UINT64_C(1) << shift)
        return true;
    uint32_t index = hash_map_get(&faults->region_by_number, number);
    if (index != HASH_MAP_NONE) {
        faults->regions[index].faults++;
        return true;
    }
    if ((faults->region_count == faults->region_capacity &&
         !vector_grow(&faults->regions, &faults->region_capacity, sizeof(*faults->regions))) ||
        !hash_map_put(&faults->region_by_number, number, (uint32_t)faults->region_count))
        return false;
    faults->regions[faults->region_count++] = (struct fault_region){pair, 1};
    return true;
}

static void fault_count_site(struct fault_model *faults, const struct fault_place *place,
                             uint64_t count, bool major)
{
    if (place->target.owner > FAULT_OWNER_FILE || place->target.id == SITE_NONE)
        return;
    struct site *site = &faults->heap->sites->sites[place->target.id];
    *(major ? &site->touched_major : &site->touched_minor) += count;
}

/* The pair of both, with `count` faults of one kind more; UINT32_MAX when out of memory. */
static uint32_t fault_count_pair(struct fault_model *faults, const struct fault_seen *seen,
                                 const struct fault_place *place, enum fault_kind kind,
                                 uint64_t count)
{
    struct fault_target target = place->target;
    uint64_t offset = seen->address + place->bias;
    target.address = seen->address;
    target.first_offset = target.last_offset = offset;
    uint32_t index = fault_table_target(&faults->table, &target);
    uint32_t pair =
        index == UINT32_MAX ? index : fault_table_pair(&faults->table, seen->code, index);
    if (pair == UINT32_MAX)
        return pair;
    struct fault_target *known = &faults->table.targets[index];
    if (offset < known->first_offset)
        known->first_offset = offset;
    if (offset > known->last_offset)
        known->last_offset = offset;
    struct fault_pair *out = &faults->table.pairs[pair];
    *(seen->bits & VMT_FAULT_MAJOR ? &out->major : &out->minor) += count;
    out->kinds[kind] += count;
    if (seen->bits & VMT_FAULT_KERNEL)
        out->kernel += count;
    fault_count_site(faults, place, count, seen->bits & VMT_FAULT_MAJOR);
    return pair;
}

bool fault_count(struct fault_model *faults, const struct fault_seen *seen,
                 const struct fault_place *place, bool inferred)
{
    bool fresh;
    struct page_entry *page =
        page_history_touch(&faults->pages, seen->address >> faults->page_shift, &fresh);
    if (!page)
        return false;
    enum fault_kind kind = fault_kind(faults, seen, place, page, fresh);
    uint32_t giver = page->giver;
    page->moment = faults->heap->owners.moment;
    page->giver = PAGE_KEPT;
    page->written = kind == FAULT_KIND_WRITE;
    uint32_t index = fault_count_pair(faults, seen, place, kind, 1);
    if (index == UINT32_MAX)
        return false;
    struct fault_pair *pair = &faults->table.pairs[index];
    pair->inferred += inferred;
    if (kind == FAULT_KIND_RETURN && giver != PAGE_KEPT)
        faults->table.targets[pair->target].giver = giver;
    return kind != FAULT_KIND_FIRST || fault_count_region(faults, seen->address, place, index);
}

/* Whether a page of the place is there already: a walk that faults does not come through it. */
static bool fault_page_is_there(const struct fault_model *faults, const struct fault_place *place,
                                uint64_t address)
{
    const struct page_entry *page =
        page_history_find(&faults->pages, address >> faults->page_shift);
    return page && page->giver == PAGE_KEPT &&
           (page->written || fault_kind_again(faults, place, page) == FAULT_KIND_WRITE);
}

/* Goes on to what lies next to *place, at `address`; false if that is not of the same owner. */
static bool fault_place_next(const struct fault_model *faults, struct fault_place *place,
                             uint64_t address)
{
    struct fault_target target = place->target;
    fault_owner_find(faults, address, place);
    return place->start != place->end && place->target.owner == target.owner &&
           place->target.id == target.id;
}

/* Of a block so large that its pages are not remembered one by one. */
static bool fault_count_rest(struct fault_model *faults, const struct fault_seen *seen,
                             const struct fault_place *place, uint64_t rest)
{
    uint32_t pair = fault_count_pair(faults, seen, place, FAULT_KIND_FIRST, rest);
    if (pair != UINT32_MAX)
        faults->table.pairs[pair].inferred += rest;
    return pair != UINT32_MAX;
}

bool fault_count_gap(struct fault_model *faults, uint64_t before, const struct fault_seen *first,
                     uint64_t second, uint64_t lost, uint64_t *inferred)
{
    struct fault_place place;
    unsigned shift = faults->page_shift;
    uint64_t at = first->address >> shift, step = (second >> shift) - at;
    struct fault_seen seen = {.code = first->code, .bits = 0};
    *inferred = 0;
    fault_owner_find(faults, first->address, &place);
    if (step + 1 > 2 || step == 0 || place.start == place.end || (first->bits & VMT_FAULT_MAJOR))
        return true;
    for (; *inferred < lost; ++*inferred) {
        at -= step;
        seen.address = at << shift;
        /* The page of the block's beginning may begin before it. */
        uint64_t inside = step == 1 ? seen.address + (UINT64_C(1) << shift) - 1 : seen.address;
        if (at == before >> shift ||
            (inside - place.start >= place.end - place.start &&
             !fault_place_next(faults, &place, inside)) ||
            fault_page_is_there(faults, &place, seen.address))
            return true;
        if (faults->inferred + *inferred >= INFERRED_PAGES)
            break;
        if (!fault_count(faults, &seen, &place, true))
            return false;
    }
    uint64_t room = (step == 1 ? seen.address - place.start : place.end - seen.address) >> shift;
    uint64_t rest = lost - *inferred < room ? lost - *inferred : room;
    *inferred += rest;
    return rest == 0 || fault_count_rest(faults, &seen, &place, rest);
}

void fault_model_finish(struct fault_model *faults, bool huge)
{
    for (size_t i = 0; huge && i < faults->region_count; i++) {
        const struct fault_region *region = &faults->regions[i];
        struct fault_pair *pair = &faults->table.pairs[region->pair];
        if (region->faults != 1 || pair->kinds[FAULT_KIND_FIRST] == 0)
            continue;
        pair->kinds[FAULT_KIND_FIRST]--;
        pair->kinds[FAULT_KIND_HUGE]++;
    }
    free(faults->regions);
    faults->regions = NULL;
    faults->region_count = faults->region_capacity = 0;
}
