/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could be done about page faults: only what the figures support, in a sentence each.
 *
 * A hint needs HINT_FAULTS faults and one in HINT_SHARE of all: below that nothing is won.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "query/fault_sums.h"

#define HINT_FAULTS 512
#define HINT_SHARE 20
#define HINT_BYTES (UINT64_C(1) << 20) /* smallest buffer that is worth a word about its use */
#define HINTS_MOST 32
#define MMAP_THRESHOLD (UINT64_C(128) << 10) /* glibc's, as long as it has not grown */

struct hints {
    struct string_list texts;
    struct string_list places; /* what a hint was about: there is one for each */
};

static const char *hint_bytes(struct report_build *build, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1023.5 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
        value /= 1024;
    int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return arena_printf(build->arena, "%.*f %s", digits, value, units[unit]);
}

/* Of one that a page of descriptors, 8 bytes each, maps. */
static uint64_t hint_huge_bytes(const struct report_build *build)
{
    return (uint64_t)build->model->header.page_size * build->model->header.page_size / 8;
}

static bool hint_weighs(const struct report_build *build, uint64_t faults)
{
    const struct report_fault_totals *totals = &build->report->fault_totals;
    uint64_t all = totals->described + totals->inferred + totals->counted + totals->lost;
    return faults >= HINT_FAULTS && faults >= all / HINT_SHARE;
}

/* Function and line of the program's own innermost frame. */
static const char *hint_place(struct report_build *build, const struct report_stack *stack)
{
    const struct report_frame *frame = stack && stack->count ? &stack->frames[0] : NULL;
    for (size_t i = 0; stack && i < stack->count; i++) {
        if (stack->frames[i].application && !stack->frames[i].allocator) {
            frame = &stack->frames[i];
            break;
        }
    }
    if (!frame || !frame->function)
        return frame && frame->module
                   ? arena_printf(build->arena, "%s+0x%" PRIx64, frame->module, frame->offset)
                   : "an unknown place";
    const char *slash = frame->file ? strrchr(frame->file, '/') : NULL;
    return frame->line > 0 && frame->file
               ? arena_printf(build->arena, "%s (%s:%d)", frame->function,
                              slash ? slash + 1 : frame->file, frame->line)
               : frame->function;
}

static bool hint_is_glibc(const struct report_build *build)
{
    const char *allocator = process_facts_get(&build->model->facts, "allocator");
    return allocator && strstr(allocator, "/libc.so");
}

static bool hint_is_memory(const struct report_fault_target *target)
{
    return target->site &&
           (strcmp(target->kind, "heap") == 0 || strcmp(target->kind, "mapping") == 0);
}

/* The same pages again and again. */
static const char *hint_thrash(struct report_build *build, const struct report_fault_target *target)
{
    const uint64_t *kinds = target->counts.kinds;
    uint64_t again = kinds[REPORT_FAULT_RETURN];
    if (!hint_weighs(build, again) ||
        again < 2 * (kinds[REPORT_FAULT_FIRST] + kinds[REPORT_FAULT_HUGE]))
        return NULL;
    const char *place = hint_place(build, target->site ? target->site->stack : NULL);
    if (target->giver)
        return arena_printf(build->arena,
                            "%s gives the memory of %s back to the kernel and it is taken again: "
                            "%" PRIu64 " faults. Give it back less often, or keep it.",
                            hint_place(build, target->giver), place, again);
    if (strcmp(target->kind, "heap") != 0)
        return NULL;
    if (!hint_is_glibc(build))
        return arena_printf(build->arena,
                            "The allocator gives the memory of %s back to the kernel and takes it "
                            "again: %" PRIu64 " faults. Keep the buffer, or let the allocator "
                            "keep its pages.",
                            place, again);
    return arena_printf(
        build->arena,
        "malloc gives the memory of %s back to the kernel at each free and takes it again: %" PRIu64
        " faults. Keep the buffer, or raise %s.",
        place, again,
        target->site->largest >= MMAP_THRESHOLD
            ? "M_MMAP_THRESHOLD and M_TRIM_THRESHOLD (MALLOC_MMAP_THRESHOLD_, "
              "MALLOC_TRIM_THRESHOLD_)"
            : "M_TRIM_THRESHOLD (MALLOC_TRIM_THRESHOLD_)");
}

