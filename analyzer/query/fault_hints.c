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
#define HUGE_BYTES (UINT64_C(2) << 20)
#define MMAP_THRESHOLD (UINT64_C(128) << 10) /* glibc's, as long as it has not grown */

#define MIB(bytes) ((bytes) / (1024.0 * 1024))

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
    return small * build->model->header.page_size + huge * HUGE_BYTES;
}

/* Even if all faults that nobody saw had been in it, most of it was never touched. */
static const char *hint_untouched(struct report_build *build, const struct report_site *site,
                                  uint64_t touched)
{
    const struct report_fault_totals *totals = &build->report->fault_totals;
    uint64_t page = build->model->header.page_size, most;
    if (site->estimated || site->bytes_allocated < HINT_BYTES ||
        site->largest < site->bytes_allocated / 4 || totals->total == REPORT_UNKNOWN)
        return NULL;
    most = touched + (totals->counted + totals->lost + totals->before + totals->unseen) * page;
    if (most > site->bytes_allocated / 4)
        return NULL;
    return arena_printf(build->arena,
                        "Of %.1f MiB that %s asks for, at most %.1f MiB are ever touched.",
                        MIB(site->bytes_allocated), hint_place(build, site->stack), MIB(most));
}

static const char *hint_huge(struct report_build *build, const struct report_fault_target *target)
{
    const char *mode = process_facts_get(&build->model->facts, "thp_enabled");
    const struct report_site *site = target->site;
    uint64_t first = target->counts.kinds[REPORT_FAULT_FIRST];
    uint64_t page = build->model->header.page_size;
    if (!mode || strstr(mode, "[always]") || site->largest < 4 * HUGE_BYTES ||
        !hint_weighs(build, first) || first * page < site->bytes_allocated / 2)
        return NULL;
    return arena_printf(build->arena,
                        "%s touches nearly all of its %.1f MiB, page by page: with huge pages (%s) "
                        "that would be %" PRIu64 " faults instead of %" PRIu64 ".",
                        hint_place(build, site->stack), MIB(site->bytes_allocated),
                        strstr(mode, "[never]")
                            ? "/sys/kernel/mm/transparent_hugepage/enabled says never"
                            : "madvise(MADV_HUGEPAGE)",
                        first * page / HUGE_BYTES + 1, first);
}

static const char *hint_disk(struct report_build *build, const struct report_fault_target *target)
{
    uint64_t disk = target->counts.kinds[REPORT_FAULT_DISK];
    if (disk < 16 || 2 * disk < build->report->attributed_major)
        return NULL;
    const char *name = target->name ? target->name : target->module;
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
    if (!hint_weighs(build, copies))
        return NULL;
    if (build->model->header.flags & VMT_FLAG_FORKED)
        return arena_printf(build->arena,
                            "Copy-on-write storm: this child wrote to %.1f MiB that it shared with "
                            "its parent; each page was copied first (%" PRIu64 " faults).",
                            MIB(copies * page), copies);
    return arena_printf(
        build->arena,
        "Copy-on-write storm: after %" PRIu32 " fork%s the program wrote to %.1f MiB "
        "that it shared with a child; each page was copied first (%" PRIu64 " faults).",
        build->model->faults.copies, build->model->faults.copies == 1 ? "" : "s",
        MIB(copies * page), copies);
}

static bool hint_add(struct string_list *hints, const char *hint)
{
    for (size_t i = 0; hint && i < hints->count; i++) {
        if (strcmp(hints->strings[i], hint) == 0)
            return true; /* two ways to one place */
    }
    return !hint || string_list_add(hints, hint);
}

static bool hints_of_targets(struct report_build *build, struct string_list *hints)
{
    for (size_t i = 0; i < build->report->fault_target_count; i++) {
        const struct report_fault_target *target = build->report->fault_targets[i];
        if (!hint_add(hints, hint_thrash(build, target)) ||
            !hint_add(hints, hint_disk(build, target)) ||
            (hint_is_memory(target) && !hint_add(hints, hint_huge(build, target))))
            return false;
    }
    return true;
}

/* Sites without any fault are no targets. */
static bool hints_of_sites(struct report_build *build, struct string_list *hints)
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
    for (size_t i = 0; good && i < report->site_count; i++) {
        const struct report_site *site = report->sites[i];
        if (site->bytes_allocated < HINT_BYTES)
            break; /* by falling bytes */
        good = hint_add(hints, hint_untouched(build, site, touched[site - build->sites]));
    }
    free(touched);
    return good;
}

bool report_build_fault_hints(struct report_build *build)
{
    struct string_list hints = {0};
    bool good = hint_add(&hints, hint_copies(build)) && hints_of_targets(build, &hints) &&
                hints_of_sites(build, &hints);
    const char **list = good ? arena_array(build->arena, hints.count, sizeof(*list)) : NULL;
    if (list && hints.count)
        memcpy(list, hints.strings, hints.count * sizeof(*list));
    build->report->fault_hints = list;
    build->report->fault_hint_count = list ? hints.count : 0;
    string_list_release(&hints);
    return list != NULL;
}
