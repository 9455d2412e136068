/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/vector.h"
#include "query/fault_sums.h"

/* What a fault costs where the trace does not say: a small page of anonymous memory, cleared, on a
 * machine of today; one read from a solid-state disk. */
#define MINOR_NS 1000
#define MAJOR_NS 100000
#define FASTEST_NS UINT64_C(100000000)

/* ---- keys ---- */

static uint64_t fault_hash_text(uint64_t hash, const char *text)
{
    return text ? fnv_add(hash, text, strlen(text) + 1) : fnv_add(hash, "\xff", 1);
}

static uint64_t fault_code_key(const struct report_stack *stack)
{
    uint64_t hash = FNV_BASIS;
    for (size_t i = 0; stack && i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        hash = fault_hash_text(hash, frame->function);
        hash = fault_hash_text(hash, frame->module);
        hash = fault_hash_text(hash, frame->file);
        hash = fnv_add(hash, &frame->line, sizeof(frame->line));
        if (!frame->function)
            hash = fnv_add(hash, &frame->offset, sizeof(frame->offset));
    }
    return stack ? hash : 0;
}

static uint64_t fault_target_key(const struct report_fault_target *target)
{
    uint64_t hash = fault_hash_text(FNV_BASIS, target->kind);
    hash = fault_hash_text(hash, target->name);
    hash = fault_hash_text(hash, target->module);
    return fnv_add(hash, &target->site, sizeof(target->site));
}

/* ---- sums; indexes are UINT32_MAX when out of memory ---- */

static uint32_t fault_code_index(struct fault_sums *sums, uint32_t node)
{
    bool good = true;
    const struct report_stack *stack = report_build_stack(sums->build, node, &good);
    uint64_t key = fault_code_key(stack);
    uint32_t index = hash_map_get(&sums->codes_by_key, key);
    if (!good || index != HASH_MAP_NONE)
        return good ? index : UINT32_MAX;
    if ((sums->code_count == sums->code_capacity &&
         !vector_grow(&sums->codes, &sums->code_capacity, sizeof(*sums->codes))) ||
        !hash_map_put(&sums->codes_by_key, key, (uint32_t)sums->code_count))
        return UINT32_MAX;
    sums->codes[sums->code_count] = (struct report_fault_code){.stack = stack};
    return (uint32_t)sums->code_count++;
}

static uint32_t fault_target_index(struct fault_sums *sums,
                                   const struct report_fault_target *target)
{
    uint64_t key = fault_target_key(target);
    uint32_t index = hash_map_get(&sums->targets_by_key, key);
    if (index != HASH_MAP_NONE)
        return index;
    if ((sums->target_count == sums->target_capacity &&
         !vector_grow(&sums->targets, &sums->target_capacity, sizeof(*sums->targets))) ||
        !hash_map_put(&sums->targets_by_key, key, (uint32_t)sums->target_count))
        return UINT32_MAX;
    sums->targets[sums->target_count] = *target;
    return (uint32_t)sums->target_count++;
}

static struct fault_sum *fault_pair_get(struct fault_sums *sums, uint32_t code, uint32_t target)
{
    uint64_t key = (uint64_t)code << 32 | target;
    uint32_t index = hash_map_get(&sums->pairs_by_key, key);
    if (index != HASH_MAP_NONE)
        return &sums->pairs[index];
    if ((sums->pair_count == sums->pair_capacity &&
         !vector_grow(&sums->pairs, &sums->pair_capacity, sizeof(*sums->pairs))) ||
        !hash_map_put(&sums->pairs_by_key, key, (uint32_t)sums->pair_count))
        return NULL;
    sums->pairs[sums->pair_count] = (struct fault_sum){.code = code, .target = target};
    return &sums->pairs[sums->pair_count++];
}

static void fault_counts_add(struct report_fault_counts *sum,
                             const struct report_fault_counts *counts)
{
    sum->minor += counts->minor;
    sum->major += counts->major;
    sum->kernel += counts->kernel;
    sum->inferred += counts->inferred;
    for (size_t i = 0; i < REPORT_FAULT_KINDS; i++)
        sum->kinds[i] += counts->kinds[i];
}