static uint64_t hint_touched(const struct report_build *build,
                             const struct report_fault_target *target)
{
    const uint64_t *kinds = target->counts.kinds;
    uint64_t huge = kinds[REPORT_FAULT_HUGE];
    uint64_t small = target->counts.minor + target->counts.major - huge;
    return small * build->model->header.page_size + huge * hint_huge_bytes(build);
}

/* What is in memory without a fault of its own: neighbours in a file, and what mremap moved. */
static bool hint_is_touched_unseen(const struct report_build *build, const struct report_site *site)
{
    const struct site *known = &build->model->sites.sites[site - build->sites];
    return known->name || known->several_names || known->moved ||
           (known->kind & 0xff) == VMT_REALLOC ||
           known->kind == SITE_KIND(VMT_ALLOC_OTHER, VMT_SUB_REALLOCARRAY);
}

/* Even if all faults that nobody saw had been in it, most of it was never touched. */
static const char *hint_untouched(struct report_build *build, const struct report_site *site,
                                  uint64_t touched)
{
    const struct report_fault_totals *totals = &build->report->fault_totals;
    uint64_t page = build->model->header.page_size, most;
    if (site->estimated || site->bytes_allocated < HINT_BYTES ||
        hint_is_touched_unseen(build, site) || site->largest < site->bytes_allocated / 4 ||
        totals->total == REPORT_UNKNOWN || totals->at_least)
        return NULL;
    most = touched + (totals->counted + totals->lost + totals->before + totals->unseen) * page;
    if (most > site->bytes_allocated / 4 ||
        (site->resident_bytes != REPORT_UNKNOWN && site->resident_bytes > most) ||
        (site->swapped_bytes != REPORT_UNKNOWN && site->swapped_bytes > most))
        return NULL;
    return arena_printf(build->arena, "Of %s that %s asks for, at most %s are ever touched.",
                        hint_bytes(build, site->bytes_allocated), hint_place(build, site->stack),
                        hint_bytes(build, most));
}

static const char *hint_huge(struct report_build *build, const struct report_fault_target *target)
{
    const char *mode = process_facts_get(&build->model->facts, "thp_enabled");
    const struct report_site *site = target->site;
    uint64_t first = target->counts.kinds[REPORT_FAULT_FIRST], huge = hint_huge_bytes(build);
    uint64_t page = build->model->header.page_size;
    if (!mode || strstr(mode, "[always]") || site->largest < 4 * huge ||
        !hint_weighs(build, first) || first * page < site->bytes_allocated / 10 * 9)
        return NULL;
    return arena_printf(build->arena,
                        "%s touches nearly all of its %s, page by page: with huge pages (%s) that "
                        "would be %" PRIu64 " faults instead of %" PRIu64 ".",
                        hint_place(build, site->stack), hint_bytes(build, site->bytes_allocated),
                        strstr(mode, "[never]")
                            ? "/sys/kernel/mm/transparent_hugepage/enabled says never"
                            : "madvise(MADV_HUGEPAGE)",
                        first * page / huge + 1, first);
}

static const char *hint_file(const struct report_fault_target *target)
{
    return target->name && !target->module ? target->name : target->module;
}

/* Of one file, by however many ways it was mapped: `index` is its first target. */
static const char *hint_disk(struct report_build *build, size_t index)
{
    const struct report *report = build->report;
    const char *name = hint_file(report->fault_targets[index]);
    uint64_t disk = report->fault_targets[index]->counts.kinds[REPORT_FAULT_DISK];
    for (size_t i = index + 1; name && i < report->fault_target_count; i++) {
        const char *other = hint_file(report->fault_targets[i]);
        if (other && strcmp(other, name) == 0)
            disk += report->fault_targets[i]->counts.kinds[REPORT_FAULT_DISK];
    }
    if (disk < 16 || 2 * disk < report->attributed_major)
        return NULL;
    return arena_printf(build->arena,
                        "%" PRIu64 " times the program waited for the disk in %s: read it ahead "
                        "(madvise(MADV_WILLNEED), MAP_POPULATE) if that is too slow.",
                        disk, name ? name : "a mapped file");
}

