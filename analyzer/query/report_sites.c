/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "query/report_build.h"

static const char *report_heap_kind(uint32_t kind)
{
    static const char *const kinds[16] = {
        [VMT_MALLOC] = "malloc",         [VMT_CALLOC] = "calloc",
        [VMT_REALLOC] = "realloc",       [VMT_NEW] = "new",
        [VMT_NEW_ARRAY] = "new[]",       [VMT_FREE] = "free",
        [VMT_DELETE] = "delete",         [VMT_DELETE_ARRAY] = "delete[]",
        [VMT_REALLOC_BEGIN] = "realloc", [VMT_ALLOC_OTHER] = "aligned allocation",
    };
    static const char *const subkinds[64] = {
        [VMT_SUB_POSIX_MEMALIGN] = "posix_memalign",
        [VMT_SUB_ALIGNED_ALLOC] = "aligned_alloc",
        [VMT_SUB_MEMALIGN] = "memalign",
        [VMT_SUB_VALLOC] = "valloc",
        [VMT_SUB_PVALLOC] = "pvalloc",
        [VMT_SUB_REALLOCARRAY] = "reallocarray",
        [VMT_SUB_NEW_ALIGNED] = "new (aligned)",
        [VMT_SUB_NEW_ARRAY_ALIGNED] = "new[] (aligned)",
        [VMT_SUB_FREE_SIZED] = "free_sized",
        [VMT_SUB_FREE_ALIGNED_SIZED] = "free_aligned_sized",
        [VMT_SUB_DELETE_ALIGNED] = "delete (aligned)",
        [VMT_SUB_DELETE_ARRAY_ALIGNED] = "delete[] (aligned)",
    };
    uint32_t subkind = kind >> 8 & 0xff;
    const char *name = subkind < 64 && subkinds[subkind] ? subkinds[subkind] : NULL;
    if (!name)
        name = (kind & 0xff) < 16 ? kinds[kind & 0xff] : NULL;
    return name ? name : "unknown call";
}

const char *report_kind_name(struct report_build *build, uint32_t kind)
{
    if (kind >= SITE_POOL)
        return arena_printf(build->arena, "pool %s",
                            build->model->pools.names[kind - SITE_POOL].name);
    switch (kind) {
    case SITE_MMAP:
        return "mmap";
    case SITE_SHM:
        return "shmat";
    case SITE_BREAK:
        return "sbrk";
    default:
        return report_heap_kind(kind);
    }
}

/* What was allocated before a fork is a class of its own, whatever made it. */
enum site_class {
    SITE_CLASS_HEAP = 1,
    SITE_CLASS_MAPPING = 2,
    SITE_CLASS_POOL = 4,
    SITE_CLASS_INHERITED = 8,
};

static unsigned report_site_class(const struct site *site)
{
    if (site->inherited)
        return SITE_CLASS_INHERITED;
    if (site->kind >= SITE_POOL)
        return SITE_CLASS_POOL;
    return site->kind >= SITE_MMAP ? SITE_CLASS_MAPPING : SITE_CLASS_HEAP;
}

static bool report_fill_site(struct report_build *build, uint32_t index)
{
    const struct site *site = &build->model->sites.sites[index];
    bool good = true, allocated = site->samples > 0;
    struct report_site *out = &build->sites[index];
    *out = (struct report_site){
        .kind = report_kind_name(build, site->kind),
        .stack = report_build_stack(build, site->node, &good),
        .allocations = site->allocations,
        .bytes_allocated = site->bytes_allocated,
        .temporary = site->temporary,
        .own_peak_bytes = site->own_peak_bytes,
        .live_bytes = site->live_bytes,
        .live_blocks = site->live_blocks,
        .first_ns = allocated ? report_ns(build, site->first_ticks) : 0,
        .last_ns = allocated ? report_ns(build, site->last_ticks) : 0,
        .largest = site->largest,
        .minor_faults = site->minor + site->touched_minor,
        .major_faults = site->major + site->touched_major,
        .counted_minor = site->minor,
        .counted_major = site->major,
        .failed = site->failed,
        .resident_bytes = REPORT_UNKNOWN,
        .swapped_bytes = REPORT_UNKNOWN,
        .recorded = site->samples,
        .inherited = site->inherited,
    };
    site_table_at_peak(&build->model->sites, index, &out->peak_bytes, &out->peak_blocks);
    if (build->model->heap.sample_interval && site->kind < SITE_MMAP)
        report_estimate_site(build, index);
    return good && out->kind;
}

/* ---- lists of sites ---- */

static uint64_t report_by_allocated(const struct report_site *site)
{
    return site->bytes_allocated;
}

static uint64_t report_by_peak(const struct report_site *site)
{
    return site->peak_bytes;
}