static void fault_move(struct report_fault_counts *counts, enum report_fault_kind from,
                       enum report_fault_kind to)
{
    counts->kinds[to] += counts->kinds[from];
    counts->kinds[from] = 0;
}

/* The model does not know which pages of a binary are of its file, and which can be written. */
static void fault_kinds_of_part(const struct report_build *build, enum fault_part part,
                                struct report_fault_counts *counts)
{
    bool forked = build->model->header.flags & VMT_FLAG_FORKED;
    if (part == FAULT_PART_CODE) {
        fault_move(counts, REPORT_FAULT_COPY, REPORT_FAULT_CACHED);
        fault_move(counts, REPORT_FAULT_WRITE, REPORT_FAULT_CACHED);
    } else if (part == FAULT_PART_DATA && forked) {
        fault_move(counts, REPORT_FAULT_CACHED, REPORT_FAULT_COPY);
    } else if (part == FAULT_PART_BSS) {
        fault_move(counts, REPORT_FAULT_CACHED, forked ? REPORT_FAULT_COPY : REPORT_FAULT_FIRST);
        fault_move(counts, REPORT_FAULT_DISK, REPORT_FAULT_SWAP);
    }
}

_Static_assert((int)REPORT_FAULT_KINDS == (int)FAULT_KINDS &&
                   (int)REPORT_FAULT_STACK == (int)FAULT_KIND_STACK &&
                   (int)REPORT_FAULT_COPY == (int)FAULT_KIND_COPY,
               "in the model's order");

/* What several targets of the model have in common is one. */
static void fault_target_widen(struct report_fault_target *sum,
                               const struct report_fault_target *target)
{
    if (target->giver)
        sum->giver = target->giver;
    if (target->first_offset < sum->first_offset)
        sum->first_offset = target->first_offset;
    if (target->last_offset > sum->last_offset)
        sum->last_offset = target->last_offset;
}

static bool fault_sums_add(struct fault_sums *sums, const struct fault_pair *pair)
{
    struct report_build *build = sums->build;
    const struct fault_target *target = &build->model->faults.table.targets[pair->target];
    struct report_fault_target resolved;
    enum fault_part part;
    bool good = true;
    if (!fault_target_resolve(build, target, pair->code, &resolved, &part))
        return false;
    if (target->giver != PAGE_KEPT)
        resolved.giver = report_build_stack(build, target->giver, &good);
    uint32_t code = fault_code_index(sums, pair->code);
    uint32_t index = fault_target_index(sums, &resolved);
    struct fault_sum *sum =
        code == UINT32_MAX || index == UINT32_MAX ? NULL : fault_pair_get(sums, code, index);
    if (!sum || !good)
        return false;
    struct report_fault_counts counts = {.minor = pair->minor,
                                         .major = pair->major,
                                         .kernel = pair->kernel,
                                         .inferred = pair->inferred};
    memcpy(counts.kinds, pair->kinds, sizeof(counts.kinds));
    fault_copies_apply(sums, target, &counts);
    fault_kinds_of_part(build, part, &counts);
    fault_counts_add(&sum->counts, &counts);
    fault_counts_add(&sums->codes[code].counts, &counts);
    fault_counts_add(&sums->targets[index].counts, &counts);
    fault_target_widen(&sums->targets[index], &resolved);
    return true;
}

/* ---- lists ---- */

static uint64_t fault_rank(const struct report_fault_counts *counts)
{
    return counts->minor + counts->major;
}

static int fault_compare(const struct report_fault_counts *a, const struct report_fault_counts *b,
                         const void *left, const void *right)
{
    if (a->major != b->major && fault_rank(a) == fault_rank(b))
        return a->major > b->major ? -1 : 1;
    if (fault_rank(a) != fault_rank(b))
        return fault_rank(a) > fault_rank(b) ? -1 : 1;
    return (uintptr_t)left < (uintptr_t)right ? -1 : (uintptr_t)left > (uintptr_t)right;
}

