/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the words that are pointers and writes them as POINTERS records.
 *
 *     scan_words_begin(&words, stream, &space, &reader);
 *     scan_words_search(&words, memory, count, address);      by rising address
 *     scan_words_end(&words);
 */
#ifndef VMTRACE_SCAN_WORDS_H
#define VMTRACE_SCAN_WORDS_H

#include "scan_reader.h"
#include "scan_space.h"
#include "stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCAN_CACHE = 512, SCAN_TABLES = 256 };

struct scan_words {
    const struct scan_space *space;
    struct scan_reader *reader;
    struct stream *stream;
    uint64_t words, pointers;
    int error;            /* errno of what ended the writing */
    uint32_t range_flags; /* of the memory that is searched */

    struct stream_record record;
    uint8_t *end; /* of the room in `record`; NULL: none is begun */
    uint64_t place, last;

    struct scan_range target; /* the one found last */
    /* Zero before the first scan, and good for all of the same address space. */
    uint64_t verdicts[SCAN_CACHE]; /* page << 1 | whether blocks may lie in it; 0: empty */
    uint64_t tables[SCAN_TABLES];  /* value << 1 | whether it is a table of functions */
};

void scan_words_begin(struct scan_words *words, struct stream *stream,
                      const struct scan_space *space, struct scan_reader *reader);

/* `count` words at `memory`, which in the process stand at `address` in a range of `flags`.  False:
 * the trace takes no more; `error` says why. */
bool scan_words_search(struct scan_words *words, const uint64_t *memory, size_t count,
                       uint64_t address, uint32_t flags);
bool scan_words_end(struct scan_words *words);

/* May a block lie at `value`? */
bool scan_words_is_target(struct scan_words *words, uint64_t value);

/* Room in the chunk that SCAN_END, and the END of the process, find even if there is no more space.
 */
enum { SCAN_WORDS_RESERVE = 256 };

/* Begins a record of the scan's with room for `bytes`, or for as many as there are at the moment up
 * to `most`, if that is more.  False: see `error`. */
bool scan_words_record(struct scan_words *words, struct stream_record *record, uint8_t opcode,
                       size_t bytes, size_t most);

#endif