static uint64_t report_by_temporary(const struct report_site *site)
{
    return site->temporary;
}

static uint64_t report_by_faults(const struct report_site *site)
{
    return site->counted_minor + site->counted_major;
}

static uint64_t report_by_live(const struct report_site *site)
{
    return site->live_bytes;
}

struct ranked_site {
    uint64_t rank;
    uint32_t index;
    bool inherited;
};

/* Highest first; the older site first where they are equal.  What was inherited comes last. */
static int report_compare_ranks(const void *left, const void *right)
{
    const struct ranked_site *a = left, *b = right;
    if (a->inherited != b->inherited)
        return b->inherited ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The sites of some classes by falling rank; those of rank 0 are left out unless `all`. */
static bool report_rank_sites(struct report_build *build, unsigned classes,
                              uint64_t (*rank)(const struct report_site *), bool all,
                              const struct report_site *const **list, size_t *count)
{
    size_t total = build->model->sites.count, kept = 0;
    struct ranked_site *ranked = malloc((total + 1) * sizeof(*ranked));
    if (!ranked)
        return false;
    for (uint32_t i = 0; i < total; i++) {
        uint64_t value = rank(&build->sites[i]);
        if ((report_site_class(&build->model->sites.sites[i]) & classes) && (all || value))
            ranked[kept++] = (struct ranked_site){value, i, build->sites[i].inherited};
    }
    qsort(ranked, kept, sizeof(*ranked), report_compare_ranks);
    const struct report_site **sites = arena_array(build->arena, kept, sizeof(*sites));
    for (size_t i = 0; sites && i < kept; i++)
        sites[i] = &build->sites[ranked[i].index];
    free(ranked);
    *list = sites;
    *count = kept;
    return sites != NULL;
}

static bool report_build_rankings(struct report_build *build)
{
    struct report *report = build->report;
    unsigned owners = SITE_CLASS_HEAP | SITE_CLASS_MAPPING;
    unsigned all = owners | SITE_CLASS_POOL | SITE_CLASS_INHERITED;
    return report_rank_sites(build, all, report_by_allocated, true, &report->sites,
                             &report->site_count) &&
           report_rank_sites(build, SITE_CLASS_HEAP, report_by_peak, false, &report->peak_sites,
                             &report->peak_site_count) &&
           report_rank_sites(build, SITE_CLASS_HEAP, report_by_temporary, false,
                             &report->temporary_sites, &report->temporary_site_count) &&
           report_rank_sites(build, SITE_CLASS_HEAP | SITE_CLASS_INHERITED, report_by_faults, false,
                             &report->fault_sites, &report->fault_site_count) &&
           /* Pools lie in blocks and mappings, which have owners already. */
           report_rank_sites(build, owners, report_by_live, false, &report->growth_sites,
                             &report->growth_site_count);
}

static int report_compare_mappings(const void *left, const void *right)
{
    const struct report_mapping *a = left, *b = right;
    if (a->live_bytes != b->live_bytes)
        return a->live_bytes > b->live_bytes ? -1 : 1;
    if (a->bytes_mapped != b->bytes_mapped)
        return a->bytes_mapped > b->bytes_mapped ? -1 : 1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static bool report_build_mappings(struct report_build *build)
{
    const struct site_table *table = &build->model->sites;
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        count += report_site_class(&table->sites[i]) == SITE_CLASS_MAPPING;
    struct report_mapping *list = arena_array(build->arena, count, sizeof(*list));
    if (!list)
        return false;
    struct report_mapping *next = list;
    for (size_t i = 0; i < table->count; i++) {
        const struct site *site = &table->sites[i];
        if (report_site_class(site) != SITE_CLASS_MAPPING)
            continue;
        *next = (struct report_mapping){&build->sites[i],      site->allocations,
                                        site->bytes_allocated, site->live_bytes,
                                        site->live_blocks,     report_copy(build, site->name)};
        if (site->name && !next->name)
            return false;
        next++;
    }
    qsort(list, count, sizeof(*list), report_compare_mappings);
    build->report->mappings = list;
    build->report->mapping_count = count;
    return true;
}

bool report_build_sites(struct report_build *build)
{
    const struct report_options *options = build->options;
    size_t total = build->model->sites.count;
    build->sites = arena_array(build->arena, total, sizeof(*build->sites));
    if (!build->sites)
        return false;
    for (uint32_t i = 0; i < total; i++) {
        if (!report_fill_site(build, i))
            return false;
        build->report->inherited_site_count += build->sites[i].inherited;
        if (options->progress && i % 64 == 0)
            options->progress(options->progress_context, "resolving symbols",
                              (unsigned)((uint64_t)i * 1000 / total));
    }
    return report_build_rankings(build) && report_build_mappings(build);
}
