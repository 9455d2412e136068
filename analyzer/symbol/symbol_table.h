/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions and variables by the ELF symbol tables: .symtab of the binary or of its debug
 * file, the one in .gnu_debugdata, else .dynsym; and the entries of the procedure linkage
 * table, as "name@plt".  The values of the intervals are linker names (const char *).
 */
#ifndef VMTRACE_SYMBOL_TABLE_H
#define VMTRACE_SYMBOL_TABLE_H

#include "symbol/interval_table.h"
#include "symbol/symbol_file.h"

struct symbol_table {
    struct interval_table functions;
    struct interval_table objects;
};

/* -1 only when out of memory; a file without symbols makes empty tables. */
int symbol_table_init(struct symbol_table *table, const struct symbol_file *file,
                      struct name_pool *pool);
void symbol_table_release(struct symbol_table *table);

#endif
