/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report says about resident memory: whose it was at each snapshot, why it grew between
 * two of them, the address space at the last one, and how RSS went on over time.
 *
 * Conventions as in query/report.h, which owns it all.  At each snapshot
 *     sum of parts[].resident = rss_bytes
 */
#ifndef VMTRACE_REPORT_MEMORY_H
#define VMTRACE_REPORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report_site;

enum report_part {
    REPORT_PART_LIVE,     /* live blocks */
    REPORT_PART_FREE,     /* freed, or never handed out, and kept by the allocator; in a fork also
                             what lived in its parent */
    REPORT_PART_MAPPINGS, /* the program's own mmap, shmat, sbrk */
    REPORT_PART_FILES,
    REPORT_PART_STACKS,
    REPORT_PART_TRACER,
    REPORT_PART_OTHER,
    REPORT_PARTS,
};

struct report_bytes {
    uint64_t size, resident, swapped;
};

struct report_resident_site {
    const struct report_site *site;
    enum report_part part; /* LIVE or MAPPINGS */
    uint64_t blocks;
    struct report_bytes bytes; /* size: live, or mapped, then */
    uint64_t untouched;        /* neither in memory nor swapped: never touched, or given back */
    uint64_t huge;             /* of the resident bytes */
    uint64_t of_files;         /* of a mapping's resident bytes: in REPORT_PART_FILES */
    uint64_t pinned;           /* free bytes of nearly empty pages that its blocks keep */
    uint64_t pss; /* resident, shared pages divided among the processes that have them */
};

struct report_resident_file {
    const char *name; /* NULL: all smaller ones together */
    struct report_bytes bytes;
};

struct report_residency {
    const char *reason; /* "exit", "snapshot", "signal", "peak" */
    const char *name;   /* that the program gave, or "" */
    uint64_t t_ns;
    uint64_t rss_bytes;
    uint64_t kernel_rss_bytes; /* smaps_rollup's; REPORT_UNKNOWN: not told */
    uint64_t virtual_bytes, swap_bytes, page_table_bytes, locked_bytes;
    uint64_t pss_bytes, anonymous_bytes, shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t huge_bytes;
    uint64_t error; /* errno of what could not be read; 0: all was */
    uint64_t duration_ns;
    struct report_bytes parts[REPORT_PARTS];
    uint64_t program_data; /* part of OTHER: variables of binaries that no file holds (any more) */
    uint64_t free_pages;   /* part of FREE: pages with no live block at all; REPORT_UNKNOWN where
                              not all live blocks are known */
    uint64_t pinned;       /* part of FREE: in pages that are less than a quarter live; likewise */
    uint64_t guessed;      /* resident bytes whose owners were taken by proportion: no pagemap */
    const struct report_resident_site *sites; /* by resident bytes */
    size_t site_count;
    const struct report_resident_file *files; /* by resident bytes */
    size_t file_count;
};

/* A part of what RSS grew (or, below 0, shrank) by. */
struct report_cause {
    enum report_part part;
    int64_t bytes;
    const struct report_site *site; /* of LIVE and MAPPINGS; NULL: the rest of the part */
    const char *name;               /* of FILES; NULL: the rest of the part */
};

#define REPORT_START SIZE_MAX /* the beginning of the process, when nothing was resident */

/* Between two snapshots: sum of causes[].bytes = bytes. */
struct report_interval {
    size_t from, to; /* in residencies; `from` may be REPORT_START */
    int64_t bytes;
    int64_t parts[REPORT_PARTS];
    const struct report_cause *causes; /* largest first, by amount */
    size_t cause_count;
};

enum report_trend_kind {
    REPORT_TREND_UNKNOWN, /* too few points */
    REPORT_TREND_LEVEL,   /* RSS neither rose nor fell to speak of */
    REPORT_TREND_WARM_UP, /* it rose at first and was level later */
    REPORT_TREND_STEADY,  /* it went on rising to the end */
    REPORT_TREND_FALLING,
    REPORT_TREND_UNCLEAR, /* none of these */
};

/* Of RSS in the later part of the run, up to where the program began to release everything (to_ns
 * is before the last sample then).  The slope is Theil and Sen's, its interval and the
 * confidence are by Mann and Kendall's test. */
struct report_trend {
    enum report_trend_kind kind;
    uint64_t from_ns, to_ns;
    size_t points;
    double slope, slope_low, slope_high; /* bytes a second; 95 % interval */
    double confidence;                   /* 0..1 that there is a trend at all */
};

/* A mapping of the address space at the last snapshot, as in /proc/PID/maps. */
struct report_region {
    uint64_t start, end, offset;
    bool readable, writable, executable, shared;
    const char *name;
    uint64_t rss, pss, clean, dirty, swap, locked, huge, anonymous;
    uint64_t faulted;               /* different pages at these addresses that faults were
                                       described of; REPORT_UNKNOWN: none were described at all */
    uint64_t parts[REPORT_PARTS];   /* resident bytes */
    enum report_part owner;         /* of most of it */
    const struct report_site *site; /* the program's mapping, or NULL */
    const char *module;             /* binary that it belongs to, or NULL */
    uint32_t tid;                   /* whose stack, or 0 */
    const char *thread;             /* its name, or NULL */
};

/* What `size` shows of a binary, and what of it is resident. */
struct report_segments {
    const char *path;
    bool tracer;
    struct report_bytes code;      /* executable */
    struct report_bytes read_only; /* `size` counts it as text */
    struct report_bytes data;      /* writable, from the file */
    struct report_bytes zero;      /* .bss */
};

struct report_memory {
    const struct report_residency *residencies; /* by time */
    size_t residency_count;
    size_t highest; /* index, if there is one */
    const struct report_interval *intervals;
    size_t interval_count;
    struct report_trend trend;
    const struct report_region *regions; /* of the last snapshot, by address */
    size_t region_count;
    const struct report_segments *segments; /* by resident bytes */
    size_t segment_count;
};

#endif
