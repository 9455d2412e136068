/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of code that a just-in-time compiler made, from /tmp/perf-PID.map (the format is
 * tools/perf/Documentation/jit-interface.txt of Linux: "START SIZE name", hexadecimal).
 */
#ifndef VMTRACE_PERF_MAP_H
#define VMTRACE_PERF_MAP_H

#include <stdint.h>

#include "symbol/interval_table.h"

struct perf_map {
    char *text; /* the file; names point into it */
    struct interval_table functions;
};

/* Reads the file at `path`; a map that is missing, too large or not a regular file is empty.
 * -1 only when out of memory. */
int perf_map_init(struct perf_map *map, const char *path);
void perf_map_release(struct perf_map *map);

/* Where code was made, dropped and made again, the youngest entry; NULL if none.  *offset is
 * set to the distance from the function's start. */
const char *perf_map_find(const struct perf_map *map, uint64_t address, uint64_t *offset);

#endif
