/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output formats: one table entry and one file (or family of files) each.
 *
 * A renderer reads a struct report and writes to a stream.  It never opens,
 * closes or flushes the stream and does not look at its errors: who opened it
 * asks ferror() once at the end.  It returns false only when out of memory.
 */
#ifndef VMTRACE_RENDERER_H
#define VMTRACE_RENDERER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "query/report.h"

/* Parts of the text report, in the order in which they are printed. */
enum render_section {
    RENDER_SUMMARY = 1u << 0,
    RENDER_ERRORS = 1u << 1,
    RENDER_LEAKS = 1u << 2,
    RENDER_GROWTH = 1u << 3,
    RENDER_FAULTS = 1u << 4,
    RENDER_PEAK = 1u << 5,
    RENDER_TEMPORARY = 1u << 6,
    RENDER_SITES = 1u << 7,
    RENDER_PHASES = 1u << 8, /* and snapshots */
    RENDER_POOLS = 1u << 9,
    RENDER_MAPPINGS = 1u << 10,
    RENDER_THREADS = 1u << 11,
    RENDER_MAP = 1u << 12,
    RENDER_RETENTION = 1u << 13, /* after the leaks */
};

/* Without a choice by the user; phases, pools and errors only when there are any. */
#define RENDER_DEFAULT                                                                             \
    (RENDER_SUMMARY | RENDER_ERRORS | RENDER_LEAKS | RENDER_RETENTION | RENDER_GROWTH |            \
     RENDER_FAULTS | RENDER_PHASES | RENDER_POOLS)

#define RENDER_LEAK_BIT(class) (1u << (class)) /* of an enum report_leak_class */

/* What the folded format counts. */
enum render_metric {
    RENDER_METRIC_ALLOCATED,
    RENDER_METRIC_ALLOCATIONS,
    RENDER_METRIC_LEAKED,
    RENDER_METRIC_PEAK,
    RENDER_METRIC_TEMPORARY,
    RENDER_METRIC_FAULTS,
    RENDER_METRIC_RESIDENT,
};

struct render_options {
    unsigned sections;     /* enum render_section bits; 0: RENDER_DEFAULT */
    unsigned leak_classes; /* RENDER_LEAK_BIT of those that are listed */
    size_t top;            /* rows of a section; 0: all */
    bool full_stacks;      /* every frame and every name whole */
    bool color;
    bool utf8; /* the reader's terminal understands UTF-8 */
    enum render_metric metric;
    unsigned columns;  /* of the reader's terminal; 0: not known */
    size_t json_top;   /* entries of each list of JSON that has call stacks; 0: all */
    bool quiet;        /* valgrind's -q: only what was found */
    bool suppressions; /* valgrind's XML: with a suppression for each error */
};

struct finding_set;

struct renderer {
    const char *name;
    bool concatenates; /* several reports may follow each other in one output */
    bool (*render)(const struct report *report, const struct render_options *options, FILE *out);
    /* Instead: formats of findings (render/findings_render.h), of all reports together or of each
     * by itself. */
    bool (*findings)(const struct finding_set *set, const struct render_options *options,
                     FILE *out);
    bool per_process;
};

/* NULL when there is no such format. */
const struct renderer *renderer_find(const char *name);

/* All formats, default first; *position starts at 0, NULL at the end. */
const struct renderer *renderer_next(size_t *position);

/* Number of a metric's name, or -1. */
int render_metric_find(const char *name);

bool text_render(const struct report *report, const struct render_options *options, FILE *out);
bool json_render(const struct report *report, const struct render_options *options, FILE *out);
bool folded_render(const struct report *report, const struct render_options *options, FILE *out);

/* --gen-suppressions: of the leaks that are listed, and of wrong releases. */
extern const struct renderer suppressions_valgrind, suppressions_lsan;

#endif