static int fault_compare_codes(const void *left, const void *right)
{
    const struct report_fault_code *a = *(const struct report_fault_code *const *)left;
    const struct report_fault_code *b = *(const struct report_fault_code *const *)right;
    return fault_compare(&a->counts, &b->counts, a, b);
}

static int fault_compare_targets(const void *left, const void *right)
{
    const struct report_fault_target *a = *(const struct report_fault_target *const *)left;
    const struct report_fault_target *b = *(const struct report_fault_target *const *)right;
    return fault_compare(&a->counts, &b->counts, a, b);
}

static int fault_compare_pairs(const void *left, const void *right)
{
    const struct report_fault *a = left, *b = right;
    int order = fault_compare(&a->counts, &b->counts, a->code, b->code);
    return order ? order : fault_compare(&a->counts, &b->counts, a->target, b->target);
}

static bool fault_sums_list(struct fault_sums *sums)
{
    struct report *report = sums->build->report;
    struct arena *arena = sums->build->arena;
    struct report_fault_code *codes = arena_array(arena, sums->code_count, sizeof(*codes));
    struct report_fault_target *targets = arena_array(arena, sums->target_count, sizeof(*targets));
    struct report_fault *pairs = arena_array(arena, sums->pair_count, sizeof(*pairs));
    const struct report_fault_code **by_code =
        arena_array(arena, sums->code_count, sizeof(*by_code));
    const struct report_fault_target **by_target =
        arena_array(arena, sums->target_count, sizeof(*by_target));
    if (!codes || !targets || !pairs || !by_code || !by_target)
        return false;
    for (size_t i = 0; i < sums->code_count; i++) {
        codes[i] = sums->codes[i];
        by_code[i] = &codes[i];
    }
    for (size_t i = 0; i < sums->target_count; i++) {
        targets[i] = sums->targets[i];
        by_target[i] = &targets[i];
    }
    for (size_t i = 0; i < sums->pair_count; i++)
        pairs[i] = (struct report_fault){&codes[sums->pairs[i].code],
                                         &targets[sums->pairs[i].target], sums->pairs[i].counts};
    qsort(by_code, sums->code_count, sizeof(*by_code), fault_compare_codes);
    qsort(by_target, sums->target_count, sizeof(*by_target), fault_compare_targets);
    qsort(pairs, sums->pair_count, sizeof(*pairs), fault_compare_pairs);
    report->faults = pairs;
    report->fault_count = sums->pair_count;
    report->fault_codes = by_code;
    report->fault_code_count = sums->code_count;
    report->fault_targets = by_target;
    report->fault_target_count = sums->target_count;
    return true;
}

/* ---- totals ---- */

static uint64_t fault_fact(const struct report_build *build, const char *key, uint64_t otherwise)
{
    const char *text = process_facts_get(&build->model->facts, key);
    uint64_t value = text ? strtoull(text, NULL, 10) : 0;
    return value ? value : otherwise;
}

/* The fact holds both numbers, minor first. */
static uint64_t fault_before(const struct report_build *build)
{
    const char *text = process_facts_get(&build->model->facts, "faults_before");
    char *rest = NULL;
    uint64_t minor = text ? strtoull(text, &rest, 10) : 0;
    return minor + (rest ? strtoull(rest, NULL, 10) : 0);
}

