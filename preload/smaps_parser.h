/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads /proc/PID/smaps, or /proc/PID/maps, from whatever pieces read(2) returns.
 *
 *     smaps_begin(&parser);
 *     for each piece [at, end):
 *         while (smaps_next(&parser, &at, end))
 *             use(&parser.region);
 *     if (smaps_end(&parser))
 *         use(&parser.region);
 *
 * Lines that are not known are skipped: each kernel adds some.
 */
#ifndef VMTRACE_SMAPS_PARSER_H
#define VMTRACE_SMAPS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMAPS_NAME_MAX = 4096,                  /* bytes of a name, which is cut there */
    SMAPS_LINE_MAX = SMAPS_NAME_MAX + 4096, /* what stands before it, and escapes in it */
};

/* Sizes in bytes, in the order of a REGION record. */
enum smaps_size {
    SMAPS_RSS,
    SMAPS_PSS,
    SMAPS_SHARED_CLEAN,
    SMAPS_SHARED_DIRTY,
    SMAPS_PRIVATE_CLEAN,
    SMAPS_PRIVATE_DIRTY,
    SMAPS_ANONYMOUS,
    SMAPS_HUGE, /* parts of rss that are mapped by huge pages, of whatever sort */
    SMAPS_SWAP,
    SMAPS_LOCKED,
    SMAPS_SIZES
};

struct smaps_region {
    uint64_t start, length;
    unsigned flags; /* VMT_REGION_* */
    uint64_t offset, device, inode;
    uint64_t sizes[SMAPS_SIZES];
    size_t name_length;
    char name[SMAPS_NAME_MAX]; /* not terminated; newlines in it are newlines, not \012 */
};

struct smaps_parser {
    struct smaps_region region;
    bool open;    /* `region` has begun */
    bool pending; /* `line` is whole, and begins the next region */
    size_t length;
    char line[SMAPS_LINE_MAX];
};

void smaps_begin(struct smaps_parser *parser);

/* Goes on reading at *at.  True: `region` is complete, until the next call.  False: all bytes were
 * used up. */
bool smaps_next(struct smaps_parser *parser, const char **at, const char *end);

/* The text is over.  True: `region` is the last one. */
bool smaps_end(struct smaps_parser *parser);

/* The bytes that a line "Name:   123 kB" in `text` (NUL-terminated) tells; 0 where there is none.
 */
uint64_t smaps_field(const char *text, const char *name);

#endif
