/* SPDX-License-Identifier: Apache-2.0 */
/* Inside query/: a report while it is being made.  Functions that return bool return false only
 * when out of memory. */
#ifndef VMTRACE_QUERY_REPORT_BUILD_H
#define VMTRACE_QUERY_REPORT_BUILD_H

#include "base/arena.h"
#include "model/trace_state.h"
#include "query/frame_cache.h"
#include "query/report.h"
#include "query/string_list.h"

struct report_build { /* all zero but for what report_new sets */
    struct report *report;
    struct arena *arena; /* the report's */
    const struct trace_model *model;
    const struct report_options *options;
    struct frame_cache frames;
    const struct report_stack **stacks; /* by node; NULL: not asked for yet */
    struct report_site *sites;          /* by the model's numbers */
    struct report_memory *memory;       /* the report's */
    struct report_snapshot *snapshots;  /* the report's */
    struct report_sample *samples;      /* the report's */
    const struct reach_sum *leaked;     /* before each era, of a trace with a scan; or NULL */
    struct suppression_list *suppressions;
    struct string_list suppression_notes; /* what was not read of them */
    struct string_list notes;
};

/* report_stacks.c: the frames of a node's stack; NULL for STACK_NONE and when out of memory,
 * which sets *good to false. */
const struct report_stack *report_build_stack(struct report_build *build, uint32_t node,
                                              bool *good);

/* report_process.c */
bool report_build_process(struct report_build *build);
void report_build_summary(struct report_build *build);

/* report_sites.c: sites and all lists that point at them */
bool report_build_sites(struct report_build *build);
const char *report_kind_name(struct report_build *build, uint32_t kind);

/* report_faults.c, after sites, summary and lists */
bool report_build_faults(struct report_build *build);

/* report_inherited.c, after the targets of faults and before their hints */
bool report_build_inherited(struct report_build *build);

/* report_scans.c: the scans of memory, and which of them judges; then what they tell of a leak. */
bool report_build_scans(struct report_build *build);
void report_scan_leak(struct report_build *build, uint32_t site, struct report_leak *leak);

/* report_retention.c, after the scans and sites: why what is not lost is alive. */
bool report_build_retention(struct report_build *build);

/* report_untraced.c: children without a trace; then, with the notes, a word on them. */
bool report_build_untraced(struct report_build *build);
bool report_note_untraced(struct report_build *build);

/* report_losses.c, with the notes: why events were not recorded */
bool report_note_losses(struct report_build *build);

/* report_leaks.c, report_lists.c, report_errors.c, report_notes.c */
bool report_build_leaks(struct report_build *build);
int report_compare_leaks(const void *left, const void *right); /* of struct report_leak */
bool report_build_lists(struct report_build *build);
bool report_build_errors(struct report_build *build);
bool report_build_notes(struct report_build *build);

/* report_suppress.c: before the sums of leaks are looked at; errors when they are there; then
 * what was used, and notes about what was not read. */
bool report_suppress_leaks(struct report_build *build);
bool report_suppress_errors(struct report_build *build);
/* libc's functions have several names: "__GI___strdup" is "strdup" to others. */
const char *report_public_name(const char *function);
bool report_list_suppressions(struct report_build *build);

/* report_residency.c, which calls the others: what was resident.  After the lists. */
bool report_build_residency(struct report_build *build);
bool report_build_growth(struct report_build *build);
bool report_build_trend(struct report_build *build);
bool report_build_map(struct report_build *build);

/* report_estimates.c: what sampling makes of figures.  The second, for a site whose sums are
 * weights; the third, once all sites and leaks are there. */
struct report_margin report_margin(uint64_t interval, const struct sample_variance *variance,
                                   uint64_t samples);
void report_estimate_site(const struct report_build *build, uint32_t site);
void report_build_estimates(struct report_build *build);

/* A copy in the report's arena; NULL for NULL, and when out of memory. */
const char *report_copy(struct report_build *build, const char *text);

static inline uint64_t report_ns(const struct report_build *build, uint64_t ticks)
{
    return clock_model_ns(&build->model->clock, ticks);
}

/* What a sum of blocks or bytes of the heap stands for. */
static inline uint64_t report_heap_sum(const struct report_build *build, uint64_t sum)
{
    return sample_estimate(build->model->heap.sample_interval, sum);
}

#endif
