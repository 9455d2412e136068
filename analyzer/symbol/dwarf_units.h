/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compilation units of one binary's DWARF, indexed by address as far as addresses were
 * asked for: the table of units when the binary is opened, the functions of a unit and the
 * inlined calls of a function on their first use.  (dwarf_getscopes walks a whole unit for each
 * address, and .debug_aranges, which libdw relies on, is left out by clang.)
 */
#ifndef VMTRACE_DWARF_UNITS_H
#define VMTRACE_DWARF_UNITS_H

#include "symbol/interval_table.h"
#include "symbol/symbol_file.h"

struct dwarf_unit;

struct dwarf_units {
    struct interval_table table; /* of struct dwarf_unit */
    struct dwarf_unit *list;
    struct name_pool *pool;
    uint64_t bias;                /* address in the binary = address in its debug file + bias */
    uint64_t text_low, text_high; /* in the debug file */
    const char *missing;          /* a debug file that is referred to and was not found, or NULL */
};

/* -1 only when out of memory.  A binary without DWARF makes an empty table. */
int dwarf_units_init(struct dwarf_units *units, const struct symbol_file *file,
                     struct name_pool *pool);
void dwarf_units_release(struct dwarf_units *units);

/* Writes the functions at `address`, innermost first, and returns how many (at most `room`, at
 * least 1); 0 if no unit covers it, -1 when out of memory.  The last one's function is NULL where
 * only the line is known; *whole tells whether it is a whole name, from a linkage name. */
int dwarf_units_resolve(struct dwarf_units *units, uint64_t address, struct symbol_frame *frames,
                        int room, bool *whole);

#endif