/* Over all targets: a fork shares them all. */
static const char *hint_copies(struct report_build *build)
{
    uint64_t copies = 0, page = build->model->header.page_size;
    for (size_t i = 0; i < build->report->fault_target_count; i++)
        copies += build->report->fault_targets[i]->counts.kinds[REPORT_FAULT_COPY];
    bool forked = build->model->header.flags & VMT_FLAG_FORKED;
    const struct report_inherited *inherited = &build->report->inherited;
    bool guessed = build->model->timeline.sample_count == 0 && 2 * inherited->copies < copies;
    if (!hint_weighs(build, copies) || (forked && guessed))
        return NULL;
    if (inherited->copied)
        return arena_printf(build->arena,
                            "Copy-on-write storm: this child wrote to %s that it shared with its "
                            "parent, process %" PRIu32 "; each page was copied first (%" PRIu64
                            " faults). %" PRIu64 " of the pages had been allocated by %s.",
                            hint_bytes(build, copies * page), inherited->pid, copies,
                            inherited->copied_faults, hint_place(build, inherited->copied->stack));
    if (forked)
        return arena_printf(build->arena,
                            "Copy-on-write storm: this child wrote to %s that it shared with its "
                            "parent; each page was copied first (%" PRIu64 " faults).",
                            hint_bytes(build, copies * page), copies);
    return arena_printf(build->arena,
                        "Copy-on-write storm: after %" PRIu32 " fork%s the program wrote to %s "
                        "that it shared with a child; each page was copied first (%" PRIu64
                        " faults).",
                        build->model->faults.copies, build->model->faults.copies == 1 ? "" : "s",
                        hint_bytes(build, copies * page), copies);
}

/* The heaviest of a place comes first and wins.  False when out of memory. */
static bool hint_add(struct hints *hints, const char *place, const char *hint)
{
    if (!hint || hints->texts.count == HINTS_MOST)
        return true;
    for (size_t i = 0; i < hints->places.count; i++) {
        if (strcmp(hints->places.strings[i], place) == 0)
            return true;
    }
    return string_list_add(&hints->places, place) && string_list_add(&hints->texts, hint);
}

static bool hints_of_targets(struct report_build *build, struct hints *hints)
{
    size_t files = 0; /* looked at: each costs a walk over all targets */
    for (size_t i = 0; i < build->report->fault_target_count; i++) {
        const struct report_fault_target *target = build->report->fault_targets[i];
        const char *hint = hint_thrash(build, target);
        if (!hint && hint_is_memory(target))
            hint = hint_huge(build, target);
        if (hint &&
            !hint_add(hints, target->site ? hint_place(build, target->site->stack) : hint, hint))
            return false;
        if (target->counts.kinds[REPORT_FAULT_DISK] == 0 || files++ >= HINTS_MOST)
            continue;
        const char *file = hint_file(target);
        if (!hint_add(hints, file ? file : "a mapped file", hint_disk(build, i)))
            return false;
    }
    return true;
}

/* Sites without any fault are no targets. */
static bool hints_of_sites(struct report_build *build, struct hints *hints)
{
    struct report *report = build->report;
    if (report->fault_target_count == 0)
        return true;
    uint64_t *touched =
        calloc(report->site_count + 1, sizeof(*touched)); /* by the model's number */
    bool good = touched != NULL;
    for (size_t i = 0; good && i < report->fault_target_count; i++) {
        const struct report_fault_target *target = report->fault_targets[i];
        if (target->site)
            touched[target->site - build->sites] += hint_touched(build, target);
    }
    for (size_t i = 0; good && i < report->site_count && hints->texts.count < HINTS_MOST; i++) {
        const struct report_site *site = report->sites[i];
        if (site->bytes_allocated < HINT_BYTES)
            break; /* by falling bytes */
        const char *hint = hint_untouched(build, site, touched[site - build->sites]);
        good = !hint || hint_add(hints, hint_place(build, site->stack), hint);
    }
    free(touched);
    return good;
}

bool report_build_fault_hints(struct report_build *build)
{
    struct hints hints = {0};
    bool good = hint_add(&hints, "fork", hint_copies(build)) && hints_of_targets(build, &hints) &&
                hints_of_sites(build, &hints);
    size_t count = hints.texts.count;
    const char **list = good ? arena_array(build->arena, count, sizeof(*list)) : NULL;
    if (list && count)
        memcpy(list, hints.texts.strings, count * sizeof(*list));
    build->report->fault_hints = list;
    build->report->fault_hint_count = list ? count : 0;
    string_list_release(&hints.texts);
    string_list_release(&hints.places);
    return list != NULL;
}
