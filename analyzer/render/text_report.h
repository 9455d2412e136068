/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the text format share: one struct text per report, styles,
 * names made safe, lists cut to --top, and stacks.
 */
#ifndef VMTRACE_TEXT_REPORT_H
#define VMTRACE_TEXT_REPORT_H

#include "render/human.h"
#include "render/renderer.h"
#include "render/source_lines.h"

enum {
    TEXT_COLUMNS = 100, /* where no terminal tells its width */
    TEXT_COLUMNS_LEAST = 72,
    TEXT_COLUMNS_MOST = 160,
    TEXT_FRAMES = 6, /* frames shown of one stack, unless --full-stacks */
};

enum text_style {
    TEXT_NORMAL,
    TEXT_BOLD,
    TEXT_DIM,
    TEXT_GOOD,
    TEXT_WARN,
    TEXT_BAD,
    TEXT_TITLE,
};

struct text {
    FILE *out;
    const struct report *report;
    const struct render_options *options;
    unsigned sections;
    size_t columns; /* names are cut so that lines end about there, unless --full-stacks */
    struct source_lines *sources;
    const char *lineless; /* binary of a shown application frame that has no line, or NULL */
    bool failed;          /* out of memory */
};

/* text_style.c */
void text_style(const struct text *text, enum text_style style);
void text_heading(const struct text *text, const char *title, const char *remark);
/* "... and 37 more sites with 1.20 MiB (--top=0 shows all)"; `what` in the singular, `rest`
 * finished text or "". */
void text_more(const struct text *text, size_t hidden, const char *what, const char *rest);
/* How many of `count` rows --top lets through. */
size_t text_rows(const struct text *text, size_t count);
/* Escaped, cut after `columns` (0: never).  Returns the columns written. */
size_t text_name(const struct text *text, const char *name, size_t columns);
/* Cut in the middle instead: a path says at its end what it is about.  Control characters may make
 * it wider than `columns`, which is not 0. */
size_t text_path(const struct text *text, const char *path, size_t columns);
/* Escaped, and quoted if a shell would need that. */
size_t text_word(const struct text *text, const char *word);
/* "..." as one character where the terminal has it. */
const char *text_ellipsis(const struct text *text);
/* "at exit", "when it was killed", ... */
const char *text_at_end(const struct report *report);

/* text_stack.c and text_place.c: frames of a stack below each other, the program's own standing
 * out. */
void text_stack(struct text *text, const struct report_stack *stack);
/* Who called frames[from], in one line without newline: what tells apart two ways to one place. */
void text_callers(struct text *text, const struct report_stack *stack, size_t from, size_t columns);
/* The parts of a frame's line.  The function, or module and offset; returns the columns written. */
size_t text_function(struct text *text, const struct report_frame *frame, size_t columns);
/* Where in the source or, failing that, in which binary; two blanks before it. */
void text_where(const struct text *text, const struct report_frame *frame, size_t columns);
size_t text_where_width(const struct report_frame *frame);
/* Whether everything from frame `i` outward is start code: `_start` belongs to the program's
 * file, and has no name in a stripped one. */
bool text_is_outside(const struct report_stack *stack, size_t i);
/* Remembers a binary of the program's own without line numbers, for the hints at the end. */
void text_note_lineless(struct text *text, const struct report_frame *own);
/* The first of the program's own frames, in one line without newline. */
void text_place(struct text *text, const struct report_stack *stack, size_t columns);

/* text_estimate.c: figures of the heap, which are estimates in a sampled trace: "~1.20 MiB". */
struct human text_about(bool estimated, struct human figure);
struct human text_bytes(const struct text *text, uint64_t bytes);
struct human text_count(const struct text *text, uint64_t count);
struct human text_share(const struct text *text, uint64_t part, uint64_t whole);
/* The same with half the width of the 95 % interval: "~1.20 MiB ±28 %". */
struct human text_bytes_within(const struct text *text, bool estimated, uint64_t bytes,
                               uint64_t margin);
struct human text_count_within(const struct text *text, bool estimated, uint64_t count,
                               uint64_t margin);

/* text_cause.c: why RSS grew between two snapshots, a sentence in lines of its own. */
void text_interval(struct text *text, const struct report_interval *interval);
/* "parse_row (table.c:88)", the function cut after `columns`. */
void text_origin(struct text *text, const struct report_stack *stack, size_t columns);
/* "snapshot "loaded" (1.20 s)"; `highest`: RSS was never seen higher. */
void text_moment(const struct text *text, const struct report_residency *at, bool highest);
/* "glibc", "jemalloc", ..., "the allocator" */
const char *text_allocator(const struct report *report);
/* Escaped words, put into lines two blanks in. */
void text_wrapped(const struct text *text, const char *words);
/* text_residency.c: RSS by owner at the last snapshot, if there is one. */
void text_residency(struct text *text);
/* The report is the default one: each section may say what matters only. */
bool text_is_brief(const struct text *text);

const char *text_part(const struct report *report, enum report_part part);

/* One file per group of sections. */
void text_header(struct text *text);
void text_summary(struct text *text);
void text_notes(struct text *text);
void text_errors(struct text *text);
void text_leaks(struct text *text);
void text_retention(struct text *text);
/* text_verdict.c: the heading of the leaks: how much is lost, and how far that can be trusted. */
void text_verdict(struct text *text);
/* After the list: what is not in it because it can still be reached. */
void text_reachable(struct text *text);
/* "snapshot "loaded" (1.20 s)" */
void text_scan(const struct text *text, const struct report_scan *scan);
/* What hid leaks and errors, and what hid nothing: a part of the leaks. */
void text_suppressions(struct text *text);
void text_growth(struct text *text);
void text_map(struct text *text);
void text_faults(struct text *text);
void text_peak(struct text *text);
void text_temporary(struct text *text);
void text_sites(struct text *text);
void text_phases(struct text *text);
void text_pools(struct text *text);
void text_mappings(struct text *text);
void text_threads(struct text *text);
void text_hints(struct text *text);

#endif
