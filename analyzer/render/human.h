/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures for people.  Each returns its text by value: use it within one
 * expression, as in printf("%s", human_bytes(size).text).
 */
#ifndef VMTRACE_HUMAN_H
#define VMTRACE_HUMAN_H

#include <stdint.h>

struct human {
    char text[40];
};

/* Three significant digits: "0 B", "1.23 KiB", "45.6 MiB"; "unknown" for REPORT_UNKNOWN. */
struct human human_bytes(uint64_t bytes);

/* "12,345,678"; "unknown" for REPORT_UNKNOWN. */
struct human human_count(uint64_t count);

/* Nanoseconds: "0.52 ms", "1.23 s", "2 min 03 s", "5 h 07 min"; "unknown". */
struct human human_time(uint64_t ns);

/* "37 %" of `whole`, "<1 %" where that rounds to nothing; empty when whole is 0 or unknown. */
struct human human_percent(uint64_t part, uint64_t whole);

/* "2026-03-01 12:30:05 UTC" of nanoseconds since the epoch. */
struct human human_date(uint64_t epoch_ns);

/* "" or "s". */
const char *human_plural(uint64_t count);

#endif
