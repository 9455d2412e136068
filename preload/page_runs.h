/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of a region as PAGES records: neighbours of the same sort become one run, several runs
 * one record.
 *
 *     page_runs_begin(&runs, stream);
 *     page_runs_add(&runs, address, pages, bits);   ... addresses ascend
 *     page_runs_end(&runs);
 */
#ifndef VMTRACE_PAGE_RUNS_H
#define VMTRACE_PAGE_RUNS_H

#include "stream.h"

enum { PAGE_RUNS_BYTES = 2048 }; /* of one record's runs */

struct page_runs {
    struct stream *stream;
    uint64_t page_size;
    uint64_t start;     /* address of the record that is being made */
    uint64_t run_start; /* of the run that is not in `bytes` yet */
    uint64_t run_pages; /* 0: there is none */
    unsigned run_bits;  /* VMT_PAGE_* */
    size_t used;        /* of `bytes` */
    uint8_t bytes[PAGE_RUNS_BYTES];
};

void page_runs_begin(struct page_runs *runs, struct stream *stream);

/* `bits` 0 are pages that are not there: they need not be told. */
void page_runs_add(struct page_runs *runs, uint64_t address, uint64_t pages, unsigned bits);

/* False: there was no space for all of them in the trace. */
bool page_runs_end(struct page_runs *runs);

#endif
