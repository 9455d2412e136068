/* SPDX-License-Identifier: Apache-2.0 */
/* The readable name of a function's debug information entry. */
#ifndef VMTRACE_DWARF_NAME_H
#define VMTRACE_DWARF_NAME_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "symbol/name_pool.h"

/* Demangled from the linkage name where there is one, else put together from the namespaces and
 * classes around the entry; abstract origins and specifications are followed.  NULL if the entry
 * has no name.  *mangled tells whether it was a linkage name, which makes the name whole. */
const char *dwarf_name_read(Dwarf_Die *function, struct name_pool *pool, bool *mangled);

#endif
