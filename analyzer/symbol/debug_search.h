/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where separate debug files are looked for, shared by all modules of a symbolizer.
 *
 * libdwfl does the looking (build-id directories, .gnu_debuglink, the file that dwz shared,
 * debuginfod) and believes a file only when its build-id or checksum fits.
 */
#ifndef VMTRACE_DEBUG_SEARCH_H
#define VMTRACE_DEBUG_SEARCH_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "symbol/name_pool.h"
#include "symbol/symbolizer.h"

struct debug_search {
    Dwfl_Callbacks callbacks;
    char *path;        /* as libdwfl wants it; belongs to the pool */
    const char **dirs; /* absolute, NULL-terminated; belong to the pool */
    bool server_dead;  /* a debuginfod server kept us waiting: no server is asked any more */
    struct timespec server_heard; /* when the download under way last got on */
    long server_bytes;
};

/* -1 only when out of memory. */
int debug_search_init(struct debug_search *search, const struct symbolizer_options *options,
                      struct name_pool *pool);

/* A libdwfl session that searches so; NULL when out of memory.  `search` must not move. */
Dwfl *debug_search_begin(struct debug_search *search);

/* Must be called for each module that was reported to such a session. */
void debug_search_attach(struct debug_search *search, Dwfl_Module *module);

/* DIR/.build-id/xx/yyyy and suffix; malloc'd, NULL when out of memory.  `size` is at least 2. */
char *debug_search_build_id_path(const char *dir, const uint8_t *build_id, size_t size,
                                 const char *suffix);

#endif
