/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baselines: findings that are known, as text that people review.
 *
 *     # vmtrace baseline 1
 *     definite-leak blocks=3 bytes=120
 *         parse_row @ table
 *         main @ table
 *
 * An entry is what finding_key says, with the most blocks and bytes that one process had; errors
 * have times=N.  Entries are sorted, so that a change of one is a change of its lines only.  A
 * comment right above an entry, or within it, is kept with it.
 */
#ifndef VMTRACE_GATE_BASELINE_H
#define VMTRACE_GATE_BASELINE_H

#include <stdio.h>

#include "base/error.h"
#include "gate/finding.h"

#define BASELINE_FIRST_LINE "# vmtrace baseline 1"

struct baseline_entry {
    const char *key;
    const char *note;       /* comments of people: lines with '\n', or NULL */
    uint64_t blocks, bytes; /* of an error: times, 0 */
    uint64_t used;          /* blocks of it that were found: baseline_compare */
    bool seen;              /* any was */
};

struct baseline {
    struct arena *arena;
    struct baseline_entry *entries; /* by key */
    size_t count, room;
};

bool baseline_init(struct baseline *baseline);
void baseline_release(struct baseline *baseline);

/* Adds a copy of an entry.  When all are there, baseline_tidy sorts them, and of those with one key
 * the larger figures and one note stay.  False when out of memory. */
bool baseline_put(struct baseline *baseline, const struct baseline_entry *entry);
void baseline_tidy(struct baseline *baseline);
int baseline_by_key(const void *left, const void *right); /* for bsearch, then */

/* Adds the entries of a file; of one that is there already the larger figures count.  The error
 * names file and line. */
enum vmt_error baseline_load(struct baseline *baseline, const char *path, struct error *error);

/* Adds the findings: all leaks whose class has its bit (1 << class) in `classes`, all errors. */
bool baseline_add(struct baseline *baseline, const struct finding_set *set, unsigned classes);

/* Does not flush or close. */
void baseline_write(const struct baseline *baseline, FILE *out);

/* Sets the findings' states and the entries' `used` and `seen`.  More blocks than the entry has are
 * growth; more bytes only beyond a quarter and a KiB, since lengths of names and paths differ from
 * run to run and from machine to machine.  What is then new or too much may still be what other
 * entries have left over, where an optimizer left out calls: see baseline_compare.c.  False when
 * out of memory. */
bool baseline_compare(struct baseline *baseline, struct finding_set *set);

#endif
