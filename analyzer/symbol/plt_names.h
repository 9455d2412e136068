/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the procedure linkage table of x86-64 binaries, which no symbol table has. */
#ifndef VMTRACE_PLT_NAMES_H
#define VMTRACE_PLT_NAMES_H

#include "symbol/interval_table.h"
#include "symbol/name_pool.h"

#include <gelf.h>

/* Adds "name@plt" for each entry found.  -1 only when out of memory. */
int plt_names_add(struct interval_table *functions, Elf *elf, struct name_pool *pool);

#endif
