/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One binary, found and opened: the file that ran, or, where that is gone, the debug file
 * with its build-id.  A file whose build-id differs from the trace's is never opened.
 *
 * Addresses are those of the file's own program headers.
 */
#ifndef VMTRACE_SYMBOL_FILE_H
#define VMTRACE_SYMBOL_FILE_H

#include "symbol/debug_search.h"

struct symbol_file {
    Dwfl *session;                /* NULL for the vdso */
    Dwfl_Module *module;          /* NULL for the vdso */
    Elf *elf;                     /* the session's; our own for the vdso */
    uint64_t text_low, text_high; /* bounds of the executable segments */
};

/* 0 when opened.  Otherwise 1 and *problem is one line (of the pool) that says why not, or -1
 * when out of memory. */
int symbol_file_open(struct symbol_file *file, const struct symbol_module *module,
                     const struct symbolizer_options *options, struct debug_search *search,
                     struct name_pool *pool, const char **problem);
void symbol_file_close(struct symbol_file *file);

/* That of an address in the file. */
enum symbol_segment symbol_file_segment(const struct symbol_file *file, uint64_t address);

#endif