static void fault_total(struct report_build *build)
{
    struct report *report = build->report;
    const struct trace_model *model = build->model;
    const struct fault_model *faults = &model->faults;
    struct report_fault_totals *totals = &report->fault_totals;
    uint64_t majors = 0, carried = 0;
    for (size_t i = 0; i < report->fault_count; i++) {
        const struct report_fault *fault = &report->faults[i];
        uint64_t count = fault_rank(&fault->counts);
        totals->described += count - fault->counts.inferred;
        totals->inferred += fault->counts.inferred;
        majors += fault->counts.major;
        const struct report_fault_target *target = fault->target;
        if (strcmp(target->kind, "other") == 0 ||
            (strcmp(target->kind, "heap") == 0 && !target->site))
            continue;
        totals->owned += count;
        report->attributed_minor += fault->counts.minor;
        report->attributed_major += fault->counts.major;
    }
    for (size_t i = 0; i < model->threads.count; i++)
        carried += model->threads.threads[i].minor + model->threads.threads[i].major;
    totals->counted = carried - faults->minor - faults->major;
    totals->lost = faults->lost_minor + faults->lost_major;
    totals->total = report->minor_faults == REPORT_UNKNOWN
                        ? REPORT_UNKNOWN
                        : report->minor_faults + report->major_faults;
    /* The last sample of a process that was killed may be older than its last records. */
    totals->at_least = totals->total != REPORT_UNKNOWN &&
                       (report->end == REPORT_END_KILLED || report->end == REPORT_END_RUNNING);
    if (totals->total < carried)
        totals->total = carried;
    totals->unseen =
        totals->total != REPORT_UNKNOWN && totals->total > carried ? totals->total - carried : 0;
    totals->before = fault_before(build);
    if (totals->before > totals->unseen)
        totals->before = totals->unseen;
    totals->unseen -= totals->before;
    totals->minor_ns = fault_fact(build, "fault_ns", MINOR_NS);
    totals->major_ns = fault_fact(build, "major_fault_ns", MAJOR_NS);
    totals->minor_measured = process_facts_get(&model->facts, "fault_ns") != NULL;
    totals->major_measured = process_facts_get(&model->facts, "major_fault_ns") != NULL;
    uint64_t all = carried + totals->before + totals->unseen;
    uint64_t major = report->major_faults == REPORT_UNKNOWN || report->major_faults > all
                         ? majors
                         : report->major_faults;
    totals->estimated_ns = (all - major) * totals->minor_ns + major * totals->major_ns;
}

/* Over at least a tenth of a second, and a fiftieth of the run. */
static void fault_fastest(struct report *report)
{
    struct report_fault_totals *totals = &report->fault_totals;
    uint64_t least = report->duration_ns / 50 > FASTEST_NS ? report->duration_ns / 50 : FASTEST_NS;
    const struct report_sample *begin = report->samples;
    for (size_t i = 0; i < report->sample_count; i++) {
        const struct report_sample *end = &report->samples[i];
        while (begin + 1 < end && end->t_ns - begin[1].t_ns >= least)
            begin++;
        uint64_t length = end->t_ns - begin->t_ns;
        uint64_t now = end->minor_faults + end->major_faults;
        uint64_t then = begin->minor_faults + begin->major_faults;
        if (length < least || now < then)
            continue;
        uint64_t rate = (uint64_t)((double)(now - then) * 1e9 / (double)length);
        if (rate > totals->fastest) {
            totals->fastest = rate;
            totals->fastest_ns = begin->t_ns;
            totals->fastest_length_ns = length;
        }
    }
}

static void fault_sums_release(struct fault_sums *sums)
{
    free(sums->codes);
    free(sums->targets);
    free(sums->pairs);
    hash_map_release(&sums->codes_by_key);
    hash_map_release(&sums->targets_by_key);
    hash_map_release(&sums->pairs_by_key);
}

bool report_build_faults(struct report_build *build)
{
    const struct fault_table *table = &build->model->faults.table;
    struct fault_sums sums = {.build = build};
    bool good = true;
    fault_copies_bound(&sums);
    for (size_t i = 0; good && i < table->pair_count; i++)
        good = fault_sums_add(&sums, &table->pairs[i]);
    good = good && fault_sums_list(&sums);
    fault_sums_release(&sums);
    if (!good)
        return false;
    fault_total(build);
    fault_fastest(build->report);
    return report_build_inherited(build) && report_build_fault_hints(build);
}
