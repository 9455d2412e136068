/* SPDX-License-Identifier: Apache-2.0 */
#include "page_runs.h"

#include <string.h>
#include <unistd.h>

void page_runs_begin(struct page_runs *runs, struct stream *stream)
{
    runs->stream = stream;
    runs->page_size = (uint64_t)getpagesize();
    runs->run_pages = runs->used = 0;
}

static void write_record(struct page_runs *runs)
{
    struct stream_record record;
    if (runs->used && runs->stream &&
        stream_record_begin(&record, runs->stream, VMT_OP_PAGES,
                            2 * VMT_VARINT_MAX + PAGE_RUNS_BYTES)) {
        stream_record_number(&record, runs->start);
        stream_record_number(&record, runs->page_size);
        memcpy(record.at, runs->bytes, runs->used);
        record.at += runs->used;
        stream_record_end(&record);
    } else if (runs->used) {
        runs->stream = NULL;
    }
    runs->used = 0;
}

static void put(struct page_runs *runs, uint64_t pages, unsigned bits)
{
    uint8_t *end = vmt_put_varint(runs->bytes + runs->used, pages << 4 | bits);
    runs->used = (size_t)(end - runs->bytes);
}

/* What lies between two runs is a run of pages that are not there, unless a record ends. */
static void put_run(struct page_runs *runs, uint64_t next_start)
{
    if (!runs->used)
        runs->start = runs->run_start;
    put(runs, runs->run_pages, runs->run_bits);
    uint64_t end = runs->run_start + runs->run_pages * runs->page_size;
    if (runs->used > PAGE_RUNS_BYTES - 3 * VMT_VARINT_MAX)
        write_record(runs);
    else if (next_start > end)
        put(runs, (next_start - end) / runs->page_size, 0);
    runs->run_pages = 0;
}

void page_runs_add(struct page_runs *runs, uint64_t address, uint64_t pages, unsigned bits)
{
    if (!bits)
        return;
    if (runs->run_pages && bits == runs->run_bits &&
        address == runs->run_start + runs->run_pages * runs->page_size) {
        runs->run_pages += pages;
        return;
    }
    if (runs->run_pages)
        put_run(runs, address);
    runs->run_start = address;
    runs->run_pages = pages;
    runs->run_bits = bits;
}

bool page_runs_end(struct page_runs *runs)
{
    if (runs->run_pages)
        put_run(runs, 0);
    write_record(runs);
    return runs->stream != NULL;
}
